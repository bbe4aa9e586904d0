import { assertEquals } from "@std/assert";
import fc from "fast-check";

/** Cases a property is tried on; fast-check prints the seed of one that fails. */
export const runs = { numRuns: 1000 } as const;

/** One query's logits, which keys it sees, and which of those stay. */
export interface RowCase {
  readonly logits: readonly number[];
  /** Keys that padding and causality leave: at least two. */
  readonly visible: readonly boolean[];
  /** Those without a non-empty proper subset. */
  readonly keep: readonly boolean[];
}

const logit = fc.double({ min: -4, max: 4, noNaN: true });

/** Any case of `width` keys: unmasked, padded, causal or both. */
function rowCases(width: number): fc.Arbitrary<RowCase> {
  const bits = { minLength: width, maxLength: width };
  return fc.record({
    logits: fc.array(logit, bits),
    length: fc.oneof(fc.constant(width), fc.integer({ min: 2, max: width })),
    query: fc.oneof(fc.constant(width - 1), fc.integer({ min: 1, max: width - 1 })),
    dropped: fc.array(fc.boolean(), bits),
    chosen: fc.nat(),
  }).map(({ logits, length, query, dropped, chosen }) => {
    const seen = Math.min(length, query + 1);
    const visible = logits.map((_, key) => key < seen);
    const keep = visible.map((v, key) => v && !dropped[key]!);
    const kept = keep.filter(Boolean).length;
    // Neither none nor all of them are dropped.
    if (kept === 0 || kept === seen) keep[chosen % seen] = kept === 0;
    return { logits, visible, keep };
  });
}

const widths = fc.oneof(
  { weight: 5, arbitrary: fc.integer({ min: 2, max: 8 }) },
  { weight: 1, arbitrary: fc.integer({ min: 2, max: 64 }) },
);

/** One case, of 2 to 64 keys, mostly few. */
export const oneRow: fc.Arbitrary<RowCase> = widths.chain(rowCases);

/** `count` cases of one width, for devices that are slow to ask. */
export function manyRows(count: number): fc.Arbitrary<RowCase[]> {
  return widths.chain((width) => fc.array(rowCases(width), { minLength: count, maxLength: count }));
}

/** Positions of true values. */
export function places(flags: readonly boolean[]): number[] {
  return flags.flatMap((flag, key) => flag ? [key] : []);
}

/** Dropped keys: visible, not kept. */
export function droppedKeys({ visible, keep }: RowCase): number[] {
  return places(visible.map((v, key) => v && !keep[key]!));
}

/** The same case with one more on the logits at `key`. */
export function raised(c: RowCase, key: number, by: number): RowCase {
  return { ...c, logits: c.logits.map((g, i) => i === key ? g + by : g) };
}

/** Sums of exponentials, none by subtraction. */
export interface Sums {
  readonly exponential: readonly number[];
  /** E: over visible keys. */
  readonly all: number;
  /** E_m: over kept keys. */
  readonly kept: number;
  /** E_u of each key: over the other visible keys. */
  readonly others: (key: number) => number;
  /** E_m - exp g_u of each key: over the other kept keys. */
  readonly otherKept: (key: number) => number;
  /** S: the share of the kept keys. */
  readonly share: number;
}

/** The sums of a case. */
export function sumsOf({ logits, visible, keep }: RowCase): Sums {
  const exponential = logits.map(Math.exp);
  const over = (flags: readonly boolean[], except = -1) =>
    exponential.reduce((sum, e, key) => flags[key] && key !== except ? sum + e : sum, 0);
  const [all, kept] = [over(visible), over(keep)];
  return {
    exponential,
    all,
    kept,
    others: (key) => over(visible, key),
    otherKept: (key) => over(keep, key),
    share: kept / all,
  };
}

/** w' by Eq. 5. */
export function dropKeyWeights(c: RowCase): number[] {
  const { exponential, kept } = sumsOf(c);
  return exponential.map((e, key) => c.keep[key] ? e / kept : 0);
}

/** w' by Eq. 6: weights of the full softmax, over the sum of the kept ones. */
export function dropAttentionWeights(c: RowCase): number[] {
  const { exponential, all } = sumsOf(c);
  const bar = exponential.map((e, key) => c.keep[key] ? e / all : 0);
  const total = bar.reduce((a, b) => a + b);
  return bar.map((w) => w / total);
}

/** dw'_u / dg_j at `u * width + j`. */
function matrix(c: RowCase, entry: (u: number, j: number) => number): Float64Array {
  const width = c.logits.length;
  const out = new Float64Array(width * width);
  for (const u of places(c.keep)) {
    for (const j of places(c.visible)) out[u * width + j] = entry(u, j);
  }
  return out;
}

/** DropKey's Jacobian: Eq. 7 on the diagonal, zero in dropped logits. */
export function dropKeyJacobian(c: RowCase): Float64Array {
  const { exponential: e, kept, otherKept } = sumsOf(c);
  return matrix(c, (u, j) => {
    if (!c.keep[j]) return 0;
    return e[u]! * (u === j ? otherKept(u) : -e[j]!) / (kept * kept);
  });
}

/** That of DropAttention with NoGrad: Eq. 9 on the diagonal, Eq. 8 in dropped logits and others. */
export function noGradJacobian(c: RowCase): Float64Array {
  const { exponential: e, all, kept, others } = sumsOf(c);
  return matrix(c, (u, j) => e[u]! * (u === j ? others(u) : -e[j]!) / (all * kept));
}

/** k of Eq. 10 and 14 at a kept key. */
export function ratioOf(c: RowCase, u: number): number {
  const { all, kept, others, otherKept } = sumsOf(c);
  return (otherKept(u) / kept) / (others(u) / all);
}

/** Checks numbers within an absolute limit, which a number that is not finite never is. */
export function close(
  what: string,
  actual: ArrayLike<number>,
  expected: ArrayLike<number>,
  limit: number,
): void {
  assertEquals(actual.length, expected.length, what);
  for (let i = 0; i < expected.length; i++) {
    if (!(Math.abs(actual[i]! - expected[i]!) <= limit)) {
      throw new Error(`${what} at ${i}: ${actual[i]}, expected ${expected[i]} within ${limit}`);
    }
  }
}

/** Checks that each row of a square matrix sums to zero. */
export function rowsCancel(what: string, jacobian: ArrayLike<number>, limit: number): void {
  const width = Math.sqrt(jacobian.length);
  const sums = new Float64Array(width);
  for (let i = 0; i < jacobian.length; i++) sums[Math.floor(i / width)]! += jacobian[i]!;
  close(`sum of a row of ${what}`, sums, new Float64Array(width), limit);
}
