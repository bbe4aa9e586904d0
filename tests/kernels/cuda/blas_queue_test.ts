// Products by cuBLASLt in graphs, and failures of the library.
import { assertEquals, assertNotEquals, assertRejects, assertThrows } from "@std/assert";
import type { Bound, Buffer } from "../../../core/backend.ts";
import type { Device } from "../../../core/device.ts";
import { DeviceError } from "../../../core/errors.ts";
import { add, scale } from "../../../core/ops/elementwise.ts";
import { matmul, matmulAdd } from "../../../core/ops/matmul.ts";
import { zeros } from "../../../core/ops/create.ts";
import { seedKey, uniform } from "../../../core/random.ts";
import { type Tensor, tensor } from "../../../core/tensor.ts";
import type { LtFunction } from "../../../kernels/cuda/blas/lt_library.ts";
import type { DriverFunction } from "../../../kernels/cuda/driver/ffi.ts";
import { plainProduct } from "../../../kernels/plan/split_k.ts";
import { withInterpreted } from "../../support/interpreted_device.ts";
import { assertSame } from "../../support/op_results.ts";
import { type InterpretedBackend, interpretedCuda } from "../../support/ptx/interpreted_driver.ts";

const options = { precision: "bf16", blas: true } as const;
const size = 64;

function square(device: Device, seed: number): Tensor {
  const data = uniform(seedKey(seed), size * size).map((u) => Math.fround(u - 0.5));
  return tensor(device, data, [size, size]);
}

/** Six launches with a product in their middle: two that round, the product, its epilogue. */
async function chain(device: Device, a: Tensor, b: Tensor): Promise<number[]> {
  using _scope = device.scope("chain");
  return [...await scale(matmulAdd(add(a, 1), b, b), 0.5).read()];
}

const watched: readonly DriverFunction[] = [
  "cuStreamBeginCapture_v2",
  "cuGraphAddChildGraphNode",
  "cuGraphExecChildGraphNodeSetParams",
  "cuGraphLaunch",
  "cuLaunchKernel",
];

/** Calls of the driver's functions, and products of the library's, while something runs. */
async function callsOf(card: InterpretedBackend, run: () => Promise<unknown>): Promise<number[]> {
  const count = () => [
    ...watched.map((name) => card.counts.get(name) ?? 0),
    card.blas.counts.get("cublasLtMatmul") ?? 0,
  ];
  const before = count();
  await run();
  return count().map((calls, i) => calls - before[i]!);
}

Deno.test("products of the library are captured once, and set anew where addresses changed", async () => {
  let plain: number[][] = [];
  await withInterpreted({ ...options, graphs: false }, async (device, card) => {
    const [a, b, other] = [1, 2, 3].map((seed) => square(device, seed)) as [Tensor, Tensor, Tensor];
    const run = async () => plain = [await chain(device, a, b), await chain(device, a, other)];
    assertEquals(await callsOf(card, run), [0, 0, 0, 0, 10, 2]);
    assertNotEquals(plain[0], plain[1]);
  });
  await withInterpreted(options, async (device, card) => {
    const [a, b, other] = [1, 2, 3].map((seed) => square(device, seed)) as [Tensor, Tensor, Tensor];
    // Captures, nodes of products, those set anew, graphs launched, plain launches, products.
    const expected: readonly [Tensor, number, number[]][] = [
      [b, 0, [0, 0, 0, 0, 5, 1]],
      [b, 0, [1, 1, 0, 1, 0, 1]],
      [b, 0, [0, 0, 0, 1, 0, 0]],
      [other, 1, [0, 0, 0, 1, 0, 0]],
      [b, 0, [0, 0, 0, 1, 0, 0]],
    ];
    for (const [right, which, calls] of expected) {
      const run = async () => assertSame(await chain(device, a, right), plain[which]!, "chain");
      assertEquals(await callsOf(card, run), calls);
    }
    // What is taken before moves the rounded factors and the result.
    const moved = zeros(device, [size, size]);
    await moved.read();
    const run = async () => assertSame(await chain(device, a, b), plain[0]!, "moved");
    const calls = await callsOf(card, run);
    assertEquals(calls, [1, 0, 1, 1, 0, 1]);
    assertEquals([...await moved.read()], Array(size * size).fill(0));
    assertEquals(card.state.capturing, false);
  });
});

/** The error of a chain whose result would be read. */
async function told(device: Device, a: Tensor, b: Tensor): Promise<string> {
  return (await assertRejects(() => chain(device, a, b), DeviceError)).message;
}

