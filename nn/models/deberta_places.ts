/**
 * Relative places of DeBERTa: which row of their table a distance has, and the scores that queries and
 * keys have with them.
 *
 * **Source**: He et al. 2021, "DeBERTa"; the logarithm of version 2 is that of Microsoft's code.
 *
 * @module
 */

import { matmul } from "../../core/ops/matmul.ts";
import { expand } from "../../core/ops/rowwise.ts";
import { concatenate, slice } from "../../core/ops/slice.ts";
import { flip, reshape, transpose } from "../../core/ops/view.ts";
import { foldKey } from "../../core/random.ts";
import type { Tensor } from "../../core/tensor.ts";
import { activeIn, type Position, type Structure } from "../dropout/plan.ts";
import type { LayerPlace } from "../dropout/site.ts";
import type { ScoreTerms } from "../layers/attention.ts";
import type { ForwardContext } from "../layers/forward_context.ts";
import type { Projection } from "../layers/linear.ts";

/** A table of relative places. */
export interface PlaceTable {
  /** Rows for keys before the query, and as many for the others. */
  readonly span: number;
  /** Rows of which the nearer half is of one distance each; none where every row is. */
  readonly buckets: number | undefined;
  /** Distance from which on all keys share a row, where rows are of several distances. */
  readonly furthest: number;
}

/** Row of the table for a query that stands `distance` tokens behind the key. */
export function placeRow(distance: number, { span, buckets, furthest }: PlaceTable): number {
  const place = buckets === undefined ? distance : bucketOf(distance, buckets, furthest);
  return Math.max(0, Math.min(2 * span - 1, place + span));
}

/** Distances up to half the buckets as they are, others by their logarithm. */
function bucketOf(distance: number, buckets: number, furthest: number): number {
  const half = Math.floor(buckets / 2);
  if (Math.abs(distance) <= half) return distance;
  // In 32 bits, as it was trained: a quotient near an integer has another row in 64.
  const log = (x: number) => Math.fround(Math.log(Math.fround(x)));
  const share = Math.fround(log(Math.abs(distance) / half) / log((furthest - 1) / half));
  return Math.sign(distance) * (half + Math.ceil(Math.fround(share * (half - 1))));
}

/** Positions of LoRA's dropout, and what it drops that is no whole token. */
const ofLora: readonly Position[] = ["lora", "rank", "update"];
const ofNumbers: readonly Structure[] = ["element", "feature"];

/**
 * Projects relative places in a layer. LoRA's dropout meets them as it meets tokens where it drops
 * numbers: each example draws masks of its own, by distance alone, so that padding moves none.
 *
 * **Shapes**: `[1, 2 · tokens - 1, width] -> [batch or 1, 2 · tokens - 1, outputs]`.
 */
export function projectPlaces(
  projection: Projection,
  places: Tensor,
  context: ForwardContext,
  { layer, layers }: LayerPlace,
): Tensor {
  const { dropout, batch: { size, width } } = context;
  if (dropout === undefined) return projection.forward(places, context);
  const sites = dropout.plan.sites.filter((site) =>
    ofLora.includes(site.position) && ofNumbers.includes(site.structure) &&
    activeIn(site, layer, layers)
  );
  const plan = { ...dropout.plan, sites };
  const inner = { ...context, dropout: { ...dropout, plan, key: foldKey(dropout.key, "places") } };
  if (sites.length === 0) return projection.forward(places, inner);
  const each = expand(places, [size, ...places.shape.slice(1)]);
  // Masks number places from the first: that of a token to itself begins both directions.
  const behind = projection.forward(slice(each, 1, width - 1, 2 * width - 1), inner);
  if (width === 1) return behind;
  const ahead = projection.forward(flip(slice(each, 1, 0, width), 1), inner);
  return concatenate([slice(flip(ahead, 1), 1, 0, width - 1), behind], 1);
}

/** What attention reads of relative places, `[batch or 1, heads, 1, 2 · tokens - 1, size]` each. */
export interface PlaceVectors {
  /** Keys of the places, which queries meet: the query furthest behind the key first. */
  readonly keys: Tensor | undefined;
  /** Queries of the places, which keys meet: the query furthest before the key first. */
  readonly queries: Tensor | undefined;
}

/** Scores of content with places, and of places with content. */
export function placeTerms({ keys, queries }: PlaceVectors): ScoreTerms {
  return {
    of: [keys, queries].filter((vectors) => vectors !== undefined),
    make(query, key, of) {
      const own = keys && byDistance(matmul(query, transpose(of[0]!)));
      const others = queries && transpose(byDistance(matmul(key, transpose(of.at(-1)!))));
      return [own, others].filter((term) => term !== undefined);
    },
  };
}

/**
 * What a row has at the distance of a column: element `[r, c]` is that at `c - r + tokens - 1`.
 *
 * **Shapes**: `[…, tokens, 2 · tokens - 1] -> […, tokens, tokens]`, without a copy of what has no holes.
 */
export function byDistance(x: Tensor): Tensor {
  const [tokens, distances] = x.shape.slice(-2) as [number, number];
  if (tokens === 1) return x;
  const outer = x.shape.slice(0, -2);
  // A row that is shorter by one element begins one distance earlier.
  const size = tokens * (distances - 1);
  const flat = reshape(x, [...outer, tokens * distances]);
  const rows = slice(flat, outer.length, tokens - 1, tokens - 1 + size);
  const square = reshape(rows, [...outer, tokens, distances - 1]);
  return slice(square, outer.length + 1, 0, tokens);
}
