import { apply } from "../../core/apply.ts";
import { float, input, rowSum, select, stop } from "../../core/expr.ts";
import { gradient } from "../../core/gradient.ts";
import { div, exp, mul } from "../../core/ops/elementwise.ts";
import { sum } from "../../core/ops/reduce.ts";
import { type RowOp, rowwise, sumRow } from "../../core/ops/rowwise.ts";
import type { Device } from "../../core/device.ts";
import { noGrad } from "../../core/tape.ts";
import { type Tensor, tensor } from "../../core/tensor.ts";
import { maskedSoftmaxOf } from "../../core/ops/softmax.ts";
import { attentionWeightsOp } from "../../nn/layers/attention_weights.ts";
import type { RowCase } from "./noise_cases.ts";

/** Masks `[cases, 1, width]` of 0 and 1. */
export interface Masks {
  readonly visible: Tensor;
  readonly keep: Tensor;
  /** `keep` as words. */
  readonly words: Tensor;
}

/** Weights after dropping, from scores `[cases, rows, width]`. */
export type Form = (scores: Tensor, masks: Masks) => Tensor;

const normalised = (x: Tensor) => div(x, sumRow(x));
const softmaxOver = (x: Tensor, mask: Tensor) => normalised(mul(exp(x), mask));

const scores = input(0, "f32", 3);
const where = (slot: number) => float(0).compare("lt", input(slot, "f32", 3));
const [visible, keep] = [where(1), where(2)];
const before = maskedSoftmaxOf(scores, visible);
const after = maskedSoftmaxOf(scores, keep);
const bar = select(keep, before.softmax, float(0));
const floats = ["f32", "f32", "f32"] as const;
const fused = (op: RowOp): Form => (x, m) => apply(op, [x, m.visible, m.keep], {})[0]!;

const masked = attentionWeightsOp({
  causal: false,
  masked: true,
  logits: "none",
  weights: "none",
  noGrad: true,
});

/** DropKey: composed of operations, derived in one kernel, and the kernel that models use. */
export const dropKeyForms: Readonly<Record<string, Form>> = {
  composed: (x, m) => softmaxOver(x, m.keep),
  derived: fused(rowwise("dropKey", floats, [after.softmax])),
  fused: (x, m) => apply(masked, [x, m.words], { space: x.shape, scalars: [1] })[0]!,
};

/** DropAttention with NoGrad: composed, Eq. 2 in one kernel, and by logarithms as models have it. */
export const noGradForms: Readonly<Record<string, Form>> = {
  composed: (x, m) => {
    const kept = mul(softmaxOver(x, m.visible), m.keep);
    return div(kept, noGrad(sumRow(kept)));
  },
  derived: fused(rowwise("noGradAttention", floats, [bar.div(stop(rowSum(bar)))])),
  byLogarithms: fused(
    rowwise("logAttention", floats, [
      stop(after.softmax).mul(before.log.sub(stop(before.log)).add(1)),
    ]),
  ),
};

/** DropAttention whose denominator is differentiated too. */
export const withGradForms: Readonly<Record<string, Form>> = {
  composed: (x, m) => normalised(mul(softmaxOver(x, m.visible), m.keep)),
  derived: fused(rowwise("gradAttention", floats, [bar.div(rowSum(bar))])),
};

/** All forms, named. */
export const allForms: readonly (readonly [string, Form])[] = [
  ...Object.entries(dropKeyForms).map(([name, f]) => [`DropKey, ${name}`, f] as const),
  ...Object.entries(noGradForms).map(([name, f]) => [`NoGrad, ${name}`, f] as const),
  ...Object.entries(withGradForms).map(([name, f]) => [`without NoGrad, ${name}`, f] as const),
];

/** Masks of cases of one width. */
export function masksOf(device: Device, cases: readonly RowCase[]): Masks {
  const shape = [cases.length, 1, cases[0]!.logits.length];
  const numbers = (pick: (c: RowCase) => readonly boolean[]) =>
    cases.flatMap((c) => pick(c).map(Number));
  const kept = numbers((c) => c.keep);
  return {
    visible: tensor(device, numbers((c) => c.visible), shape),
    keep: tensor(device, kept, shape),
    words: tensor(device, kept, shape, "u32"),
  };
}

/** Scores: each case's logits once a key, `step` more on the diagonal. */
function squares(device: Device, cases: readonly RowCase[], step = 0): Tensor {
  const width = cases[0]!.logits.length;
  const data = cases.flatMap(({ logits }) =>
    logits.flatMap((_, row) => logits.map((g, key) => key === row ? g + step : g))
  );
  return tensor(device, data, [cases.length, width, width]);
}

/** Parts of equal length. */
function parts(data: ArrayLike<number>, count: number): number[][] {
  const all = Array.from(data);
  const size = all.length / count;
  return Array.from({ length: count }, (_, i) => all.slice(i * size, (i + 1) * size));
}

/** Weights of each case. */
export async function weights(device: Device, cases: readonly RowCase[], form: Form) {
  using _scope = device.scope("weights");
  const x = tensor(
    device,
    cases.flatMap((c) => [...c.logits]),
    [cases.length, 1, cases[0]!.logits.length],
  );
  return parts(await form(x, masksOf(device, cases)).read(), cases.length);
}

/** Jacobian of each case: as many copies of a row as it has keys, with one-hot cotangents. */
export async function jacobians(device: Device, cases: readonly RowCase[], form: Form) {
  using _scope = device.scope("jacobians");
  const width = cases[0]!.logits.length;
  const x = squares(device, cases);
  const masks = masksOf(device, cases);
  const identity = Float64Array.from(
    { length: width * width },
    (_, i) => i % (width + 1) === 0 ? 1 : 0,
  );
  const oneHot = tensor(device, identity, [1, width, width]);
  const { gradients } = gradient(() => sum(mul(form(x, masks), oneHot)), [x]);
  return parts(await gradients[0]!.read(), cases.length);
}

/** Jacobian of one case. */
export async function jacobian(device: Device, c: RowCase, form: Form): Promise<number[]> {
  return (await jacobians(device, [c], form))[0]!;
}

/** Jacobian of each case by central differences: no derivation involved. */
export async function differences(
  device: Device,
  cases: readonly RowCase[],
  form: Form,
  step = 1e-5,
): Promise<number[][]> {
  using _scope = device.scope("differences");
  const width = cases[0]!.logits.length;
  const masks = masksOf(device, cases);
  const moved = async (by: number) =>
    parts(await form(squares(device, cases, by), masks).read(), cases.length);
  const [up, down] = [await moved(step), await moved(-step)];
  // Row j of what is read has the weights after a step in logit j.
  return up.map((high, i) =>
    high.map((_, entry) => {
      const at = (entry % width) * width + Math.floor(entry / width);
      return (high[at]! - down[i]![at]!) / (2 * step);
    })
  );
}

/** DropAttention over a denominator that is a number: what differences see of NoGrad. */
export function frozenForm(share: Tensor): Form {
  return (x, m) => div(mul(softmaxOver(x, m.visible), m.keep), share);
}
