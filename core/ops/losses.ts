/**
 * Losses. Each gives one number a row; the caller sums them over whatever it normalises by, so that
 * accumulated batches weigh as one.
 *
 * @module
 */

import { apply } from "../apply.ts";
import { columns, float, index, input, rowSum, scalar, select } from "../expr.ts";
import { add, scale, square, sub } from "./elementwise.ts";
import { sum } from "./reduce.ts";
import { type RowOp, rowwise } from "./rowwise.ts";
import { logSoftmaxOf } from "./softmax.ts";
import { reshape } from "./view.ts";
import type { Tensor } from "../tensor.ts";

/** Label of a row that does not count. */
export const ignoreIndex = 0xFFFFFFFF;

/** Cross-entropy of logits with a label; scalar 0 is the label smoothing. */
export const crossEntropyOp: RowOp = (() => {
  const label = input(1, "u32", 1);
  const smoothing = scalar(0, "f32");
  const x = input(0, "f32", 3);
  const { peak, total } = logSoftmaxOf(x);
  const shifted = x.sub(peak);
  const chosen = rowSum(select(index(0, 2).compare("eq", label), shifted, float(0)))
    .sub(total.unary("log"));
  const average = rowSum(shifted).div(columns).sub(total.unary("log"));
  // Without smoothing the other logits may be infinite: 0 times them would be NaN.
  const smoothed = select(smoothing.compare("eq", 0), float(0), smoothing.mul(average));
  const loss = float(1).sub(smoothing).mul(chosen).add(smoothed).neg();
  const counted = select(label.compare("eq", ignoreIndex), float(0), loss);
  return rowwise("crossEntropy", ["f32", "u32"], [counted, peak, total]);
})();

/** KL(softmax a ‖ softmax b) of each row. */
export const klOp: RowOp = (() => {
  const a = logSoftmaxOf(input(0, "f32", 3));
  const b = logSoftmaxOf(input(1, "f32", 3));
  const p = a.log.unary("exp");
  // 0 log 0 is 0, though the logarithm is infinite.
  const ratio = select(p.compare("eq", 0), float(0), a.log.sub(b.log));
  const divergence = rowSum(p.mul(ratio));
  return rowwise("kl", ["f32", "f32"], [divergence, a.peak, a.total, b.peak, b.total]);
})();

/**
 * Cross-entropy of each row with its label, with label smoothing as PyTorch has it (uniform over
 * all classes, the label included). A label of {@linkcode ignoreIndex} gives 0.
 *
 * **Shapes**: `[rows, classes], [rows] -> [rows, 1]`. **Units**: nats.
 */
export function crossEntropy(logits: Tensor, labels: Tensor, smoothing = 0): Tensor {
  return apply(crossEntropyOp, [logits, reshape(labels, [-1, 1])], {
    scalars: [smoothing],
    indices: [{ offset: 0, strides: [0, 1] }],
  })[0]!;
}

/** Squared error of each row: `[rows, 1], [rows] -> [rows, 1]`. */
export function squaredError(predictions: Tensor, targets: Tensor): Tensor {
  return square(sub(predictions, reshape(targets, [-1, 1])));
}

/**
 * KL(softmax a ‖ softmax b) of each row. This is the paper's "JS" (Eq. 12), with b from inference:
 * despite its name it is one-way.
 *
 * **Shapes**: `[rows, classes]` twice -> `[rows, 1]`. **Units**: nats.
 */
export function klDivergence(a: Tensor, b: Tensor): Tensor {
  return apply(klOp, [a, b], {})[0]!;
}

/** Half the sum of both directions of KL (Eq. 11), summed over the rows. */
export function bidirectionalKl(a: Tensor, b: Tensor): Tensor {
  return scale(add(sum(klDivergence(a, b)), sum(klDivergence(b, a))), 0.5);
}
