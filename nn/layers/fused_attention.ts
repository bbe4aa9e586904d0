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
import { type Bool, index, input, scalar, type Word, word } from "../../core/expr.ts";
import { attentionFactor } from "../../core/program.ts";
import { matmul } from "../../core/ops/matmul.ts";
import { reshape, transpose } from "../../core/ops/view.ts";
import type { Tensor } from "../../core/tensor.ts";
import { dropped, inExample, maskScalars, survivorFactor } from "../dropout/mask.ts";
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
  /** Whether several examples share a row. */
  readonly packed: boolean;
}

/** Slots of the steps of both masks from token to token, where examples share rows. */
const stepSlots = [attentionFactor + 1, attentionFactor + 2] as const;

const passesOf: (structure: FusedStructure) => AttentionPasses = byStructure(build);

function build({ causal, mask, logits, weights, rest, packed }: FusedStructure): AttentionPasses {
  const own = mask === "none" ? 0 : 1;
  const offset = input(own + 1, "u32", 2);
  const first = packed ? own + 2 : own;
  // A key that is seen is one of the query's example: by keys alone a mask is drawn once a key.
  const level = packed ? 2 : 0;
  const placed = (coordinate: Word, step: Word) =>
    packed ? inExample(coordinate, offset, step) : coordinate;
  const drop = (kind: Drop, site: 0 | 1): Bool | undefined =>
    kind === "none" ? undefined : dropped(kind === "span", {
      example: input(first, "u32", level),
      length: input(first + 1, "u32", level),
      position: kind === "span"
        ? placed(index(0, 2), word(1))
        : placed(index(1 + 2 * site, kind === "element" ? 3 : 2), scalar(stepSlots[site], "u32")),
      run: index(2 + 2 * site, 0),
      slot: 1 + site * maskScalars,
    });
  const given = mask === "none"
    ? undefined
    : input(0, "u32", mask === "keys" ? 2 : 3).compare("eq", 1);
  const together = packed ? offset.compare("eq", input(own, "u32", 1)) : undefined;
  return attentionPasses({
    causal,
    visible: given === undefined || together === undefined
      ? given ?? together
      : given.and(together),
    scores: drop(logits, 0),
    weights: drop(weights, 1),
    rest,
  });
}

/**
 * Attention of queries to keys and values; nothing where the backend does not run it as one program, or
 * a window hides keys.
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
  if (!mayFuse(query) || narrows(options, key.shape[3]!)) return undefined;
  const [batch, , group, queries] = query.shape as [number, number, number, number];
  const keys = key.shape[3]!;
  const { scale, causal, mask, offsets, logits, weights, maximum } = options;
  checkAttention([...query.shape.slice(0, 4), keys], mask);
  const factor = weights?.site.rescale !== undefined;
  const sites = [siteCoordinates(logits, group, maximum), siteCoordinates(weights, group, maximum)];
  const scalars = [
    ...[scale, ...siteNumbers(logits), ...siteNumbers(weights)],
    factor ? survivorFactor(weights.site) : 1,
    ...sites.map(([{ strides }]) => strides[3]! + strides[4]!),
  ];
  const passes = passesOf({
    causal: causal && queries > 1,
    mask: mask === undefined ? "none" : mask.shape.length === 2 ? "keys" : "queries and keys",
    logits: dropOf(logits),
    weights: dropOf(weights),
    rest: factor ? "factor" : weights?.site.nograd ?? true ? "constant sum" : "sum",
    packed: offsets !== undefined,
  });
  return fusedAttention([query, key, value], leavesOf([batch, queries, keys], options), {
    passes,
    scalars,
    indices: [{ offset: 0, strides: [0, 0, 0, 0, 1] }, ...sites.flat()],
    composed: (q, k, v) => matmul(attentionWeights(matmul(q, transpose(k)), options), v),
  });
}

/** What masks read, in the order of their slots. */
function leavesOf(
  [batch, queries, keys]: readonly [number, number, number],
  { mask, offsets, logits, weights }: AttentionOptions,
): Tensor[] {
  const spans = [logits, weights].some((active) => active?.site.structure === "span");
  const dropping = (logits ?? weights)?.dropout;
  const over = (x: Tensor, queries: number, keys: number) =>
    reshape(x, [batch, 1, 1, queries, keys]);
  const words = (x: Tensor) => over(x, 1, offsets === undefined ? 1 : keys);
  return [
    ...(mask === undefined ? [] : [over(mask, mask.shape.length === 2 ? 1 : queries, keys)]),
    ...(offsets === undefined ? [] : [over(offsets, queries, 1), over(offsets, 1, keys)]),
    ...(dropping === undefined ? [] : [words(dropping.examples)]),
    ...(dropping !== undefined && spans ? [words(dropping.lengths)] : []),
  ];
}

function dropOf(active: ActiveSite | undefined): Drop {
  if (active === undefined) return "none";
  const { structure } = active.site;
  return structure === "span" || structure === "element" ? structure : "column";
}
