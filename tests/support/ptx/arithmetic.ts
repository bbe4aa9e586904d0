// Arithmetic of the card on the numbers of JavaScript.

const float = new Float32Array(1);
const bits = new Uint32Array(float.buffer);

/** `a * b + c`, rounded once. */
export function fusedMultiplyAdd(a: number, b: number, c: number): number {
  const product = a * b;
  const sum = product + c;
  const near = Math.fround(sum);
  const rest = sum - near;
  if (rest === 0 || Number.isNaN(rest)) return near;
  // The double was rounded too: that matters where it lies in the middle of two floats.
  const other = near + 2 * rest;
  if (Math.fround(other) !== other) return near;
  const back = sum - product;
  const lost = (product - (sum - back)) + (c - back);
  if (lost === 0) return near;
  return lost > 0 ? Math.max(near, other) : Math.min(near, other);
}

/** The nearest integer, the even one of two. */
export function roundToEven(x: number): number {
  const down = Math.floor(x);
  const rest = x - down;
  if (rest < 0.5 || Number.isNaN(rest) || (rest === 0.5 && down % 2 === 0)) return down;
  return down + 1;
}

/** A number as a word: NaN is 0, what is beyond the ends is the end. */
export function saturate(x: number, low: number, high: number): number {
  return Number.isNaN(x) ? 0 : Math.min(high, Math.max(low, x)) | 0;
}

/** A double as a float, cut off towards zero. */
export function cutOff(x: number): number {
  float[0] = x;
  const rounded = float[0]!;
  if (!(Math.abs(rounded) > Math.abs(x)) || !Number.isFinite(rounded)) return rounded;
  bits[0]! -= 1;
  return float[0]!;
}

/** A float's upper 16 bits, rounded to even. */
export function toBfloat(x: number): number {
  float[0] = x;
  const word = bits[0]!;
  if (Number.isNaN(x)) return 0x7fff;
  return (word + 0x7fff + ((word >>> 16) & 1)) >>> 16;
}

/** A float's bits, rounded to tf32: of two nearest the one of larger magnitude. */
export function toTf32(x: number): number {
  float[0] = x;
  return Number.isNaN(x) ? 0x7fffffff : (bits[0]! + 0x1000) & 0xffffe000;
}

/** The number whose bits a word is. */
export function floatOf(word: number): number {
  bits[0] = word;
  return float[0]!;
}

/** The number of half precision. */
export function halfToFloat(half: number): number {
  const sign = half & 0x8000 ? -1 : 1;
  const [exponent, mantissa] = [(half >> 10) & 31, half & 1023];
  if (exponent === 31) return mantissa === 0 ? sign * Infinity : NaN;
  if (exponent === 0) return sign * mantissa * 2 ** -24;
  return sign * (1024 + mantissa) * 2 ** (exponent - 25);
}

/** Bytes of two words, chosen by the digits of a selector. */
export function permuteBytes(a: number, b: number, selector: number): number {
  let result = 0;
  for (let i = 0; i < 4; i++) {
    const digit = (selector >>> (4 * i)) & 15;
    if (digit > 7) throw new RangeError("Cannot replicate signs");
    const word = digit < 4 ? a : b;
    result |= ((word >>> (8 * (digit & 3))) & 255) << (8 * i);
  }
  return result;
}

/** A word with its bits in the other order. */
export function reverseBits(word: number): number {
  let result = 0;
  for (let i = 0; i < 32; i++) result = (result << 1) | ((word >>> i) & 1);
  return result;
}

/** A float whose exponent has its least value as 0 of the same sign. */
export function flushed(x: number): number {
  return Math.abs(x) < 2 ** -126 ? 0 * x : x;
}
