import { foldKey, type Key, threefry } from "../../core/random.ts";
import type { Device } from "../../core/device.ts";
import { gather } from "../../core/ops/gather.ts";
import { reshape } from "../../core/ops/view.ts";
import { addEmbeddingNoise } from "../../nn/dropout/embedding_noise.ts";
import type { DropoutPlan, Position } from "../../nn/dropout/plan.ts";
import type { ForwardContext } from "../../nn/layers/forward_context.ts";
import { Embedding, Linear, type Projection } from "../../nn/layers/linear.ts";
import { parameters } from "../../nn/layers/module.ts";
import { applyLora } from "../../nn/lora/apply.ts";
import { Model, type ModelOutput } from "../../nn/models/model.ts";
import { tensor } from "../../core/tensor.ts";
import { numbers } from "./differences.ts";
import { tinyConfig } from "./tiny_models.ts";

/** Sizes of {@linkcode OneLayer}. */
export const sizes = { words: 16, width: 6, rank: 3, classes: 4, scaling: 2 } as const;

/** Word embeddings and one adapted layer that classifies by the last token. */
export class OneLayer extends Model {
  readonly words: Embedding = new Embedding(sizes.words, sizes.width);
  readonly layer: Projection = new Linear(sizes.width, sizes.classes, { bias: false });

  override forward(context: ForwardContext): ModelOutput {
    const { ids, last } = context.batch;
    const x = addEmbeddingNoise(this.words.forward(ids), context.dropout);
    const hidden = this.layer.forward(x, context);
    const logits = gather(reshape(hidden, [-1, sizes.classes]), last);
    return { logits, hidden };
  }
}

/** The model with LoRA, and all its numbers by path. */
export function oneLayer(device: Device, seed: number) {
  const model = new OneLayer(tinyConfig("bert"));
  applyLora(model, { targets: ["layer"], rank: sizes.rank, alpha: sizes.scaling * sizes.rank });
  const values: Record<string, Float64Array> = {};
  for (const [path, parameter] of parameters(model)) {
    values[path] = numbers(seed + Object.keys(values).length, parameter.size);
    parameter.value = tensor(device, values[path], parameter.shape);
  }
  return { model, values };
}

/** One text, its class, and its number in the global batch. */
export interface PlainExample {
  readonly ids: readonly number[];
  readonly label: number;
  readonly number: number;
}

/** Word of a mask, from threefry() on the host. */
const drawn = (key: Key, counter: number, at: number) => threefry(key, counter, at >>> 1)[at & 1]!;

/** Factors of the features of an example's last token at a position: 0, or what survives by. */
function factorsOf(
  { sites }: DropoutPlan,
  key: Key,
  position: Position,
  { ids, number }: PlainExample,
  width: number,
): number[] {
  const site = sites.find((one) => one.position === position);
  if (site === undefined) return Array(width).fill(1);
  const folded = foldKey(key, `layer/${position}`);
  const counter = site.perExample === false ? 0 : 2 * number;
  const start = site.structure === "feature" ? 0 : (ids.length - 1) * width;
  const survivor = site.rescale ? 1 / (1 - site.rate) : 1;
  return Array.from({ length: width }, (_, i) => {
    return drawn(folded, counter, start + i) < Math.floor(site.rate * 2 ** 32) ? 0 : survivor;
  });
}

/** The last token's vector with the plan's noise. */
function embedded(
  { neftuneAlpha = 0 }: DropoutPlan,
  key: Key,
  { ids, number }: PlainExample,
  words: Float64Array,
): number[] {
  const { width } = sizes;
  const [start, from] = [(ids.length - 1) * width, ids.at(-1)! * width];
  const folded = foldKey(key, "embeddings/noise");
  return Array.from({ length: width }, (_, i) => {
    const unit = (2 * (drawn(folded, 2 * number, start + i) >>> 9) + 1) / 2 ** 23 - 1;
    return words[from + i]! + unit * neftuneAlpha / Math.sqrt(ids.length * width);
  });
}

/** Rows of a matrix in one line, times a vector. */
const times = (matrix: ArrayLike<number>, x: readonly number[]) =>
  Array.from(
    { length: matrix.length / x.length },
    (_, row) => x.reduce((sum, value, i) => sum + matrix[row * x.length + i]! * value, 0),
  );

/**
 * Loss of the model and its gradient by A and B, number by number: means over examples and draws.
 *
 * @param values Numbers of {@linkcode oneLayer}
 * @param smoothing Share of the label that is spread over all classes, the label included
 */
export function plainLoss(
  values: Readonly<Record<string, Float64Array>>,
  examples: readonly PlainExample[],
  { plan, smoothing, key }: { plan: DropoutPlan; smoothing: number; key: Key },
): { loss: number; A: Float64Array; B: Float64Array } {
  const { width, rank, classes, scaling } = sizes;
  const [down, up] = [values["layer.lora_A.weight"]!, values["layer.lora_B.weight"]!];
  const [A, B] = [new Float64Array(rank * width), new Float64Array(classes * rank)];
  const { instances = 1 } = plan;
  const share = 1 / (examples.length * instances);
  let loss = 0;
  for (let draw = 0; draw < instances; draw++) {
    const own = draw === 0 ? key : foldKey(key, draw);
    for (const example of examples) {
      const masked = (position: Position, x: readonly number[]) => {
        const factors = factorsOf(plan, own, position, example, x.length);
        return x.map((value, i) => value * factors[i]!);
      };
      const x = embedded(plan, own, example, values["words.weight"]!);
      const dropped = masked("lora", x);
      const inner = masked("rank", times(down, dropped).map((value) => value * scaling));
      const update = masked("update", times(up, inner));
      const logits = times(values["layer.weight"]!, x).map((value, c) => value + update[c]!);
      const total = Math.log(logits.reduce((sum, value) => sum + Math.exp(value), 0));
      const target = logits.map((_, c) =>
        smoothing / classes + (c === example.label ? 1 - smoothing : 0)
      );
      loss -= share * logits.reduce((sum, value, c) => sum + target[c]! * (value - total), 0);
      const slope = logits.map((value, c) => share * (Math.exp(value - total) - target[c]!));
      const byUpdate = masked("update", slope);
      byUpdate.forEach((g, c) => inner.forEach((value, r) => B[c * rank + r]! += g * value));
      const byInner = masked(
        "rank",
        inner.map((_, r) => byUpdate.reduce((sum, g, c) => sum + g * up[c * rank + r]!, 0)),
      );
      byInner.forEach((g, r) =>
        dropped.forEach((value, i) => A[r * width + i]! += scaling * g * value)
      );
    }
  }
  return { loss, A, B };
}
