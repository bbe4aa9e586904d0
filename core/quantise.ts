/**
 * Numbers into 8 or 4 bits, as bitsandbytes does it: `nf4` by the 16 levels of QLoRA, with scales that
 * are quantised once more, `int8` by 255 even steps.
 *
 * **Source**: Dettmers et al. 2023, "QLoRA" (arXiv 2305.14314); Dettmers et al. 2022, "8-bit Optimizers
 * via Block-wise Quantization" (arXiv 2110.02861).
 *
 * @module
 */

import type { Quantised } from "./dtype.ts";
import { blockSize, codesPerWord, normalLevels, scalesPerGroup } from "./quantisation.ts";

/**
 * The levels of scales, ascending: seven powers of ten, each of which twice as many fractions share as
 * the one below it, of both signs; 0 and 1.
 */
function dynamicLevels(): Float32Array {
  const round = Math.fround;
  const levels = [0, 1];
  for (let power = 0, count = 1; power < 7; power++, count *= 2) {
    const step = round(round(1 - round(0.1)) / count);
    // From both ends, as torch.linspace has it: its last bits decide which level is the nearest.
    const bound = (i: number) =>
      round(2 * i < count + 1 ? round(0.1) + step * i : 1 - step * (count - i));
    for (let i = 0; i < count; i++) {
      const level = round(round(10 ** (power - 6)) * (round(bound(i) + bound(i + 1)) / 2));
      levels.push(level, -level);
    }
  }
  return Float32Array.from(levels).sort();
}

/** Factors that move each code of a word to its highest bits. */
function factorsOf(dtype: Quantised): Uint32Array {
  const count = codesPerWord[dtype];
  return Uint32Array.from({ length: count }, (_, i) => 2 ** (32 / count * (count - 1 - i)));
}

/** Bounds between ascending levels: what lies on one belongs to the lower level. */
function boundsOf(levels: ArrayLike<number>): Float32Array {
  const { length } = levels;
  return Float32Array.from(
    { length: length - 1 },
    (_, i) => Math.fround(levels[i]! + levels[i + 1]!) / 2,
  );
}

