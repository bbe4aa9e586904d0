/**
 * Grouped-query attention between projected queries, keys and values.
 *
 * @module
 */

import { checkpoint } from "../../core/checkpoint.ts";
import { OptionError } from "../../core/errors.ts";
import { add } from "../../core/ops/elementwise.ts";
import { matmul, matmulAdd } from "../../core/ops/matmul.ts";
import { permute, reshape, transpose } from "../../core/ops/view.ts";
import { untracked } from "../../core/tape.ts";
import type { Tensor } from "../../core/tensor.ts";
import { type LayerPlace, siteAt } from "../dropout/site.ts";
import { spanStarts } from "../dropout/span_starts.ts";
import { type AttentionOptions, attentionWeights } from "./attention_weights.ts";
import type { attentionInOne } from "./fused_attention.ts";
import type { KeyValues } from "./past_key_values.ts";
import type { ForwardContext } from "./forward_context.ts";

/** Attention in one operation, once it was loaded: pages, which have no card, do without. */
let inOne: typeof attentionInOne | undefined;

/** Lets backends that run attention as one program do so. */
export function fuseAttention(by: typeof attentionInOne): void {
  inOne = by;
}

/** Sizes of an attention layer, and where it stands. */
export interface AttentionSettings {
  /** Number of query heads. */
  readonly heads: number;
  /** Key and value heads; queries share them in groups. */
  readonly keyValueHeads: number;
  /** Width of a head. */
  readonly size: number;
  /** Whether keys after the query are invisible. */
  readonly causal: boolean;
  /** Factor of the scores; default 1/√size. */
  readonly scale?: number;
  /** Tokens from which on a key is too far from the query to be seen; absent where none is. */
  readonly window?: number | undefined;
  /** Longest sequence whose masks can be drawn: see {@linkcode longestMask}. */
  readonly maximum: number;
  /** Where the layer stands, for dropout and the cache. */
  readonly place: LayerPlace & { readonly layer: number };
}

/** `[batch, tokens, heads · size] -> [batch, heads, tokens, size]`, without a copy. */
export function splitHeads(x: Tensor, heads: number): Tensor {
  const [batch, tokens, width] = x.shape as [number, number, number];
  return permute(reshape(x, [batch, tokens, heads, width / heads]), [0, 2, 1, 3]);
}

/** What is added to scores before their factor; not beside a cache. */
export interface ScoreTerms {
  /** What the terms are made of. */
  readonly of: readonly Tensor[];
  /**
   * Makes the terms, at most two.
   *
   * **Shapes**: query and key `[batch, keyValueHeads, group or 1, tokens, size]` -> what broadcasts to
   * `[batch, keyValueHeads, group, queries, keys]`.
   */
  make(query: Tensor, key: Tensor, of: readonly Tensor[]): readonly Tensor[];
}

/** What attends to what. */
export interface Projected {
  /** `[batch, heads, tokens, size]`. */
  readonly query: Tensor;
  /** `[batch, keyValueHeads, tokens, size]`. */
  readonly key: Tensor;
  /** `[batch, keyValueHeads, tokens, size]`. */
  readonly value: Tensor;
  /** What the scores have beside the products of queries and keys. */
  readonly terms?: ScoreTerms;
}

/**
 * Attends and joins the heads.
 *
 * **Shapes**: {@linkcode Projected} -> `[batch, tokens, heads · size]`. With a cache that holds earlier
 * tokens, the rows of a sequence, of one token each, attend to its slots, of which the mask says who
 * sees which.
 */
export function attend(
  { query, key, value, terms }: Projected,
  settings: AttentionSettings,
  context: ForwardContext,
): Tensor {
  const { heads, keyValueHeads, size, causal, window, maximum, place } = settings;
  const [batch, , tokens] = query.shape as [number, number, number];
  const group = heads / keyValueHeads;
  const earlier = context.cache?.extend(place.layer, key, value);
  const parts = [batch, keyValueHeads, group, tokens, size];
  const own = (x: Tensor) => reshape(x, [batch, keyValueHeads, 1, tokens, size]);
  const q = earlier === undefined ? reshape(query, parts) : asQueries(query, earlier, group);
  const [k, v] = earlier === undefined ? [own(key), own(value)] : [earlier.key, earlier.value];
  const options: AttentionOptions = {
    scale: settings.scale ?? 1 / Math.sqrt(size),
    causal: causal && earlier === undefined,
    window: earlier === undefined ? window : undefined,
    mask: visibleKeys(context, earlier === undefined ? undefined : window),
    offsets: context.batch.offsets,
    logits: siteAt(context, "logits", place),
    weights: siteAt(context, "weights", place),
    maximum,
  };
  checkMasks(options, tokens, heads);
  const asked = context.onScores !== undefined || context.spanStarts !== undefined ||
    context.probes?.[place.layer] !== undefined;
  const isPlain = earlier === undefined && terms === undefined && !asked;
  const whole = isPlain ? inOne?.(q, k, v, options) : undefined;
  const joined = [batch, tokens, heads * size];
  if (whole !== undefined) return reshape(permute(whole, [0, 3, 1, 2, 4]), joined);
  const order = earlier === undefined ? [0, 3, 1, 2, 4] : [3, 0, 1, 2, 4];
  const compose: Attend = ([q, k, v], mask, of) => {
    const own = { ...options, mask };
    const weigh = () => weighted(scoresOf(q, k, terms?.make(q, k, of)), own, place, context);
    // Scores are as large as weights, and nothing reads them again but what starts spans.
    const weights = context.spanStarts === undefined ? q.device.within("scores", weigh) : weigh();
    return permute(matmul(weights, v, order), order);
  };
  const { gradientCheckpointing, mostWeights = 2 ** 22 } = context;
  const few = batch * heads * tokens ** 2 <= mostWeights;
  // Of a layer that is computed again there is one at a time already.
  const isKept = asked || earlier !== undefined || few || gradientCheckpointing;
  const run = isKept ? compose : computedAgain(compose);
  return reshape(run([q, k, v], options.mask, terms?.of ?? []), joined);
}

