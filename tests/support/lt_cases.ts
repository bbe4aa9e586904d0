// Products for the pretended library, of numbers that all formats have.
import { assertEquals } from "@std/assert";
import { Device } from "../../core/device.ts";
import { seedKey, uniform } from "../../core/random.ts";
import { sizeOf } from "../../core/shape.ts";
import { type Tensor, tensor } from "../../core/tensor.ts";
import { openCpu } from "../../kernels/cpu/backend.ts";
import { withInterpreted } from "./interpreted_device.ts";
import { assertRounded, type Results } from "./op_results.ts";
import { floatOf, toBfloat } from "./ptx/arithmetic.ts";

export type Dtype = "f32" | "f16" | "bf16";

/** Makes tensors of numbers that bf16 has, as the dtype where the device has it. */
export type Make = (seed: number, shape: readonly number[], dtype?: Dtype) => Tensor;

/** Halves of the numbers are those of bf16: a quarter of 2^-6 to 2^-1, which f16 has too. */
export function maker(device: Device): Make {
  return (seed, shape, dtype = "f32") => {
    const bits = uniform(seedKey(seed), sizeOf(shape)).map((u) => toBfloat(u - 0.5) & 0xfff0);
    const numbers = bits.map((word) => floatOf(word << 16));
    if (device.float === "f64" || dtype === "f32") return tensor(device, numbers, shape);
    const halves = dtype === "bf16" ? bits : numbers.map(toHalf);
    return tensor(device, Uint16Array.from(halves), shape, dtype);
  };
}

/** A number that half precision has exactly, or 0 where it is too small for a normal one. */
function toHalf(x: number): number {
  const word = new Uint32Array(Float32Array.of(x).buffer)[0]!;
  const exponent = (word >>> 23 & 255) - 112;
  return (word >>> 16 & 0x8000) | (exponent < 1 ? 0 : exponent << 10 | word >>> 13 & 1023);
}

/** What a device computes, and how many products the library had. */
export type Case = (make: Make) => Tensor[];

/**
 * Checks cases against f64.
 *
 * @param byLibrary Whether each result is one product of the library; else it has none
 * @param options Whether the library takes biases of another type than the result, and the largest
 * number that results are made of by addition where the product itself is a result
 */
export async function checkProducts(
  cases: Readonly<Record<string, Case>>,
  byLibrary: boolean,
  options: { readonly mixesBias?: boolean; readonly through?: number } = {},
): Promise<void> {
  const read = async (device: Device, run: Case): Promise<Results> => {
    using _scope = device.scope("case");
    return await Promise.all(run(maker(device)).map(async (t) => [...await t.read()]));
  };
  await using oracle = new Device(openCpu({ kernels: "javascript" }), "f64");
  await withInterpreted({ precision: "bf16", blas: true }, async (device, { blas }) => {
    blas.mixesBias = options.mixesBias ?? false;
    for (const [name, run] of Object.entries(cases)) {
      const before = blas.counts.get("cublasLtMatmul") ?? 0;
      const expected = await read(oracle, run);
      assertRounded(await read(device, run), expected, name, options.through);
      const count = (blas.counts.get("cublasLtMatmul") ?? 0) - before;
      assertEquals(count, byLibrary ? expected.length : 0, name);
    }
    // It is not even asked for what is no matrix of its own.
    assertEquals(blas.counts.has("cublasLtMatmulAlgoGetHeuristic"), byLibrary);
  });
}
