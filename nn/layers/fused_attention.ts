/**
 * Attention with the paper's masks as one operation, on backends that run it as one program.
 *
 * @module
 */

import {
  type AttentionPasses,
  attentionPasses,
  fusedAttention,
  mayFuse,
} from "../../core/attention.ts";
import { type Bool, index, input } from "../../core/expr.ts";
import { attentionFactor } from "../../core/program.ts";
import { matmul } from "../../core/ops/matmul.ts";
import { reshape, transpose } from "../../core/ops/view.ts";
import type { Tensor } from "../../core/tensor.ts";
import { dropped, maskScalars, survivorFactor } from "../dropout/mask.ts";
import type { ActiveSite } from "../dropout/site.ts";
import {
  type AttentionOptions,
  attentionWeights,
  checkAttention,
  narrows,
  siteCoordinates,
  siteNumbers,
} from "./attention_weights.ts";
import { byStructure } from "./by_structure.ts";

/** How a site drops; elements of a column share their draw. */
type Drop = "none" | "column" | "element" | "span";

/** Which programs: everything here is structure, no number. */
interface FusedStructure {
  readonly causal: boolean;
  /** Along which axes a mask of visible keys varies. */
  readonly mask: "none" | "keys" | "queries and keys";
  readonly logits: Drop;
  readonly weights: Drop;
  readonly rest: "sum" | "constant sum" | "factor";
}

const passesOf: (structure: FusedStructure) => AttentionPasses = byStructure(build);

function build({ causal, mask, logits, weights, rest }: FusedStructure): AttentionPasses {
  const first = mask === "none" ? 0 : 1;
  const drop = (kind: Drop, start: number, slot: number): Bool | undefined =>
    kind === "none" ? undefined : dropped(kind === "span", {
      example: input(first, "u32", 0),
      length: input(first + 1, "u32", 0),
      position: kind === "span" ? index(0, 2) : index(start, kind === "element" ? 3 : 2),
      run: index(start + 1, 0),
      slot,
    });
  return attentionPasses({
    causal,
    visible: mask === "none"
      ? undefined
      : input(0, "u32", mask === "keys" ? 2 : 3).compare("eq", 1),
    scores: drop(logits, 1, 1),
    weights: drop(weights, 3, 1 + maskScalars),
    rest,
  });
}

/**
 * Attention of queries to keys and values; nothing where the backend does not run it as one program,
 * several examples share a row, or a window hides keys.
 *
 * **Shapes**: query `[batch, keyHeads, group, queries, size]`, key and value `[batch, keyHeads, 1, keys,
 * size]` -> the query's.
 *
 * @throws {ShapeError} If the mask does not fit
 */
export function attentionInOne(
  query: Tensor,
  key: Tensor,
  value: Tensor,
  options: AttentionOptions,
): Tensor | undefined {
  if (!mayFuse(query) || options.offsets !== undefined) return undefined;
  if (narrows(options, key.shape[3]!)) return undefined;
  const [batch, , group, queries] = query.shape as [number, number, number, number];
  const keys = key.shape[3]!;
  const { scale, causal, mask, logits, weights, maximum } = options;
  checkAttention([...query.shape.slice(0, 4), keys], mask);
  const spans = [logits, weights].some((active) => active?.site.structure === "span");
  const dropping = (logits ?? weights)?.dropout;
  const leaves = [
    ...(mask === undefined
      ? []
      : [reshape(mask, [batch, 1, 1, mask.shape.length === 2 ? 1 : queries, keys])]),
    ...(dropping === undefined ? [] : [reshape(dropping.examples, [batch, 1, 1, 1, 1])]),
    ...(dropping !== undefined && spans ? [reshape(dropping.lengths, [batch, 1, 1, 1, 1])] : []),
  ];
  const factor = weights?.site.rescale !== undefined;
  const scalars = [scale, ...siteNumbers(logits), ...siteNumbers(weights)];
  if (factor) scalars[attentionFactor] = survivorFactor(weights.site);
  const passes = passesOf({
    causal: causal && queries > 1,
    mask: mask === undefined ? "none" : mask.shape.length === 2 ? "keys" : "queries and keys",
    logits: dropOf(logits),
    weights: dropOf(weights),
    rest: factor ? "factor" : weights?.site.nograd ?? true ? "constant sum" : "sum",
  });
  return fusedAttention([query, key, value], leaves, {
    passes,
    scalars,
    indices: [
      { offset: 0, strides: [0, 0, 0, 0, 1] },
      ...siteCoordinates(logits, group, maximum),
      ...siteCoordinates(weights, group, maximum),
    ],
    composed: (q, k, v) => matmul(attentionWeights(matmul(q, transpose(k)), options), v),
  });
}

function dropOf(active: ActiveSite | undefined): Drop {
  if (active === undefined) return "none";
  const { structure } = active.site;
  return structure === "span" || structure === "element" ? structure : "column";
}
