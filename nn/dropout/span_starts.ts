/**
 * Where HiddenCut's spans begin when attention guides them: at one of the tokens that get the most of
 * it in the layer.
 *
 * **Source**: the code of Chen et al. 2021, "HiddenCut".
 *
 * @module
 */

import { apply } from "../../core/apply.ts";
import type { Inputs } from "../../core/arguments.ts";
import {
  float,
  index,
  input,
  multiplyWords,
  rowSum,
  scalar,
  select,
  shiftRight,
  subtractWords,
  toFloat,
  toWord,
  word,
} from "../../core/expr.ts";
import { type RowOp, rowwise } from "../../core/ops/rowwise.ts";
import { permute, reshape } from "../../core/ops/view.ts";
import { untracked } from "../../core/tape.ts";
import type { Tensor } from "../../core/tensor.ts";
import { choice, drawn, maskNumbers, passOf } from "./mask.ts";
import type { ActiveSite } from "./site.ts";

/**
 * Sum of a row in two digits of whole numbers, of which f32 adds up as many without rounding: so that
 * every backend finds the same sum, in whatever order it adds.
 */
function digitSumOp(counted: boolean): RowOp {
  const [scale, base] = [scalar(0, "f32"), scalar(1, "f32")];
  const all = input(0, "f32", 3);
  const real = index(0, 2).compare("lt", input(1, "u32", 1));
  const scaled = (counted ? select(real, all, float(0)) : all).mul(scale);
  const upper = toFloat(toWord(scaled));
  const lower = toFloat(toWord(scaled.sub(upper).mul(base)));
  const kinds: Inputs = { weights: "f32", ...(counted && { lengths: "u32" }) };
  return rowwise("digitSum", kinds, [rowSum(upper).mul(base).add(rowSum(lower))]);
}
const digitSumOps = [digitSumOp(false), digitSumOp(true)] as const;

/** Bits that count the elements of a row. */
const bitsOf = (count: number) => 32 - Math.clz32(count - 1);

/**
 * The same sum on every backend, `[…, row] -> […]`, in units so small that it is an integer.
 *
 * @param most The largest element that there can be, as a power of 2; none is below 0
 * @param lengths Elements of each row that count, `[batch]`; all where absent
 * @returns The sum, and the same of it
 */
function digitSum(x: Tensor, most: number, lengths?: Tensor): { sum: Tensor; most: number } {
  const count = x.shape.at(-1)!;
  const bits = Math.min(12, 24 - bitsOf(count));
  const scalars = [2 ** (bits - most), 2 ** bits];
  const [sum] = lengths === undefined
    ? apply(digitSumOps[0], [x], { scalars })
    : apply(digitSumOps[1], [x, reshape(lengths, [x.shape[0]!, 1, 1, 1, 1])], {
      scalars,
      indices: [{ offset: 0, strides: [0, 0, 0, 0, 1] }],
    });
  return { sum: reshape(sum!, x.shape.slice(0, -1)), most: 2 * bits + bitsOf(count) };
}

/** Real tokens of the example that get more than this one, or as much and come before it. */
function ranking(packed: boolean): RowOp {
  const [own, other] = [input(0, "f32", 1), input(1, "f32", 3)];
  const [place, otherPlace] = [index(0, 1), index(1, 2)];
  const tied = own.compare("eq", other).and(otherPlace.compare("lt", place));
  const after = own.compare("lt", other).not().and(tied.not());
  const real = packed
    ? input(2, "u32", 1).compare("eq", input(3, "u32", 3))
    : otherPlace.compare("lt", input(2, "u32", 1));
  const given: Inputs = packed ? { offsets: "u32", otherOffsets: "u32" } : { lengths: "u32" };
  return rowwise("attentionRank", { own: "f32", others: "f32", ...given }, [
    rowSum(select(after, float(0), select(real, float(1), float(0)))),
  ]);
}
const rankOps = [ranking(false), ranking(true)] as const;

/** The token of a rank that is drawn from the first max(1, floor(0.4 n)) of n. */
function pickOp(shared: boolean, packed: boolean): RowOp {
  const counter = input(1, "u32", 1);
  const random = drawn(0, shared ? passOf(counter) : counter, word(0));
  // 52429 / 2^17 is 0.4 and less than 2e-6: the same floor for all texts below 80,000 tokens.
  const share = shiftRight(multiplyWords(input(2, "u32", 1), word(52429)), 17);
  // A choice from none is 0, as one from the first alone.
  const rank = choice(random, share);
  const [offset, own] = [input(3, "u32", 1), input(4, "u32", 3)];
  const ranked = input(0, "f32", 3).compare("eq", toFloat(rank));
  const found = packed ? ranked.and(own.compare("eq", offset)) : ranked;
  const first = toWord(rowSum(select(found, toFloat(index(0, 2)), float(0))));
  const given: Inputs = packed ? { offsets: "u32", otherOffsets: "u32" } : {};
  return rowwise("spanStarts", { ranks: "f32", examples: "u32", lengths: "u32", ...given }, [
    packed ? subtractWords(first, offset) : first,
  ]);
}
const pickOps = [false, true].map((packed) =>
  [pickOp(false, packed), pickOp(true, packed)] as const
);

/**
 * First token of each example's span: drawn from the max(1, floor(0.4 n)) of its n real tokens that
 * get most attention, equal ones in their order. A token gets the sum of its weights over all heads
 * and real queries; the source counts those of padding too, by which the choice would follow the
 * width of the batch. No gradient flows through it.
 *
 * **Shapes**: `[batch, keyHeads, group, queries, keys] -> [batch]`, or where examples share rows
 * `[batch, tokens]`: for each token that of its example, from the example's own first on.
 *
 * @param weights Attention weights of the layer as they are without DropKey and DropAttention
 */
export function spanStarts(weights: Tensor, active: ActiveSite): Tensor {
  const [batch, , , , keys] = weights.shape as [number, number, number, number, number];
  const { examples, lengths, offsets } = active.dropout;
  return untracked(() => {
    // In rows that examples share, none but its own queries give a token anything.
    const counted = offsets === undefined ? lengths : undefined;
    const byHead = digitSum(permute(weights, [0, 4, 1, 2, 3]), 0, counted);
    const heads = reshape(byHead.sum, [batch, keys, byHead.sum.shape[2]! * byHead.sum.shape[3]!]);
    const { sum } = digitSum(heads, byHead.most);
    const [ofRow, ofColumn] = [[batch, keys, 1], [batch, 1, keys]] as const;
    const both = (list: Tensor) => [reshape(list, ofRow), reshape(list, ofColumn)];
    const packed = offsets === undefined ? 0 : 1;
    const beside = offsets === undefined ? [reshape(lengths, [batch, 1, 1])] : both(offsets);
    const ranks = apply(rankOps[packed], [...both(sum), ...beside], {
      indices: [{ offset: 0, strides: [0, 1, 0] }, { offset: 0, strides: [0, 0, 1] }],
    })[0]!;
    const rows = [batch, offsets === undefined ? 1 : keys, 1];
    const words = [examples, lengths].map((list) => reshape(list, rows));
    const op = pickOps[packed]![active.site.perExample === false ? 1 : 0];
    const given = [reshape(ranks, ofColumn), ...words, ...offsets ? both(offsets) : []];
    const [starts] = apply(op, given, {
      ...(offsets && { space: [batch, keys, keys] }),
      scalars: maskNumbers(active),
      indices: [{ offset: 0, strides: [0, 0, 1] }],
    });
    return reshape(starts!, offsets === undefined ? [batch] : [batch, keys]);
  });
}
