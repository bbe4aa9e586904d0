import { assert, assertEquals } from "@std/assert";
import { gradient } from "../../core/gradient.ts";
import { seedKey, uniform } from "../../core/random.ts";
import type { Device } from "../../core/device.ts";
import { sizeOf } from "../../core/shape.ts";
import { type Tensor, tensor } from "../../core/tensor.ts";

/** `count` numbers in [low, high), the same for the same seed. */
export function numbers(seed: number, count: number, low = -2, high = 2): Float64Array {
  return uniform(seedKey(seed), count).map((u) => low + u * (high - low));
}

/** A tensor of such numbers. */
export function randomTensor(device: Device, seed: number, shape: readonly number[]): Tensor {
  return tensor(device, numbers(seed, sizeOf(shape)), shape);
}

/** One number from a function of tensors. */
export type Loss = (inputs: Tensor[]) => Tensor;

/**
 * Checks a gradient by central differences along one random direction:
 * (f(x + hd) - f(x - hd)) / 2h = d · ∇f.
 */
export async function assertGradient(
  device: Device,
  loss: Loss,
  data: readonly Float64Array[],
  shapes: readonly (readonly number[])[],
  relative = 1e-6,
): Promise<void> {
  using _scope = device.scope("differences");
  const direction = data.map((x, i) => numbers(7000 + i, x.length, -0.5, 0.5));
  const at = async (h: number) => {
    using _scope = device.scope("point");
    const moved = data.map((x, i) => x.map((value, j) => value + h * direction[i]![j]!));
    return await loss(moved.map((x, i) => tensor(device, x, shapes[i]!))).item();
  };
  const h = 1e-6;
  const numeric = (await at(h) - await at(-h)) / (2 * h);
  const inputs = data.map((x, i) => tensor(device, x, shapes[i]!));
  const { gradients } = gradient(() => loss(inputs), inputs);
  let analytic = 0;
  for (const [i, g] of gradients.entries()) {
    // What the loss does not reach has the gradient zero, and the differences must agree.
    if (g === undefined) continue;
    assertEquals(g.shape, shapes[i]!);
    (await g.read()).forEach((value, j) => analytic += value * direction[i]![j]!);
  }
  const error = Math.abs(analytic - numeric) / Math.max(1e-3, Math.abs(numeric));
  assert(error <= relative, `${analytic} by derivation, ${numeric} by differences`);
}

/** Checks two lists of numbers, absolutely plus relatively. */
export function assertClose(
  actual: ArrayLike<number>,
  expected: ArrayLike<number>,
  absolute: number,
  relative = 0,
): void {
  assertEquals(actual.length, expected.length);
  for (let i = 0; i < expected.length; i++) {
    const [a, b] = [actual[i]!, expected[i]!];
    assert(Math.abs(a - b) <= absolute + relative * Math.abs(b), `at ${i}: ${a}, expected ${b}`);
  }
}
