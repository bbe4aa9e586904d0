// Row-wise kernels at the sizes that peers are measured at too.
import { apply } from "../core/apply.ts";
import { gelu } from "../core/ops/elementwise.ts";
import type { Device } from "../core/device.ts";
import { type Tensor, tensor } from "../core/tensor.ts";
import { attentionWeights } from "../nn/layers/attention_weights.ts";
import { crossEntropy } from "../core/ops/losses.ts";
import { Module, Parameter } from "../nn/layers/module.ts";
import { layerNormOp } from "../core/ops/norm.ts";
import { AdamW } from "../nn/optim/adamw.ts";
import { Trainable } from "../nn/optim/trainable.ts";

/** A kernel: its name, elements read and written, and what runs it. */
export type RowwiseCase = readonly [name: string, elements: number, run: () => unknown];

/** Numbers without a meaning. */
export function fill(device: Device, ...shape: number[]): Tensor {
  const count = shape.reduce((a, b) => a * b, 1);
  return tensor(
    device,
    Float32Array.from({ length: count }, (_, i) => (i * 7 % 13) / 13 - 0.5),
    shape,
  );
}

class Weights extends Module {
  readonly weights: Parameter;
  constructor(value: Tensor) {
    super();
    this.weights = new Parameter(value.shape);
    this.weights.value = value;
    this.weights.trainable = true;
  }
}

/** The cases; the open scope owns their tensors. */
export async function rowwiseCases(device: Device): Promise<RowwiseCase[]> {
  const scores = fill(device, 8, 12, 1, 64, 512);
  const hidden = fill(device, 4096, 768);
  const [weight, bias] = [fill(device, 768), fill(device, 768)];
  const [inner, logits] = [fill(device, 512, 3072), fill(device, 256, 50304)];
  const labels = tensor(device, new Uint32Array(256), [256], "u32");
  const options = { scale: 0.125, causal: false, maximum: 512 };
  const adamw = new AdamW(await Trainable.of(new Weights(fill(device, 2 ** 20)), device));
  const norm = tensor(device, [1]);
  return [
    ["softmax 6144 x 512", 2 * 6144 * 512, () => attentionWeights(scores, options)],
    [
      "layer norm 4096 x 768",
      2 * 4096 * 768,
      () => apply(layerNormOp, [hidden, weight, bias], { scalars: [1e-5] })[0]!,
    ],
    ["gelu 512 x 3072", 2 * 512 * 3072, () => gelu(inner)],
    ["adamw 1048576", 7 * 2 ** 20, () => adamw.step(norm, 1e-4)],
    ["cross-entropy 256 x 50304", 256 * 50304, () => crossEntropy(logits, labels)],
  ];
}
