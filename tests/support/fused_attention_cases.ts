// Attention as one program, and as it is composed of others, on the same numbers.
import type { Device } from "../../core/device.ts";
import { gradient } from "../../core/gradient.ts";
import { matmul } from "../../core/ops/matmul.ts";
import { mul } from "../../core/ops/elementwise.ts";
import { sum } from "../../core/ops/reduce.ts";
import { permute, transpose } from "../../core/ops/view.ts";
import { seedKey, uniform } from "../../core/random.ts";
import { sizeOf } from "../../core/shape.ts";
import { type Tensor, tensor } from "../../core/tensor.ts";
import type { Site } from "../../nn/dropout/plan.ts";
import type { ActiveSite } from "../../nn/dropout/site.ts";
import { type AttentionOptions, attentionWeights } from "../../nn/layers/attention_weights.ts";
import { attentionInOne } from "../../nn/layers/fused_attention.ts";

/** What decides a run; numbers are drawn. */
export interface FusedCase {
  readonly name: string;
  /** Batch, key heads, queries of a group, queries, keys, size. */
  readonly space: readonly [number, number, number, number, number, number];
  readonly causal?: boolean;
  /** Real keys of each example, or of each query. */
  readonly mask?: "keys" | "queries and keys";
  readonly logits?: Partial<Site>;
  readonly weights?: Partial<Site>;
  /** Whether several examples share each row. */
  readonly packed?: boolean;
  /** Factor of queries: large ones make weights of 0 and 1. */
  readonly large?: number;
}

const small = [2, 2, 1, 19, 19, 8] as const;
const grouped = [2, 2, 2, 37, 37, 16] as const;

/** Masks of every kind, on sizes that fill no tile. */
export const fusedCases: readonly FusedCase[] = [
  { name: "all keys", space: [1, 2, 1, 33, 40, 32] },
  { name: "earlier keys alone", space: [1, 1, 1, 70, 70, 64], causal: true },
  { name: "more keys than queries", space: [1, 1, 2, 5, 80, 96], causal: true },
  { name: "more queries than keys", space: [1, 1, 1, 80, 40, 128], causal: true },
  { name: "real keys alone", space: small, mask: "keys" },
  { name: "keys that each query sees", space: small, mask: "queries and keys", causal: true },
  { name: "keys of a group", space: grouped, causal: true, mask: "keys" },
  { name: "large scores", space: small, causal: true, large: 400 },
  { name: "keys left by column", space: grouped, logits: { structure: "column", perHead: true } },
  {
    name: "keys left by column for all heads",
    space: grouped,
    mask: "keys",
    logits: { structure: "column", perHead: false },
  },
  { name: "scores left", space: grouped, causal: true, logits: { structure: "element" } },
  { name: "keys outside of a span", space: grouped, causal: true, logits: { structure: "span" } },
  { name: "scores of which few are left", space: small, causal: true, logits: { rate: 0.9 } },
  {
    name: "weights left, their sum hidden from the gradient",
    space: grouped,
    causal: true,
    weights: { structure: "element" },
  },
  {
    name: "weights left, their sum hidden from the gradient, of which few are left",
    space: small,
    causal: true,
    weights: { structure: "column", rate: 0.9 },
  },
  { name: "weights left", space: grouped, mask: "keys", weights: { nograd: false } },
  { name: "weights outside of a span", space: small, weights: { structure: "span" } },
  { name: "weights left, multiplied", space: grouped, causal: true, weights: { rescale: true } },
  { name: "weights left as they are", space: small, weights: { rescale: false, rate: 0.9 } },
  {
    name: "scores and weights left",
    space: grouped,
    mask: "queries and keys",
    causal: true,
    logits: { structure: "element", rate: 0.5 },
    weights: { structure: "column", rate: 0.5 },
  },
  {
    name: "scores and weights of which few are left",
    space: small,
    causal: true,
    mask: "keys",
    logits: { structure: "column", rate: 0.8 },
    weights: { structure: "element", rate: 0.8, nograd: false },
  },
  { name: "texts that share rows", space: grouped, causal: true, mask: "keys", packed: true },
  {
    name: "scores left of texts that share rows",
    space: grouped,
    causal: true,
    packed: true,
    logits: { structure: "element", rate: 0.5 },
  },
  {
    name: "keys left by column of texts that share rows",
    space: grouped,
    causal: true,
    packed: true,
    logits: { structure: "column", rate: 0.7 },
  },
  {
    name: "keys and weights outside of spans of texts that share rows",
    space: small,
    causal: true,
    mask: "keys",
    packed: true,
    logits: { structure: "span", rate: 0.6 },
    weights: { structure: "span", rate: 0.6 },
  },
  {
    name: "weights left, multiplied, of texts that share rows",
    space: small,
    packed: true,
    weights: { rescale: true },
  },
];

function numbers(device: Device, seed: number, shape: readonly number[], factor = 1): Tensor {
  const data = uniform(seedKey(seed), sizeOf(shape)).map((u) => Math.fround((2 * u - 1) * factor));
  return tensor(device, data, shape);
}

const words = (device: Device, data: number[], shape = [data.length]) =>
  tensor(device, data, shape, "u32");

/** Real tokens of an example: at least one but for a row of a mask by queries. */
const realKeys = (keys: number, b: number) => Math.max(1, keys - 5 * b - 1);

