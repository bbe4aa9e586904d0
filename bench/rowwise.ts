// Row-wise kernels: milliseconds and effective bandwidth. deno task bench rowwise --backend webgpu
import { apply } from "../core/apply.ts";
import { gelu } from "../core/ops/elementwise.ts";
import { type Tensor, tensor } from "../core/tensor.ts";
import { attentionWeights } from "../nn/attention_weights.ts";
import { crossEntropy } from "../nn/losses.ts";
import { layerNormOp } from "../nn/norm.ts";
import { milliseconds, prepare, report } from "./measure.ts";

/** Measures softmax, layer norm, GELU and cross-entropy. */
export async function rowwiseBench(args: string[]): Promise<void> {
  const { values, device, reason } = await prepare({}, args);
  await using _device = device;
  const cpu = device.backend.name === "cpu";
  using _scope = device.scope("rowwise");
  const make = (...shape: number[]): Tensor => {
    const count = shape.reduce((a, b) => a * b, 1);
    return tensor(device, Float32Array.from({ length: count }, (_, i) => (i * 7 % 13) / 13), shape);
  };
  const scores = make(8, 12, 1, 64, 512);
  const [hidden, weight, bias] = [make(4096, 768), make(768), make(768)];
  const [inner, logits] = [make(512, 3072), make(256, 50304)];
  const labels = tensor(device, new Uint32Array(256), [256], "u32");
  const options = { scale: 0.125, causal: false, maximum: 512 };
  const cases: [string, number, () => Tensor][] = [
    ["softmax 6144 x 512", 2 * 6144 * 512, () => attentionWeights(scores, options)],
    [
      "layer norm 4096 x 768",
      2 * 4096 * 768,
      () => apply(layerNormOp, [hidden, weight, bias], { scalars: [1e-5] })[0]!,
    ],
    ["gelu 512 x 3072", 2 * 512 * 3072, () => gelu(inner)],
    ["cross-entropy 256 x 50304", 256 * 50304, () => crossEntropy(logits, labels)],
  ];
  const rows: Record<string, unknown>[] = [];
  for (const [name, elements, run] of cases) {
    const settle = async () => {
      using _scope = device.scope("settle");
      await gelu(weight).read();
    };
    const ms = await milliseconds(device, () => void run(), settle, cpu ? 1 : 50);
    rows.push({
      name,
      ms: Number(ms.toFixed(4)),
      gigabytesPerSecond: Number((4 * elements / ms / 1e6).toFixed(1)),
    });
  }
  report(rows, values["json"], reason);
}
