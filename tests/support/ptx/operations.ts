// Instructions on registers as expressions of JavaScript.

/**
 * Types of an instruction's operands, the result first, and the value of the result. Letters: f
 * float, r word, x the bits of either, h half, d 64 bits, p predicate.
 */
export type ScalarPtx = readonly [types: string, value: (...operands: string[]) => string];

const unsigned = (operator: string): ScalarPtx["1"] => (a, b) => `(${a}>>>0)${operator}(${b}>>>0)`;
const binary = (operator: string): ScalarPtx["1"] => (a, b) => `${a}${operator}${b}`;
const call = (name: string): ScalarPtx["1"] => (...operands) => `${name}(${operands.join(",")})`;
/** Shifts by 32 and more leave nothing. */
const shift = (operator: string): ScalarPtx["1"] => (a, b) =>
  `((${b}>>>0)>31?0:${a}${operator}${b})`;

/** The instructions. */
export const scalarPtx: Readonly<Record<string, ScalarPtx>> = {
  "add.rn.f32": ["fff", binary("+")],
  "sub.rn.f32": ["fff", binary("-")],
  "mul.rn.f32": ["fff", binary("*")],
  "div.rn.f32": ["fff", binary("/")],
  "fma.rn.f32": ["ffff", call("fusedMultiplyAdd")],
  "neg.f32": ["ff", (a) => `-(${a})`],
  "abs.f32": ["ff", call("Math.abs")],
  "sqrt.rn.f32": ["ff", call("Math.sqrt")],
  "rsqrt.approx.f32": ["ff", (a) => `1/Math.sqrt(${a})`],
  "ex2.approx.f32": ["ff", (a) => `2**(${a})`],
  "ex2.approx.ftz.f32": ["ff", (a) => `flushed(2**flushed(${a}))`],
  "lg2.approx.f32": ["ff", call("Math.log2")],
  "max.NaN.f32": ["fff", call("Math.max")],
  "min.NaN.f32": ["fff", call("Math.min")],
  "max.f32": ["fff", (a, b) => `(${a}!==${a}?${b}:${b}!==${b}?${a}:Math.max(${a},${b}))`],
  "selp.f32": ["fffp", (a, b, p) => `(${p}?${a}:${b})`],
  "selp.b32": ["rrrp", (a, b, p) => `(${p}?${a}:${b})`],
  "cvt.rn.f32.u32": ["fr", (a) => `${a}>>>0`],
  "cvt.rzi.u32.f32": ["rf", (a) => `saturate(Math.trunc(${a}),0,4294967295)`],
  "cvt.rni.s32.f32": ["rf", (a) => `saturate(roundToEven(${a}),-2147483648,2147483647)`],
  "cvt.rni.f32.f32": ["ff", call("roundToEven")],
  "cvt.f32.f16": ["fh", call("halfToFloat")],
  "cvt.s64.s32": ["dr", (a) => a!],
  "cvt.rna.tf32.f32": ["rf", call("toTf32")],
  "cvt.rn.bf16.f32": ["hf", call("toBfloat")],
  "cvt.rn.bf16x2.f32": ["rff", (a, b) => `(toBfloat(${a})<<16|toBfloat(${b}))`],
  "setp.lt.f32": ["pff", binary("<")],
  "setp.le.f32": ["pff", binary("<=")],
  "setp.eq.f32": ["pff", binary("===")],
  "setp.nan.f32": ["pff", (a, b) => `(${a}!==${a}||${b}!==${b})`],
  "setp.lt.u32": ["prr", unsigned("<")],
  "setp.le.u32": ["prr", unsigned("<=")],
  "setp.ge.u32": ["prr", unsigned(">=")],
  "setp.eq.u32": ["prr", unsigned("===")],
  "setp.ne.u32": ["prr", unsigned("!==")],
  "setp.le.s32": ["prr", binary("<=")],
  "setp.lt.s32": ["prr", binary("<")],
  "setp.gt.s32": ["prr", binary(">")],
  "setp.ge.s32": ["prr", binary(">=")],
  "setp.lt.and.s32": ["prrp", (a, b, c) => `(${a}<${b}&&${c})`],
  "setp.eq.and.u32": ["prrp", (a, b, c) => `(${a}===${b}&&${c})`],
  "setp.gt.and.s32": ["prrp", (a, b, c) => `(${a}>${b}&&${c})`],
  "and.pred": ["ppp", binary("&")],
  "or.pred": ["ppp", binary("|")],
  "xor.pred": ["ppp", binary("^")],
  "not.pred": ["pp", (a) => `${a}^1`],
  "add.u32": ["rrr", binary("+")],
  "add.s32": ["rrr", binary("+")],
  "sub.u32": ["rrr", binary("-")],
  "sub.s32": ["rrr", binary("-")],
  "mul.lo.u32": ["rrr", call("Math.imul")],
  "mad.lo.u32": ["rrrr", (a, b, c) => `Math.imul(${a},${b})+${c}`],
  "div.u32": ["rrr", (a, b) => `(${b}===0?-1:(${a}>>>0)/(${b}>>>0))`],
  "min.s32": ["rrr", call("Math.min")],
  "max.s32": ["rrr", call("Math.max")],
  "min.u32": ["rrr", (a, b) => `Math.min(${a}>>>0,${b}>>>0)`],
  "and.b32": ["rrr", binary("&")],
  "or.b32": ["rrr", binary("|")],
  "xor.b32": ["rrr", binary("^")],
  "brev.b32": ["rr", call("reverseBits")],
  "clz.b32": ["rr", call("Math.clz32")],
  "shl.b32": ["rrr", shift("<<")],
  "shr.u32": ["rrr", shift(">>>")],
  "shr.s32": ["rrr", (a, b) => `${a}>>Math.min(${b}>>>0,31)`],
  "shf.l.wrap.b32": ["rrrr", (a, b, c) => `((${c}&31)===0?${b}:${b}<<${c}|${a}>>>32-(${c}&31))`],
  "prmt.b32": ["rrrr", call("permuteBytes")],
  "mul.wide.s32": ["drr", binary("*")],
  "mad.wide.s32": ["drrd", (a, b, c) => `${a}*${b}+${c}`],
  "mad.wide.u32": ["drrd", (a, b, c) => `(${a}>>>0)*(${b}>>>0)+${c}`],
  "add.s64": ["ddd", binary("+")],
  "mov.f32": ["ff", (a) => a!],
  "mov.u32": ["rr", (a) => a!],
  "mov.b32": ["xx", (a) => a!],
  "mov.b16": ["hr", (a) => a!],
};
