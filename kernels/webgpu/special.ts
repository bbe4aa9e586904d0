/**
 * WGSL for numbers that compilers may take to be absent: infinities and NaN are told by their bits,
 * and numbers are compared as integers of the same order.
 *
 * @module
 */

/** Bits of minus infinity as {@linkcode order} has them: the identity of a maximum. */
export const lowestOrder = -2139095041;

/** Text of an integer that grows with the float: -Infinity, -0, 0, Infinity, each once. */
export const order = (x: string): string => `order(${x})`;
/** Text of the float that {@linkcode order} made the integer of. */
export const ordered = (x: string): string => `ordered(${x})`;

const tellNumbers = `
fn missing(x: f32) -> bool { return (bitcast<u32>(x) & 0x7fffffffu) > 0x7f800000u; }
`;

const orderNumbers = `
fn order(x: f32) -> i32 { let bits = bitcast<i32>(x); return bits ^ ((bits >> 31u) & 0x7fffffff); }
fn ordered(x: i32) -> f32 { return bitcast<f32>(x ^ ((x >> 31u) & 0x7fffffff)); }
`;

// Both zeros are 0 here; infinities are 0x7f800000 either way, and NaN lies beyond them.
const compareNumbers = `
fn rank(x: f32) -> i32 {
  let bits = bitcast<i32>(x);
  let size = bits & 0x7fffffff;
  return select(size, -size, bits < 0);
}
fn inOrder(a: i32, b: i32) -> bool { return a >= -0x7f800000 && b <= 0x7f800000; }
fn less(a: f32, b: f32) -> bool {
  let x = rank(a);
  let y = rank(b);
  return x < y && inOrder(x, y);
}
fn atMost(a: f32, b: f32) -> bool {
  let x = rank(a);
  let y = rank(b);
  return x <= y && inOrder(x, y);
}
fn equals(a: f32, b: f32) -> bool {
  let x = rank(a);
  return x == rank(b) && inOrder(x, x);
}
`;

const larger = `
fn larger(a: f32, b: f32) -> f32 {
  let most = select(a, b, order(a) < order(b));
  return select(select(most, b, missing(b)), a, missing(a));
}
`;

// Some drivers compute tanh from exp, which overflows; clamp may lose what is not a number.
const tangent = `
fn tangent(x: f32) -> f32 { return select(tanh(clamp(x, -16.0, 16.0)), x, missing(x)); }
`;

// A subnormal number is its bits times 2^-149.
const logarithm = `
fn logarithm(x: f32) -> f32 {
  let bits = bitcast<u32>(x);
  let subnormal = bits > 0u && bits < 0x800000u;
  return log(select(x, f32(bits), subnormal)) - select(0.0, 103.27893, subnormal);
}
`;

// Beyond 2^126 an inverse is subnormal, and adapters may take it for 0.
const quotient = `
fn quotient(a: f32, b: f32) -> f32 {
  let scale = select(1.0, 0.25, abs(b) > 4e37);
  return (a * scale) / (b * scale);
}
`;

/** What each function is called for, in an order in which every one stands after those it calls. */
const functions: readonly (readonly [name: RegExp, text: string])[] = [
  [/\b(missing|larger|tangent)\(/, tellNumbers],
  [/\b(order|ordered|larger)\(/, orderNumbers],
  [/\b(less|atMost|equals)\(/, compareNumbers],
  [/\blarger\(/, larger],
  [/\btangent\(/, tangent],
  [/\blogarithm\(/, logarithm],
  [/\bquotient\(/, quotient],
];

/** The functions above that a text calls. */
export function specialFunctions(text: string): string {
  return functions.filter(([name]) => name.test(text)).map(([, text]) => text).join("");
}
