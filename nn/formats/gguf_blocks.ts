/**
 * Numbers of GGUF's blocks, as llama.cpp and gguf-py have them, to the bit. A block holds codes and the
 * scales that turn them into numbers; all is little-endian.
 *
 * @module
 */

import type { Half } from "../../core/dtype.ts";
import { decodeHalf } from "../../core/half.ts";

/** How the elements of a type lie in a file. */
export interface GgufType {
  /** Name in messages. */
  readonly name: string;
  /** Elements of a block. */
  readonly elements: number;
  /** Bytes of a block. */
  readonly bytes: number;
  /** Numbers of whole blocks. */
  readonly decode: (bytes: Uint8Array) => Float32Array<ArrayBuffer>;
  /** What the elements are, where they are numbers of 16 bits. */
  readonly half?: Half;
}

/** Writes the numbers of the block at a byte from an element on. */
type DecodeBlock = (bytes: Uint8Array, at: number, out: Float32Array, to: number) => void;

/** A type whose blocks are decoded one by one. */
function blocks(name: string, elements: number, size: number, decode: DecodeBlock): GgufType {
  return {
    name,
    elements,
    bytes: size,
    decode(bytes) {
      const count = bytes.length / size;
      const numbers = new Float32Array(count * elements);
      for (let b = 0; b < count; b++) decode(bytes, b * size, numbers, b * elements);
      return numbers;
    },
  };
}

let halves: Float32Array | undefined;

/** The half-precision number at a byte. */
function halfAt(bytes: Uint8Array, at: number): number {
  halves ??= decodeHalf(Uint16Array.from({ length: 65536 }, (_, bits) => bits), "f16");
  return halves[bytes[at]! | bytes[at + 1]! << 8]!;
}

/** Codes of 4 bits with 0 in their middle: the lower halves of 16 bytes, then the upper ones. */
const q40 = blocks("Q4_0", 32, 18, (bytes, at, out, to) => {
  const scale = halfAt(bytes, at);
  for (let i = 0; i < 16; i++) {
    const byte = bytes[at + 2 + i]!;
    out[to + i] = scale * ((byte & 15) - 8);
    out[to + 16 + i] = scale * ((byte >> 4) - 8);
  }
});

/** The same above a minimum. */
const q41 = blocks("Q4_1", 32, 20, (bytes, at, out, to) => {
  const [scale, least] = [halfAt(bytes, at), halfAt(bytes, at + 2)];
  for (let i = 0; i < 16; i++) {
    const byte = bytes[at + 4 + i]!;
    out[to + i] = scale * (byte & 15) + least;
    out[to + 16 + i] = scale * (byte >> 4) + least;
  }
});

/** The fifth bit of a code, of which 32 lie in four bytes. */
function fifth(bytes: Uint8Array, at: number, i: number): number {
  return (bytes[at + (i >> 3)]! >> (i & 7) & 1) << 4;
}

/** Codes of 5 bits with 0 in their middle. */
const q50 = blocks("Q5_0", 32, 22, (bytes, at, out, to) => {
  const scale = halfAt(bytes, at);
  for (let i = 0; i < 16; i++) {
    const byte = bytes[at + 6 + i]!;
    out[to + i] = scale * ((byte & 15 | fifth(bytes, at + 2, i)) - 16);
    out[to + 16 + i] = scale * ((byte >> 4 | fifth(bytes, at + 2, 16 + i)) - 16);
  }
});

/** The same above a minimum. */
const q51 = blocks("Q5_1", 32, 24, (bytes, at, out, to) => {
  const [scale, least] = [halfAt(bytes, at), halfAt(bytes, at + 2)];
  for (let i = 0; i < 16; i++) {
    const byte = bytes[at + 8 + i]!;
    out[to + i] = scale * (byte & 15 | fifth(bytes, at + 4, i)) + least;
    out[to + 16 + i] = scale * (byte >> 4 | fifth(bytes, at + 4, 16 + i)) + least;
  }
});

/** Signed bytes. */
const q80 = blocks("Q8_0", 32, 34, (bytes, at, out, to) => {
  const scale = halfAt(bytes, at);
  for (let i = 0; i < 32; i++) out[to + i] = scale * (bytes[at + 2 + i]! << 24 >> 24);
});

/** The 6-bit scale and minimum of the i-th 32 elements, of which eight pairs share twelve bytes. */
function scaleAndMinimum(bytes: Uint8Array, at: number, i: number): [number, number] {
  const [first, second] = [bytes[at + i]!, bytes[at + i + 4]!];
  if (i < 4) return [first & 63, second & 63];
  return [second & 15 | bytes[at + i - 4]! >> 6 << 4, second >> 4 | first >> 6 << 4];
}

/** Codes of 4 bits, or 5, in eights of 32 elements, each with a scale and a minimum of 6 bits. */
function grouped(name: string, hasFifth: boolean): GgufType {
  const head = hasFifth ? 48 : 16;
  return blocks(name, 256, head + 128, (bytes, at, out, to) => {
    const [scale, least] = [halfAt(bytes, at), halfAt(bytes, at + 2)];
    for (let group = 0; group < 8; group++) {
      const [own, minimum] = scaleAndMinimum(bytes, at + 4, group);
      const [step, below] = [scale * own, least * minimum];
      const codes = at + head + 32 * (group >> 1);
      for (let i = 0; i < 32; i++) {
        const low = bytes[codes + i]! >> 4 * (group & 1) & 15;
        const code = hasFifth ? low | (bytes[at + 16 + i]! >> group & 1) << 4 : low;
        out[to + 32 * group + i] = step * code - below;
      }
    }
  });
}

/** Codes of 6 bits in sixteens of 16 elements, each with a scale of a signed byte. */
const q6k = blocks("Q6_K", 256, 210, (bytes, at, out, to) => {
  const scale = halfAt(bytes, at + 208);
  for (let i = 0; i < 256; i++) {
    const [side, quarter, place] = [i >> 7, i >> 5 & 3, i & 31];
    const low = bytes[at + 64 * side + 32 * (quarter & 1) + place]! >> 4 * (quarter >> 1) & 15;
    const upper = bytes[at + 128 + 32 * side + place]! >> 2 * quarter & 3;
    const own = bytes[at + 192 + (i >> 4)]! << 24 >> 24;
    out[to + i] = scale * own * ((low | upper << 4) - 32);
  }
});

/** Bytes as elements, in memory of their own, as they may lie on no element's boundary. */
function copyAs<T>(bytes: Uint8Array, type: { new (buffer: ArrayBuffer): T }): T {
  return new type(bytes.slice().buffer);
}

/** Numbers of 16 bits. */
function ofHalves(name: string, half: Half): GgufType {
  const decode = (bytes: Uint8Array) => decodeHalf(copyAs(bytes, Uint16Array), half);
  return { name, elements: 1, bytes: 2, decode, half };
}

const f32 = (bytes: Uint8Array) => copyAs(bytes, Float32Array) as Float32Array<ArrayBuffer>;

/** The types that are read, by their numbers in a file. */
export const ggufTypes: ReadonlyMap<number, GgufType> = new Map([
  [0, { name: "F32", elements: 1, bytes: 4, decode: f32 }],
  [1, ofHalves("F16", "f16")],
  [2, q40],
  [3, q41],
  [6, q50],
  [7, q51],
  [8, q80],
  [12, grouped("Q4_K", false)],
  [13, grouped("Q5_K", true)],
  [14, q6k],
  [30, ofHalves("BF16", "bf16")],
]);
