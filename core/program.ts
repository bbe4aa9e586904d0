/**
 * Programs: what a backend runs, as plain data in families. A program holds structure only;
 * sizes, strides, offsets and per-step numbers come with each run in a `Binding`.
 *
 * @module
 */

import type { Kind } from "./dtype.ts";
import {
  type Bool,
  columns,
  depth,
  type Expr,
  type Float,
  input,
  isReduction,
  scalar,
  substitute,
  topological,
  variesByColumn,
} from "./expr.ts";

/**
 * Outputs are expressions over the elements of a row. The space is `[…rows, columns]`; an output
 * that varies along columns has an element for each point, any other one element a row.
 */
export interface RowProgram {
  /** Tells the families of programs apart. */
  readonly family: "row";
  /** Equal keys mean equal programs. */
  readonly key: string;
  /** Kinds of the inputs, by slot. */
  readonly inputs: readonly Kind[];
  /** One expression an output. */
  readonly outputs: readonly Expr[];
}

/**
 * `C = epilogue(A·B, …extras)` in batches. The space is `[…batch, M, N, K]`; strides of A run over
 * `[…batch, M, K]`, of B over `[…batch, K, N]`, of extras and C over `[…batch, M, N]`.
 */
export interface MatmulProgram {
  /** Tells the families of programs apart. */
  readonly family: "matmul";
  /** Equal keys mean equal programs. */
  readonly key: string;
  /** Kinds of the inputs: A, B, then the extras. */
  readonly inputs: readonly Kind[];
  /** Expressions over input 0 (the product) and inputs 1… (the extras), one an output. */
  readonly outputs: readonly Float[];
}

/** `out[i, :] = table[index[i], :]`. The space is `[count, width]`. */
export interface GatherProgram {
  /** Tells the families of programs apart. */
  readonly family: "gather";
  /** Equal keys mean equal programs. */
  readonly key: "gather";
}

/** `out = 0; out[index[i], :] += rows[i, :]`, in the order of i. The space is `[count, width, height]`. */
export interface ScatterAddProgram {
  /** Tells the families of programs apart. */
  readonly family: "scatterAdd";
  /** Equal keys mean equal programs. */
  readonly key: "scatterAdd";
}

/** A program of any family: what a backend runs. */
export type Program = RowProgram | MatmulProgram | GatherProgram | ScatterAddProgram;

/** Makes a row program. */
export function rowProgram(inputs: readonly Kind[], outputs: readonly Expr[]): RowProgram {
  return { family: "row", key: `row:${inputs}:${outputs.map((e) => e.id)}`, inputs, outputs };
}

/**
 * What expressions are over rows without elements: sums and the length are 0, maxima -Infinity. Both
 * come as numbers of the run, as no constant may be infinite or a divisor of 0.
 *
 * @param slot First of two scalars: 0, then -Infinity
 */
export function ofEmptyRows(outputs: readonly Expr[], slot: number): Expr[] {
  const [zero, least] = [scalar(slot, "f32"), scalar(slot + 1, "f32")];
  const values = new Map<Expr, Expr>([[columns, zero]]);
  for (const e of topological(outputs)) {
    if (isReduction(e)) values.set(e, e.op === "rowSum" ? zero : least);
  }
  return outputs.map((e) => substitute(e, values));
}

/** Makes a product with an epilogue. */
export function matmulProgram(inputs: readonly Kind[], outputs: readonly Float[]): MatmulProgram {
  return { family: "matmul", key: `matmul:${inputs}:${outputs.map((e) => e.id)}`, inputs, outputs };
}

/** Whether the length of the row matters to the program, so that its axis must stay apart. */
export function readsRow(program: RowProgram): boolean {
  let known = rowUse.get(program);
  if (known === undefined) {
    known = program.outputs.some((e) => depth(e) > 0 || !variesByColumn(e)) ||
      topological(program.outputs).some((e) => e === columns);
    rowUse.set(program, known);
  }
  return known;
}
const rowUse = new WeakMap<RowProgram, boolean>();

/** Copies floats; halves are widened. */
export const copyProgram: RowProgram = rowProgram(["f32"], [input(0, "f32", 3)]);
/** Copies words of 32 bits. */
export const copyWordProgram: RowProgram = rowProgram(["u32"], [input(0, "u32", 3)]);

/** The one program that gathers: it has no structure, only sizes. */
export const gatherProgram: GatherProgram = { family: "gather", key: "gather" };
/** The one program that adds rows at indices. */
export const scatterAddProgram: ScatterAddProgram = { family: "scatterAdd", key: "scatterAdd" };

/** Who takes part in attention, and how weights that were dropped are made up for. */
export interface AttentionMasks {
  /** Whether keys after the query are invisible; the last query sees the last key. */
  readonly causal: boolean;
  /** Which keys are visible; all where absent. */
  readonly visible: Bool | undefined;
  /** What is dropped before the softmax; a row that would lose all it sees ignores it. */
  readonly scores: Bool | undefined;
  /** What is dropped after it; ignored likewise, but where the rest is multiplied by a factor. */
  readonly weights: Bool | undefined;
  /**
   * How the weights that are left make up for those that are not: they are divided by their sum, of
   * which the gradient knows or not, or multiplied by scalar {@linkcode attentionFactor}.
   */
  readonly rest: "sum" | "constant sum" | "factor";
}

/** Slot of the scores' factor. */
export const attentionScale = 0;
/** Slot of the factor of weights that are left. */
export const attentionFactor = 9;

/**
 * Attention in one go: weights are never in memory. The space is `[batch, keyHeads, group, queries,
 * keys, size]`. Masks read their inputs behind those of the pass, and what does not vary along queries
 * or keys by level 0, along queries alone by 1, along keys alone by 2; `index` counts over the space.
 *
 * | pass       | inputs                                              | outputs              |
 * | ---------- | --------------------------------------------------- | -------------------- |
 * | `forward`  | queries, keys, values                               | result, row values   |
 * | `queries`  | queries, keys, values, gradient, row values, result | of queries, products |
 * | `keys`     | queries, keys, values, gradient, row values, products | of keys, of values |
 * | `gradient` | queries, keys, values, gradient, row values         | of queries, of keys, of values |
 *
 * Row values are `[values, batch, keyHeads, group, queries]` as the backend likes them; products, of
 * gradient and result, are `[batch, keyHeads, group, queries]`. Both lie in one piece.
 */
export interface AttentionProgram {
  /** Tells the families of programs apart. */
  readonly family: "attention";
  /** Equal keys mean equal programs. */
  readonly key: string;
  /** What is computed. */
  readonly pass: "forward" | "queries" | "keys" | "gradient";
  /** Who takes part. */
  readonly masks: AttentionMasks;
}

/** Inputs of a pass in front of those of the masks. */
export function attentionInputs({ pass }: AttentionProgram): number {
  return pass === "forward" ? 3 : pass === "gradient" ? 5 : 6;
}

/** Expressions of the masks that there are. */
export function maskExpressions({ visible, scores, weights }: AttentionMasks): Bool[] {
  return [visible, scores, weights].filter((mask) => mask !== undefined);
}

/** Makes a pass of attention. */
export function attentionProgram(
  pass: AttentionProgram["pass"],
  masks: AttentionMasks,
): AttentionProgram {
  const { causal, visible, scores, weights, rest } = masks;
  const ids = [visible, scores, weights].map((mask) => mask?.id ?? "");
  return {
    family: "attention",
    key: `attention:${pass}:${causal}:${ids}:${rest}`,
    pass,
    masks,
  };
}
