/**
 * Losses. Each gives one number a row; the caller sums them over whatever it normalises by, so that
 * accumulated batches weigh as one.
 *
 * @module
 */

import { apply } from "../apply.ts";
import { argumentError, argumentsOf, checkArguments } from "../arguments.ts";
import { IndexError, OptionError } from "../errors.ts";
import { shown } from "../excerpt.ts";
import { firstOutOfRange, numbersOf } from "../indices.ts";
import { columns, float, index, input, rowSum, scalar, select } from "../expr.ts";
import { square, sub } from "./elementwise.ts";
import { sum } from "./reduce.ts";
import { type RowOp, rowwise } from "./rowwise.ts";
import { logSoftmaxOf } from "./softmax.ts";
import { reshape } from "./view.ts";
import { sameShape, sizeOf } from "../shape.ts";
import { shapeOf, type Tensor } from "../tensor.ts";

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
  return rowwise("crossEntropy", { logits: "f32", labels: "u32" }, [counted, peak, total]);
})();

/** One direction of KL between the softmax of two rows, or the mean of both; of rows that count. */
function divergence(name: string, both: boolean, labelled: boolean): RowOp {
  const a = logSoftmaxOf(input(0, "f32", 3));
  const b = logSoftmaxOf(input(1, "f32", 3));
  const from = (x: typeof a, y: typeof a) => {
    const p = x.log.unary("exp");
    // 0 log 0 is 0, though the logarithm is infinite.
    return p.mul(select(p.compare("eq", 0), float(0), x.log.sub(y.log)));
  };
  const sum = both ? rowSum(from(a, b).add(from(b, a))).mul(0.5) : rowSum(from(a, b));
  const saved = [a.peak, a.total, b.peak, b.total];
  if (!labelled) return rowwise(name, { a: "f32", b: "f32" }, [sum, ...saved]);
  const counted = select(input(2, "u32", 1).compare("eq", ignoreIndex), float(0), sum);
  return rowwise(name, { a: "f32", b: "f32", labels: "u32" }, [counted, ...saved]);
}

/** KL(softmax a ‖ softmax b) of each row. */
export const klOp: RowOp = divergence("klDivergence", false, false);
const labelledKlOp = divergence("klDivergence", false, true);
/** Half the sum of both directions of each row: logits are read once for both. */
export const bidirectionalKlOp: RowOp = divergence("bidirectionalKl", true, false);
const labelledBidirectionalKlOp = divergence("bidirectionalKl", true, true);

/**
 * Cross-entropy of each row with its label, with label smoothing as PyTorch has it (uniform over
 * all classes, the label included). A label of {@linkcode ignoreIndex} gives 0.
 *
 * **Shapes**: `[rows, classes], [rows] -> [rows, 1]`. **Units**: nats.
 *
 * @throws {ShapeError} If there is not one label, a word, for each row
 * @throws {IndexError} If a label that the host wrote or sees is none of the classes
 * @throws {OptionError} If the smoothing lies outside [0, 1]
 */
export function crossEntropy(logits: Tensor, labels: Tensor, smoothing = 0): Tensor {
  const rows = perRow("crossEntropy", { logits }, { labels });
  const classes = logits.shape[1]!;
  if (!(smoothing >= 0 && smoothing <= 1)) {
    throw new OptionError(
      `Cannot apply crossEntropy as smoothing must lie in [0, 1]: found ${shown(smoothing)}`,
    );
  }
  checkLabels(labels, classes);
  return apply(crossEntropyOp, [logits, reshape(labels, [rows, 1])], {
    scalars: [smoothing],
    indices: [{ offset: 0, strides: [0, 1] }],
  })[0]!;
}

/**
 * Checks labels as far as the host wrote or sees them.
 *
 * @throws {IndexError} If one is none of the classes, nor {@linkcode ignoreIndex}
 */
export function checkLabels(labels: Tensor, classes: number): void {
  const found = firstOutOfRange(labels.value, classes, ignoreIndex);
  if (found === undefined) return;
  throw new IndexError(
    `Cannot apply crossEntropy as labels requires ${numbersOf(classes)}, as the logits have ` +
      `${classes} classes, or ignoreIndex: found ${found.word} at [${found.place}]`,
  );
}

/**
 * Number of rows of the first tensor, for each of which the second must have one element.
 *
 * @throws {ShapeError} If the first has not two axes, or the second another number of elements
 */
function perRow(
  operation: string,
  table: Readonly<Record<string, Tensor>>,
  list: Readonly<Record<string, Tensor>>,
): number {
  const [[name, x], [listName, y]] = [Object.entries(table)[0]!, Object.entries(list)[0]!];
  const shape = shapeOf(operation, x, name);
  const found = shapeOf(operation, y, listName);
  if (shape.length !== 2) {
    throw argumentError(operation, name, "2 axes, one row an example", `[${shape}]`);
  }
  if (sizeOf(found) !== shape[0]) {
    const required = `${shape[0]} elements, one for each row of ${name}`;
    throw argumentError(operation, listName, required, `[${found}]`);
  }
  return shape[0];
}

const scored = argumentsOf({ predictions: "f32", targets: "f32" });

/**
 * Squared error of each row: `[rows, 1], [rows] -> [rows, 1]`.
 *
 * @throws {ShapeError} If there is not one target for each prediction
 */
export function squaredError(predictions: Tensor, targets: Tensor): Tensor {
  const rows = perRow("squaredError", { predictions }, { targets });
  if (predictions.shape[1] !== 1) {
    throw argumentError("squaredError", "predictions", "[rows, 1]", `[${predictions.shape}]`);
  }
  checkArguments("squaredError", scored, [predictions.value, targets.value]);
  return square(sub(predictions, reshape(targets, [rows, 1])));
}

/**
 * KL(softmax a ‖ softmax b) of each row. This is the paper's "JS" (Eq. 12), with b from inference:
 * despite its name it is one-way.
 *
 * **Shapes**: `[rows, classes]` twice -> `[rows, 1]`. **Units**: nats.
 *
 * @param labels One a row, of which {@linkcode ignoreIndex} gives 0; default all rows count
 * @throws {ShapeError} If the shapes differ, or there is not one label for each row
 */
export function klDivergence(a: Tensor, b: Tensor, labels?: Tensor): Tensor {
  return divergenceBy(labels === undefined ? klOp : labelledKlOp, a, b, labels);
}

/**
 * Half the sum of both directions of KL (Eq. 11), summed over the rows.
 *
 * **Shapes**: `[rows, classes]` twice -> `[]`. **Units**: nats.
 *
 * @param labels As in {@linkcode klDivergence}
 * @throws {ShapeError} If the shapes differ, or there is not one label for each row
 */
export function bidirectionalKl(a: Tensor, b: Tensor, labels?: Tensor): Tensor {
  const op = labels === undefined ? bidirectionalKlOp : labelledBidirectionalKlOp;
  return sum(divergenceBy(op, a, b, labels));
}

function divergenceBy(op: RowOp, a: Tensor, b: Tensor, labels: Tensor | undefined): Tensor {
  const [first, second] = [shapeOf(op.name, a, "a"), shapeOf(op.name, b, "b")];
  if (!sameShape(first, second)) {
    throw argumentError(op.name, "b", `[${first}], the shape of a`, `[${second}]`);
  }
  if (labels === undefined) return apply(op, [a, b], {})[0]!;
  const rows = perRow(op.name, { a }, { labels });
  return apply(op, [a, b, reshape(labels, [rows, 1])], {})[0]!;
}
