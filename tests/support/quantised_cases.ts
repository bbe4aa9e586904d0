// What every backend owes matrices in fewer bits: whatever reads one gives the bits that it gives of a
// matrix of the numbers that the codes stand for.
import { assert, assertEquals } from "@std/assert";
import type { Device } from "../../core/device.ts";
import type { Quantised } from "../../core/dtype.ts";
import { gradient } from "../../core/gradient.ts";
import { encodeBf16 } from "../../core/half.ts";
import { add, mul } from "../../core/ops/elementwise.ts";
import { gather } from "../../core/ops/gather.ts";
import { matmul } from "../../core/ops/matmul.ts";
import { sum } from "../../core/ops/reduce.ts";
import { concatenate, slice } from "../../core/ops/slice.ts";
import { contiguous, flip, reshape, transpose } from "../../core/ops/view.ts";
import { quantisedParts } from "../../core/quantise.ts";
import { quantisedTensor } from "../../core/quantised.ts";
import { seedKey, uniform } from "../../core/random.ts";
import { checkpoint } from "../../core/checkpoint.ts";
import { type Tensor, tensor } from "../../core/tensor.ts";

/** Numbers in some parts, which end where no block does. */
export async function* cut(numbers: Float32Array, size = 1000): AsyncGenerator<Float32Array> {
  for (let at = 0; at < numbers.length; at += size) {
    yield await Promise.resolve(numbers.subarray(at, at + size));
  }
}

/** The memory of a quantised matrix. */
export async function memoryOf(dtype: Quantised, numbers: Float32Array): Promise<Uint32Array> {
  const words: number[] = [];
  for await (const part of quantisedParts(dtype, cut(numbers))) words.push(...part);
  return Uint32Array.from(words);
}

/** Codes of `count` numbers, and their scales, as the description of the format has them. */
export function codesAndScales(dtype: Quantised, words: Uint32Array, count: number) {
  const perWord = dtype === "nf4" ? 8 : 4;
  const floats = new Float32Array(words.buffer, words.byteOffset, words.length);
  const code = (start: number, perWord: number, i: number) => {
    const group = Math.floor(i / (64 * perWord));
    const place = Math.floor(i / 64) % perWord;
    const bits = 32 / perWord;
    return words[start + 64 * group + i % 64]! >>> (bits * place) & (2 ** bits - 1);
  };
  const codes = Array.from({ length: count }, (_, i) => code(0, perWord, i));
  const blocks = Math.ceil(count / 64);
  const behind = 64 * Math.ceil(count / 64 / perWord);
  if (dtype === "int8") {
    return { codes, scaleCodes: [], scales: Array.from(floats.subarray(behind, behind + blocks)) };
  }
  const groups = Math.ceil(blocks / 256);
  const scaleCodes = Array.from({ length: blocks }, (_, i) => code(behind, 4, i));
  const [largest, mean] = [behind + 64 * groups, behind + 65 * groups];
  const levels = floats.subarray(floats.length - 256);
  const scales = scaleCodes.map((c, i) => {
    const centred = Math.fround(levels[c]! * floats[largest + (i >> 8)]!);
    return Math.fround(centred + floats[mean]!);
  });
  return { codes, scaleCodes, scales };
}

const normalFloats = [
  ...[-1, -0.6961928009986877, -0.5250730514526367, -0.39491748809814453],
  ...[-0.28444138169288635, -0.18477343022823334, -0.09105003625154495, 0],
  ...[0.07958029955625534, 0.16093020141124725, 0.24611230194568634, 0.33791524171829224],
  ...[0.44070982933044434, 0.5626170039176941, 0.7229568362236023, 1],
];

/** The numbers that a quantised matrix stands for. */
export function numbersOf(dtype: Quantised, words: Uint32Array, count: number): Float32Array {
  const { codes, scales } = codesAndScales(dtype, words, count);
  return Float32Array.from(codes, (code, i) => {
    return (dtype === "nf4" ? normalFloats[code]! : code - 128) * scales[i >> 6]!;
  });
}