/** The number of the level that is nearest. */
function nearest(bounds: Float32Array, x: number): number {
  let [low, high] = [0, bounds.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (bounds[middle]! < x) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Largest magnitude of some numbers. */
function largestOf(numbers: Float32Array | Float64Array): number {
  let largest = 0;
  for (let i = 0; i < numbers.length; i++) {
    const magnitude = Math.abs(numbers[i]!);
    if (magnitude > largest) largest = magnitude;
  }
  return largest;
}

/** What numbers are multiplied by to lie within -1 and 1, but for a last bit. */
function factorOf(largest: number): number {
  return Math.fround(1 / Math.max(largest, 1e-38));
}

/** The last one is never passed: reads beyond an array are slow. */
const normalBounds = Float32Array.of(...boundsOf(normalLevels), Infinity);
/** Parts of a unit. */
const cells = 64;
/** The lowest level of the numbers from -1 + i/64 to the next such bound. */
const lowestLevels = Uint8Array.from(
  { length: 2 * cells + 2 },
  (_, i) => nearest(normalBounds, i / cells - 1),
);

/** Puts the codes of a block into words, at a place in each. */
type Encode = (
  block: Float32Array,
  largest: number,
  words: Uint32Array<ArrayBuffer>,
  place: number,
) => void;

const encode: Readonly<Record<Quantised, Encode>> = {
  nf4(block, largest, words, place) {
    const factor = factorOf(largest);
    for (let i = 0; i < block.length; i++) {
      const x = Math.fround(block[i]! * factor);
      let code = lowestLevels[(x + 1) * cells | 0]!;
      while (normalBounds[code]! < x) code++;
      words[i]! |= code << (4 * place);
    }
  },
  int8(block, largest, words, place) {
    // Of zeros the quotient is none.
    const divisor = largest === 0 ? 1 : largest;
    for (let i = 0; i < block.length; i++) {
      words[i]! |= Math.floor(block[i]! / divisor * 127 + 128.5) << (8 * place);
    }
  },
};

/** Quantises the numbers of a matrix as they come, in row-major order. */
export class Quantiser {
  /** Numbers of a group that is not complete. */
  readonly #group: Float32Array;
  readonly #scales: number[] = [];
  #held = 0;

  /** @param dtype Format of the codes */
  constructor(readonly dtype: Quantised) {
    this.#group = new Float32Array(codesPerWord[dtype] * blockSize);
  }

  /** Codes of the groups that are complete with some further numbers. */
  add(numbers: Float32Array | Float64Array): Uint32Array<ArrayBuffer> {
    const size = this.#group.length;
    const count = Math.floor((this.#held + numbers.length) / size);
    const words = new Uint32Array(count * blockSize);
    let at = 0;
    for (let g = 0; g < count; g++) {
      const needed = size - this.#held;
      this.#group.set(numbers.subarray(at, at += needed), this.#held);
      this.#held = size;
      this.#finish(words.subarray(g * blockSize, (g + 1) * blockSize));
    }
    this.#group.set(numbers.subarray(at), this.#held);
    this.#held += numbers.length - at;
    return words;
  }

  /** Codes of the last group, and all that lies behind the codes. */
  end(): Uint32Array<ArrayBuffer> {
    const last = new Uint32Array(this.#held > 0 ? blockSize : 0);
    if (this.#held > 0) this.#finish(last);
    const rest = this.dtype === "nf4" ? quantisedScales(this.#scales) : this.#plainScales();
    const words = new Uint32Array(last.length + rest.length);
    words.set(last);
    words.set(rest, last.length);
    return words;
  }

  #finish(words: Uint32Array<ArrayBuffer>): void {
    const numbers = this.#group.subarray(0, this.#held);
    for (let at = 0, place = 0; at < numbers.length; at += blockSize, place++) {
      const block = numbers.subarray(at, at + blockSize);
      const largest = largestOf(block);
      this.#scales.push(largest);
      encode[this.dtype](block, largest, words, place);
    }
    this.#held = 0;
  }

  /** What a step of `int8` is, by block; those of the last group are filled up. */
  #plainScales(): Uint32Array {
    const perWord = codesPerWord[this.dtype];
    const scales = new Float32Array(Math.ceil(this.#scales.length / perWord) * perWord);
    // Rounded up, 127 steps of the largest floats would be infinite.
    this.#scales.forEach((largest, i) => scales[i] = Math.min(largest / 127, 2 ** 121));
    return joined([scales, factorsOf("int8")]);
  }
}

/** Scales as `nf4` has them: less their mean, in codes of a byte, with a scale for each group. */
function quantisedScales(scales: readonly number[]): Uint32Array {
  const count = Math.ceil(scales.length / scalesPerGroup);
  const mean = Math.fround(scales.reduce((sum, x) => sum + x, 0) / Math.max(1, scales.length));
  const levels = dynamicLevels();
  const bounds = boundsOf(levels);
  const words = new Uint32Array(count * blockSize);
  const largest = new Float32Array(count);
  for (let g = 0; g < count; g++) {
    const own = scales.slice(g * scalesPerGroup, (g + 1) * scalesPerGroup);
    const centred = Float32Array.from(own, (x) => x - mean);
    largest[g] = largestOf(centred);
    const factor = factorOf(largest[g]!);
    centred.forEach((x, i) => {
      const code = nearest(bounds, Math.fround(x * factor));
      words[g * blockSize + i % blockSize]! |= code << (8 * Math.floor(i / blockSize));
    });
  }
  const factors = [factorsOf("nf4"), factorsOf("int8")];
  return joined([words, largest, Float32Array.of(mean), ...factors, levels]);
}

function joined(parts: readonly (Uint32Array | Float32Array)[]): Uint32Array {
  const words = new Uint32Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    words.set(new Uint32Array(part.buffer, part.byteOffset, part.length), at);
    at += part.length;
  }
  return words;
}

/**
 * Numbers that come part by part as the memory of a quantised matrix, part by part.
 *
 * @param parts Finite numbers in row-major order
 */
export async function* quantisedParts(
  dtype: Quantised,
  parts: AsyncIterable<Float32Array | Float64Array>,
): AsyncGenerator<Uint32Array<ArrayBuffer>> {
  const quantiser = new Quantiser(dtype);
  for await (const part of parts) yield quantiser.add(part);
  yield quantiser.end();
}