Deno.test("a product that the library refuses is a DeviceError, in plain launches and in graphs", async () => {
  // A launch that fails spoils the capture, what is not supported does not.
  for (const status of [13, 15]) {
    await withInterpreted(options, async (device, { blas, state }) => {
      const [a, b] = [square(device, 1), square(device, 2)];
      const message =
        `Cannot go on with an interpreted card as cublasLtMatmul failed with ${status}`;
      const failing = async (run: () => Promise<string>) => {
        const open = [...state.open];
        blas.failures.set("cublasLtMatmul", status);
        assertEquals(await run(), message);
        blas.failures.clear();
        assertEquals([...state.open], open);
      };
      const expected = await chain(device, a, b);
      await failing(() => told(device, a, b));
      // The graph is made then.
      assertSame(await chain(device, a, b), expected, "made");
      const moved = zeros(device, [size, size]);
      await moved.read();
      await failing(() => told(device, a, b));
      assertSame(await chain(device, a, b), expected, "set anew");
      await moved.read();
    });
  }
});

const making: readonly LtFunction[] = [
  "cublasLtMatmulDescCreate",
  "cublasLtMatmulDescSetAttribute",
  "cublasLtMatrixLayoutCreate",
  "cublasLtMatmulPreferenceCreate",
  "cublasLtMatmulPreferenceSetAttribute",
];

/** A product of a buffer by itself, the left factor from an offset on, into another one. */
function multiply(
  { backend }: InterpretedBackend,
  from: Buffer,
  into: Buffer,
  offset = 0,
  dtype: "f32" | "bf16" = "f32",
): void {
  const bound = (buffer: Buffer, offset: number, dtype: "f32" | "bf16"): Bound => (
    { buffer, dtype, offset, strides: [size, 1] }
  );
  backend.run(plainProduct, {
    space: [size, size, size],
    inputs: [bound(from, offset, dtype), bound(from, 0, dtype)],
    outputs: [bound(into, 0, "f32")],
    indices: [],
    scalars: [],
  });
}

Deno.test("descriptions that cannot be made are a DeviceError, and leave none", async () => {
  await withInterpreted(options, (_, card) => {
    const { backend, blas, state } = card;
    const [from, into] = [backend.allocate(4 * size * size), backend.allocate(4 * size * size)];
    const open = () => [...state.open].filter((each) => each.startsWith("cuBLASLt"));
    const before = open();
    for (const name of making) {
      blas.failures.set(name, 7);
      assertThrows(
        () => multiply(card, from, into),
        DeviceError,
        `Cannot go on with cuBLASLt 13.1 as ${name} failed with 7`,
      );
      blas.failures.clear();
      assertEquals(open(), before, name);
    }
    multiply(card, from, into);
    assertEquals(open().length, before.length + 4);
    for (const buffer of [from, into]) backend.release(buffer);
  });
});

Deno.test("a product for which the library has no algorithm is our own kernel's", async () => {
  await withInterpreted(options, async (device, { blas, state }) => {
    const [a, b] = [square(device, 1), square(device, 2)];
    blas.failures.set("cublasLtMatmulAlgoGetHeuristic", 15);
    const own = await matmul(a, b).read();
    blas.failures.clear();
    assertEquals(blas.counts.get("cublasLtMatmul"), undefined);
    assertEquals([...state.open].filter((each) => /description|layout|prefer/.test(each)), []);
    // It is asked once.
    assertSame(await matmul(a, b).read(), own, "again");
    assertEquals(blas.counts.get("cublasLtMatmulAlgoGetHeuristic"), 1);
  });
});

Deno.test("where the card has no memory left for a product, what it took is given back", async () => {
  await withInterpreted(options, (_, card) => {
    const { backend, state } = card;
    const bytes = 4 * size * size;
    const [from, into] = [backend.allocate(bytes), backend.allocate(bytes)];
    state.limit = state.used;
    const free = 32 * 2 ** 20 - 2 * bytes;
    // There is room for one factor in bf16, not for two.
    const filling = backend.allocate(free - bytes / 2 - 4096);
    const message = `Cannot hold a tensor of ${bytes / 2} bytes (shape [${size},${size}])`;
    assertThrows(() => multiply(card, from, into), DeviceError, message);
    backend.release(filling);
    for (const buffer of [backend.allocate(free), from, into]) backend.release(buffer);
  });
});

Deno.test("a lost context is told by products of the library too, and all is given back", async () => {
  const card = interpretedCuda("bf16", { blas: true });
  const { backend, blas, state } = card;
  const buffer = backend.allocate(4 * size * size);
  multiply(card, buffer, buffer, 2 ** 26);
  const message = "Cannot go on with an interpreted card as a program that was queued failed: a " +
    "program reached memory that is not its own (CUDA error 700)";
  const read = () => Promise.resolve().then(() => backend.read(buffer, 0, 4));
  assertEquals((await assertRejects(read, DeviceError)).message, message);
  const before = blas.counts.get("cublasLtMatmul");
  // Both factors are in bf16, so that nothing of our own goes before.
  multiply(card, buffer, buffer, 0, "bf16");
  assertEquals((await assertRejects(read, DeviceError)).message, message);
  assertEquals(blas.counts.get("cublasLtMatmul"), before);
  // The library may say that it lost the context as well.
  blas.failures.set("cublasLtDestroy", 1);
  await backend[Symbol.asyncDispose]();
  assertEquals([...state.open].filter((each) => !each.startsWith("cuBLASLt handle")), []);
});
