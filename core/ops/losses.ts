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
import {
  columns,
  type Float,
  float,
  index,
  input,
  rowSum,
  scalar,
  select,
  type Word,
} from "../expr.ts";
import { square, sub } from "./elementwise.ts";
import { sum } from "./reduce.ts";
import { type RowOp, rowwise } from "./rowwise.ts";
import { logSoftmaxOf } from "./softmax.ts";
import { reshape } from "./view.ts";
import { sameShape, sizeOf } from "../shape.ts";
import { shapeOf, type Tensor } from "../tensor.ts";

/** Label of a row that does not count. */
export const ignoreIndex = 0xFFFFFFFF;

type LogSoftmax = ReturnType<typeof logSoftmaxOf>;

/** Cross-entropy of logits with a label; scalar 0 is the label smoothing. */
function crossEntropyOf(x: Float, { peak, total }: LogSoftmax, label: Word): Float {
  const smoothing = scalar(0, "f32");
  const shifted = x.sub(peak);
  const chosen = rowSum(select(index(0, 2).compare("eq", label), shifted, float(0)))
    .sub(total.unary("log"));
  const average = rowSum(shifted).div(columns).sub(total.unary("log"));
  // Without smoothing the other logits may be infinite: 0 times them would be NaN.
  const smoothed = select(smoothing.compare("eq", 0), float(0), smoothing.mul(average));
  return float(1).sub(smoothing).mul(chosen).add(smoothed).neg();
}

/** KL from one distribution to another, or half the sum of both directions. */
function divergenceOf(a: LogSoftmax, b: LogSoftmax, both: boolean): Float {
  const from = (x: LogSoftmax, y: LogSoftmax) => {
    const p = x.log.unary("exp");
    // 0 log 0 is 0, though the logarithm is infinite.
    return p.mul(select(p.compare("eq", 0), float(0), x.log.sub(y.log)));
  };
  return both ? rowSum(from(a, b).add(from(b, a))).mul(0.5) : rowSum(from(a, b));
}

/** A number of a row whose label counts, else 0. */
function ifCounted(label: Word, x: Float): Float {
  return select(label.compare("eq", ignoreIndex), float(0), x);
}

/** Cross-entropy of logits with a label; scalar 0 is the label smoothing. */
export const crossEntropyOp: RowOp = (() => {
  const [x, label] = [input(0, "f32", 3), input(1, "u32", 1)];
  const own = logSoftmaxOf(x);
  const loss = ifCounted(label, crossEntropyOf(x, own, label));
  return rowwise("crossEntropy", { logits: "f32", labels: "u32" }, [loss, own.peak, own.total]);
})();

function divergence(name: string, both: boolean): RowOp {
  const [a, b] = [logSoftmaxOf(input(0, "f32", 3)), logSoftmaxOf(input(1, "f32", 3))];
  const saved = [a.peak, a.total, b.peak, b.total];
  return rowwise(name, { a: "f32", b: "f32" }, [divergenceOf(a, b, both), ...saved]);
}

/** KL(softmax a ‖ softmax b) of each row. */
export const klOp: RowOp = divergence("klDivergence", false);
/** Half the sum of both directions of each row: logits are read once for both. */
export const bidirectionalKlOp: RowOp = divergence("bidirectionalKl", true);

/** Cross-entropy of the first logits, and how far they are from others. */
function comparison(both: boolean): RowOp {
  const [x, y, label] = [input(0, "f32", 3), input(1, "f32", 3), input(2, "u32", 1)];
  const [a, b] = [logSoftmaxOf(x), logSoftmaxOf(y)];
  const outputs = [crossEntropyOf(x, a, label), divergenceOf(a, b, both)];
  return rowwise("comparedCrossEntropy", { logits: "f32", others: "f32", labels: "u32" }, [
    ...outputs.map((each) => ifCounted(label, each)),
    ...[a.peak, a.total, b.peak, b.total],
  ]);
}

const [oneWayComparisonOp, comparisonOp] = [comparison(false), comparison(true)];

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
  checkSmoothing("crossEntropy", smoothing);
  checkLabels(labels, classes);
  return apply(crossEntropyOp, [logits, reshape(labels, [rows, 1])], {
    scalars: [smoothing],
    indices: [{ offset: 0, strides: [0, 1] }],
  })[0]!;
}

function checkSmoothing(operation: string, smoothing: number): void {
  if (smoothing >= 0 && smoothing <= 1) return;
  throw new OptionError(
    `Cannot apply ${operation} as smoothing must lie in [0, 1]: found ${shown(smoothing)}`,
  );
}

/** @throws {ShapeError} If two tensors differ in shape */
function checkSame(
  operation: string,
  one: Readonly<Record<string, Tensor>>,
  other: Readonly<Record<string, Tensor>>,
): void {
  const [[name, x], [otherName, y]] = [Object.entries(one)[0]!, Object.entries(other)[0]!];
  const [shape, found] = [shapeOf(operation, x, name), shapeOf(operation, y, otherName)];
  if (sameShape(shape, found)) return;
  const required = `[${shape}], the shape of ${name}`;
  throw argumentError(operation, otherName, required, `[${found}]`);
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
 * @throws {ShapeError} If the shapes differ
 */
export function klDivergence(a: Tensor, b: Tensor): Tensor {
  checkSame("klDivergence", { a }, { b });
  return apply(klOp, [a, b], {})[0]!;
}

/**
 * Half the sum of both directions of KL (Eq. 11), summed over the rows.
 *
 * **Shapes**: `[rows, classes]` twice -> `[]`. **Units**: nats.
 *
 * @throws {ShapeError} If the shapes differ
 */
export function bidirectionalKl(a: Tensor, b: Tensor): Tensor {
  checkSame("bidirectionalKl", { a }, { b });
  return sum(apply(bidirectionalKlOp, [a, b], {})[0]!);
}

/** What {@linkcode comparedCrossEntropy} is told. */
export interface ComparisonOptions {
  /** Share of the label that is spread over all classes; default 0. */
  readonly smoothing?: number;
  /** Whether half the sum of both directions of KL is taken, else that to the others. */
  readonly both: boolean;
}

/**
 * Cross-entropy of each row with its label, and its KL to other logits, whose rows are read once for
 * all: `crossEntropy` beside `klDivergence`. Both are 0 of a label of {@linkcode ignoreIndex}.
 *
 * **Shapes**: `[rows, classes]` twice, `[rows] -> [rows, 1]` twice. **Units**: nats.
 *
 * @throws {ShapeError} If the shapes differ, or there is not one label, a word, for each row
 * @throws {IndexError} If a label that the host wrote or sees is none of the classes
 * @throws {OptionError} If the smoothing lies outside [0, 1]
 */
export function comparedCrossEntropy(
  logits: Tensor,
  others: Tensor,
  labels: Tensor,
  { smoothing = 0, both }: ComparisonOptions,
): { readonly losses: Tensor; readonly divergences: Tensor } {
  checkSame("comparedCrossEntropy", { logits }, { others });
  const rows = perRow("comparedCrossEntropy", { logits }, { labels });
  checkSmoothing("comparedCrossEntropy", smoothing);
  checkLabels(labels, logits.shape[1]!);
  const inputs = [logits, others, reshape(labels, [rows, 1])];
  const [losses, divergences] = apply(both ? comparisonOp : oneWayComparisonOp, inputs, {
    scalars: [smoothing],
    indices: [{ offset: 0, strides: [0, 1] }],
  });
  return { losses: losses!, divergences: divergences! };
}