function maskOf(device: Device, { space, mask }: FusedCase): Tensor | undefined {
  const [batch, , , queries, keys] = space;
  if (mask === undefined) return undefined;
  if (mask === "keys") {
    const data = Array.from(
      { length: batch * keys },
      (_, i) => Number(i % keys < realKeys(keys, Math.floor(i / keys))),
    );
    return words(device, data, [batch, keys]);
  }
  // The second query sees nothing.
  const data = Array.from({ length: batch * queries * keys }, (_, i) => {
    const query = Math.floor(i / keys) % queries;
    return query === 1 ? 0 : Number((3 * (i % keys) + query) % 7 < 4);
  });
  return words(device, data, [batch, queries, keys]);
}

/** Texts of five tokens and of seven that share a row; what is left over is padding. */
function sharedRows(device: Device, batch: number, keys: number) {
  const tokens: { offset: number; example: number; length: number }[] = [];
  for (let b = 0; b < batch; b++) {
    const [real, starts] = [realKeys(keys, b), [] as number[]];
    for (let start = 0; start < real; start += starts.length % 2 === 0 ? 7 : 5) starts.push(start);
    for (let i = 0; i < keys; i++) {
      const text = starts.findLastIndex((start) => start <= i);
      const [offset, end] = [starts[text]!, starts[text + 1] ?? real];
      tokens.push(
        i < real
          ? { offset, example: 6 + 2 * (10 * b + text), length: Math.min(end, real) - offset }
          : { offset: i, example: 0, length: 0 },
      );
    }
  }
  const column = (name: "offset" | "example" | "length") =>
    words(device, tokens.map((token) => token[name]), [batch, keys]);
  return { offsets: column("offset"), examples: column("example"), lengths: column("length") };
}

/** Example numbers and lengths of a case, and where its examples begin. */
function examplesOf(device: Device, { space: [batch, , , , keys], packed = false }: FusedCase) {
  if (packed) return sharedRows(device, batch, keys);
  const each = Array.from({ length: batch }, (_, b) => b);
  return {
    offsets: undefined,
    examples: words(device, each.map((b) => 6 + 2 * b)),
    lengths: words(device, each.map((b) => realKeys(keys, b))),
  };
}

/** The options of a case. */
export function fusedOptions(device: Device, c: FusedCase): AttentionOptions {
  const size = c.space[5];
  const { offsets, examples, lengths } = examplesOf(device, c);
  const dropout = {
    plan: { sites: [], compensation: { kind: "none", weight: 0, branches: 1 } },
    key: [0, 0],
    examples,
    lengths,
    offsets,
  } as unknown as ActiveSite["dropout"];
  const site = (change: Partial<Site> | undefined, position: "logits" | "weights") =>
    change === undefined ? undefined : {
      site: { structure: "element", rate: 0.3, layers: "all", position, ...change } as Site,
      key: [position === "logits" ? 11 : 12, 13] as const,
      dropout,
    };
  return {
    scale: 1 / Math.sqrt(size),
    causal: c.causal ?? false,
    mask: maskOf(device, c),
    offsets,
    logits: site(c.logits, "logits"),
    weights: site(c.weights, "weights"),
    maximum: 160,
  };
}

/** Queries, keys and values; they lie as heads of tokens do. */
export function fusedInputs(device: Device, c: FusedCase): [Tensor, Tensor, Tensor] {
  const [batch, keyHeads, group, queries, keys, size] = c.space;
  const own = (seed: number, rows: number, group: number, factor?: number) =>
    permute(numbers(device, seed, [batch, rows, keyHeads, group, size], factor), [0, 2, 3, 1, 4]);
  return [own(1, queries, group, c.large), own(2, keys, 1), own(3, keys, 1)];
}

/** Attention by products and rows. */
export function composedAttention(
  [q, k, v]: readonly Tensor[],
  options: AttentionOptions,
): Tensor {
  return matmul(attentionWeights(matmul(q!, transpose(k!)), options), v!);
}

/** Runs a case: as one program where the device has one, which it must where `fused` says so. */
export function attentionOf(inputs: readonly Tensor[], options: AttentionOptions, fused: boolean) {
  const [q, k, v] = inputs as [Tensor, Tensor, Tensor];
  if (!fused) return composedAttention(inputs, options);
  const whole = attentionInOne(q, k, v, options);
  if (whole === undefined) throw new TypeError("Attention was not run as one program");
  return whole;
}

/** The result and the gradients of queries, keys and values. */
export async function fusedResults(
  device: Device,
  c: FusedCase,
  fused: boolean,
): Promise<number[][]> {
  using _scope = device.scope("case");
  const inputs = fusedInputs(device, c);
  const options = fusedOptions(device, c);
  const { result, gradients } = gradient(() => {
    const y = attentionOf(inputs, options, fused);
    return { loss: sum(mul(y, numbers(device, 4, y.shape))), y };
  }, inputs);
  const all = [result.y, ...gradients.map((g) => g!)];
  return await Promise.all(all.map(async (t) => [...await t.read()]));
}

/** Gradients of a gradient, of queries, keys and values. */
export async function fusedSecond(
  device: Device,
  c: FusedCase,
  fused: boolean,
): Promise<number[][]> {
  using _scope = device.scope("case");
  const inputs = fusedInputs(device, c);
  const options = fusedOptions(device, c);
  const { gradients } = gradient(() => {
    const first = gradient(() => {
      const y = attentionOf(inputs, options, fused);
      return sum(mul(mul(y, y), numbers(device, 4, y.shape)));
    }, inputs);
    return first.gradients.map((g, i) => sum(mul(g!, numbers(device, 5 + i, g!.shape))))
      .reduce((a, b) => mul(a, b));
  }, inputs);
  return await Promise.all(gradients.map(async (t) => [...await t!.read()]));
}
