import fc from "fast-check";
import { type Key, threefry } from "../../core/random.ts";
import type { Device } from "../../core/device.ts";
import { type Tensor, tensor } from "../../core/tensor.ts";
import { type AttentionOptions, attentionWeights } from "../../nn/layers/attention_weights.ts";
import type { Site, Structure } from "../../nn/dropout/plan.ts";
import { numbers } from "./differences.ts";
import type { ActiveSite } from "../../nn/dropout/site.ts";

/** Longest sequence of the imagined model. */
export const maximum = 16;

/** Everything that decides a batch of attention weights. */
export interface AttentionCase {
  readonly keyHeads: number;
  readonly group: number;
  readonly tokens: number;
  /** Real tokens of each example. */
  readonly lengths: readonly number[];
  readonly causal: boolean;
  readonly structure: Structure;
  readonly rate: number;
  readonly perHead: boolean;
  readonly key: Key;
  readonly seed: number;
}

const word = fc.integer({ min: 0, max: 0xFFFFFFFF });

/** Any case, all structures and padding included. */
export const attentionCases: fc.Arbitrary<AttentionCase> = fc.integer({ min: 1, max: 7 }).chain(
  (tokens) =>
    fc.record({
      keyHeads: fc.integer({ min: 1, max: 2 }),
      group: fc.integer({ min: 1, max: 2 }),
      tokens: fc.constant(tokens),
      lengths: fc.array(fc.integer({ min: 1, max: tokens }), { minLength: 1, maxLength: 3 }),
      causal: fc.boolean(),
      structure: fc.constantFrom<Structure>("element", "column", "span"),
      // Multiples of 2^-16, so that rate x length has no rounding of its own.
      rate: fc.constantFrom(0.0625, 0.25, 0.5, 0.875),
      perHead: fc.boolean(),
      key: fc.tuple(word, word),
      seed: fc.nat(),
    }),
);

/** Shape of scores and weights. */
export function shapeOf({ lengths, keyHeads, group, tokens }: AttentionCase): number[] {
  return [lengths.length, keyHeads, group, tokens, tokens];
}

/** Random scores of the case in [-2, 2). */
export function scoresOf(c: AttentionCase): Float64Array {
  return numbers(c.seed, shapeOf(c).reduce((a, b) => a * b));
}

/** Number of an example: what its counters are made of. */
export const exampleNumber = (b: number): number => 6 + 2 * b;

/** A row of the case: its place, and what may be seen and kept there. */
export interface Row {
  /** Flat index of its first element. */
  readonly start: number;
  /** Example, query head and query. */
  readonly at: readonly [number, number, number];
  /** Keys that padding and causality leave. */
  readonly visible: readonly boolean[];
  /** Keys that the mask drops, wherever they are. */
  readonly dropped: readonly boolean[];
  /** Keys that take part. */
  readonly keep: readonly boolean[];
}

/** The rows of a case, by the written rule and threefry() alone. */
export function rowsOf(c: AttentionCase): Row[] {
  const rows: Row[] = [];
  const heads = c.keyHeads * c.group;
  c.lengths.forEach((length, b) => {
    for (let head = 0; head < heads; head++) {
      for (let query = 0; query < c.tokens; query++) {
        const keys = Array.from({ length: c.tokens }, (_, key) => key);
        const visible = keys.map((key) => key < length && (!c.causal || key <= query));
        const dropped = keys.map((key) => drops(c, exampleNumber(b), length, head, query, key));
        const kept = keys.map((key) => visible[key]! && !dropped[key]!);
        const keep = kept.includes(true) ? kept : visible;
        rows.push({
          start: ((b * heads + head) * c.tokens + query) * c.tokens,
          at: [b, head, query],
          visible,
          dropped,
          keep,
        });
      }
    }
  });
  return rows;
}

function drops(
  c: AttentionCase,
  example: number,
  length: number,
  head: number,
  query: number,
  key: number,
): boolean {
  const own = c.perHead ? head : 0;
  const draw = (position: number) => threefry(c.key, example, position >>> 1)[position & 1]!;
  if (c.structure !== "span") {
    const position = c.structure === "column"
      ? own * maximum + key
      : (own * maximum + query) * maximum + key;
    return draw(position) < Math.floor(c.rate * 2 ** 32);
  }
  // size = round(rate n), at least 1; start uniform over the n - size + 1 places, by the word's
  // upper half.
  const size = Math.max(1, Math.round(c.rate * length));
  const start = Math.floor((draw(own) >>> 16) * (length - size + 1) / 65536);
  return key >= start && key < start + size;
}

/** Softmax over the kept keys of each row, in plain numbers. */
export function expectedWeights(c: AttentionCase, scores: ArrayLike<number>): Float64Array {
  const out = new Float64Array(scores.length);
  for (const { start, keep } of rowsOf(c)) {
    const kept = keep.flatMap((k, key) => k ? [key] : []);
    const peak = Math.max(...kept.map((key) => scores[start + key]!));
    const total = kept.reduce((sum, key) => sum + Math.exp(scores[start + key]! - peak), 0);
    for (const key of kept) out[start + key] = Math.exp(scores[start + key]! - peak) / total;
  }
  return out;
}

/** Runs the fused operation on a case. */
export function weightsOf(
  c: AttentionCase,
  scores: Tensor,
  position: "logits" | "weights" | "none",
  noGrad = true,
): Tensor {
  const site = activeOf(scores.device, c, {
    position: position === "weights" ? "weights" : "logits",
    ...(position === "weights" && { nograd: noGrad }),
  });
  return attentionWeights(scores, {
    ...optionsOf(scores.device, c),
    ...(position !== "none" && { [position]: site }),
  });
}

/** What attention needs for a case, without a site. */
export function optionsOf(device: Device, c: AttentionCase): AttentionOptions {
  const mask = c.lengths.every((length) => length === c.tokens) ? undefined : maskOf(device, c);
  return { scale: 1, causal: c.causal, mask, maximum };
}

/** A site of the case's structure, rate and key, with settings of its own. */
export function activeOf(
  device: Device,
  { structure, rate, perHead, key, lengths }: AttentionCase,
  change: Partial<Site> & { readonly position: "logits" | "weights" },
): ActiveSite {
  const words = (data: number[]) => tensor(device, data, [data.length], "u32");
  const site: Site = { structure, rate, perHead, layers: "all", ...change };
  return {
    site,
    key,
    dropout: {
      plan: { sites: [site], compensation: { kind: "none", weight: 0, branches: 1 } },
      key,
      examples: words(lengths.map((_, b) => exampleNumber(b))),
      lengths: words([...lengths]),
    },
  };
}

function maskOf(device: Device, { lengths, tokens }: AttentionCase): Tensor {
  const mask = lengths.flatMap((length) =>
    Array.from({ length: tokens }, (_, key) => key < length ? 1 : 0)
  );
  return tensor(device, mask, [lengths.length, tokens], "u32");
}