/** Numbers like weights: around 0, some of them far from it, with a block of zeros. */
export function weights(count: number, seed = 1): Float32Array {
  const [a, b, c] = [1, 2, 3].map((i) => uniform(seedKey(10 * seed + i), count));
  return Float32Array.from(
    a!,
    (_, i) =>
      i >= 64 && i < 128 ? 0 : 0.04 * (a![i]! + b![i]! + c![i]! - 1.5) * (i % 211 === 0 ? 5 : 1),
  );
}

/** A quantised tensor, and one of the numbers that it stands for, as the device would round them. */
export async function quantisedPair(
  device: Device,
  dtype: Quantised,
  shape: readonly [number, number],
): Promise<{ codes: Tensor; floats: Tensor }> {
  const numbers = weights(shape[0] * shape[1]);
  const codes = await quantisedTensor(device, shape, dtype, cut(numbers));
  const expected = numbersOf(dtype, await memoryOf(dtype, numbers), numbers.length);
  const floats = device.activations === "bf16"
    ? tensor(device, encodeBf16(expected), shape, "bf16")
    : tensor(device, expected, shape);
  return { codes, floats };
}

/** Every way in which a matrix is read. */
function waysOf(device: Device, [height, width]: readonly [number, number]) {
  const numbers = (rows: number, columns: number) =>
    tensor(device, uniform(seedKey(rows), rows * columns).map((u) => u - 0.5), [rows, columns]);
  const ids = tensor(device, [3, 0, height - 1, 3], [4], "u32");
  const ways: Record<string, (matrix: Tensor) => Tensor> = {
    "a sum": (t) => add(numbers(height, width), t),
    "a sum by columns": (t) => add(numbers(width, height), transpose(t)),
    "a copy of the transpose": (t) => contiguous(transpose(t)),
    "a part of the rows": (t) => add(slice(t, 0, 5, height - 2), numbers(height - 7, width)),
    "the left of a product": (t) => matmul(t, numbers(width, 9)),
    "rows": (t) => gather(t, ids),
    "itself beside itself": (t) => concatenate([t, flip(t, 0)], 1),
    "itself twice in one product": (t) => matmul(t, transpose(t)),
    "another shape": (t) => mul(reshape(t, [width * height]), reshape(t, [width * height])),
    "a gradient through a product": (t) => {
      const x = numbers(7, width);
      const { gradients } = gradient(() => sum(matmul(x, transpose(t))), [x]);
      return gradients[0]!;
    },
    "a gradient through a checkpoint": (t) => {
      const x = numbers(7, width);
      const run = () =>
        sum(checkpoint([x], (x) => mul(matmul(x, transpose(t)), numbers(7, height))));
      return gradient(run, [x]).gradients[0]!;
    },
  };
  // Gradients of codes are floats, those of activations are activations.
  if (device.activations === undefined) {
    ways["a gradient of the matrix"] = (t) =>
      gradient(() => sum(matmul(numbers(7, width), transpose(t))), [t]).gradients[0]!;
  }
  for (const rows of [1, 3, 7, 70]) {
    ways[`the right of a product with ${rows} rows`] = (t) => matmul(numbers(rows, height), t);
    ways[`the same transposed, ${rows} rows`] = (t) => matmul(numbers(rows, width), transpose(t));
  }
  return ways;
}

/** Reads a matrix in every way. */
export async function checkQuantised(device: Device, dtype: Quantised): Promise<void> {
  for (const shape of [[37, 45], [96, 192]] as const) {
    using _scope = device.scope("quantised");
    const { codes, floats } = await quantisedPair(device, dtype, shape);
    if (device.activations === undefined) {
      assertEquals(await codes.read(), await floats.read(), `${dtype} read back`);
      assertEquals(await transpose(codes).read(), await transpose(floats).read());
    }
    for (const [way, run] of Object.entries(waysOf(device, shape))) {
      const [actual, expected] = [await run(codes).read(), await run(floats).read()];
      assert(expected.some((x) => x !== 0), `${way} has no numbers`);
      assertEquals(actual, expected, `${dtype}, ${shape}: ${way}`);
    }
  }
}