/** Attention of queries to keys and values, with a mask of visible keys and what terms are made of. */
type Attend = (
  projected: readonly [q: Tensor, k: Tensor, v: Tensor],
  mask: Tensor | undefined,
  of: readonly Tensor[],
) => Tensor;

/** The same, of which a gradient keeps what it is given, and not its weights. */
function computedAgain(compose: Attend): Attend {
  return (projected, mask, of) =>
    checkpoint([...projected, ...of, ...mask === undefined ? [] : [mask]], (q, k, v, ...rest) => {
      const terms = rest.slice(0, of.length);
      return compose([q!, k!, v!], mask && rest.at(-1), terms);
    });
}

/** What the mask of a batch says, for a layer whose queries see a window of a cache. */
function visibleKeys({ batch }: ForwardContext, window: number | undefined): Tensor | undefined {
  return window === undefined ? batch.mask : batch.windowMasks!.get(window);
}

/**
 * Longest sequence whose attention masks have a number for each head, query and key: numbers are words
 * of 32 bits. Models of fewer positions stride them by all their positions.
 */
export function longestMask(
  { maxPositions, heads }: { readonly maxPositions: number; readonly heads: number },
): number {
  return Math.min(maxPositions, Math.floor(Math.sqrt(2 ** 32 / heads)));
}

function checkMasks({ logits, weights, maximum }: AttentionOptions, tokens: number, heads: number) {
  if (tokens <= maximum || (logits ?? weights) === undefined) return;
  throw new OptionError(
    `Cannot draw attention masks as at most ${maximum} tokens are required with ${heads} heads: ` +
      `found ${tokens}`,
  );
}

/** Scores before their factor, `[batch, keyValueHeads, group, queries, keys]`. */
function scoresOf(q: Tensor, k: Tensor, terms: readonly Tensor[] = []): Tensor {
  const [first, second] = terms;
  if (first === undefined) return matmul(q, transpose(k));
  return second === undefined
    ? matmulAdd(q, transpose(k), first)
    : matmulAdd(q, transpose(k), first, second);
}

/** Weights of the scores; tells what asks for scores or weights of them. */
function weighted(
  scores: Tensor,
  options: AttentionOptions,
  place: AttentionSettings["place"],
  context: ForwardContext,
): Tensor {
  context.onScores?.(scores, options.scale);
  const probe = context.probes?.[place.layer];
  const probed = probe === undefined ? scores : add(scores, probe);
  const weights = attentionWeights(probed, options);
  if (context.spanStarts !== undefined) startSpans(probed, weights, options, place, context);
  return weights;
}

/** Chooses where the spans of HiddenCut begin in this layer, where attention is to guide them. */
function startSpans(
  scores: Tensor,
  weights: Tensor,
  options: AttentionOptions,
  place: AttentionSettings["place"],
  context: ForwardContext,
): void {
  const active = siteAt(context, "hidden", place);
  if (active?.site.start !== "attention") return;
  const { logits, weights: dropping, ...whole } = options;
  const plain = logits === undefined && dropping === undefined
    ? weights
    : untracked(() => attentionWeights(scores, whole));
  context.spanStarts![place.layer] = spanStarts(plain, active);
}

/** The rows of a sequence as its queries: they share keys, so one product serves them all. */
function asQueries(query: Tensor, { key }: KeyValues, group: number): Tensor {
  const [batch, , , size] = query.shape as [number, number, number, number];
  const [sequences, heads] = key.shape as [number, number];
  const rows = reshape(query, [batch / sequences, sequences, heads, group, size]);
  return permute(rows, [1, 2, 3, 0, 4]);
}
