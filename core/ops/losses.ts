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
import { firstOutOfRange, ignoreIndex, numbersOf } from "../indices.ts";
import { columns, type Float, float, index, input, rowSum, scalar, select } from "../expr.ts";
import { add, scale, square, sub } from "./elementwise.ts";
import { sum } from "./reduce.ts";
import { type RowOp, rowwise } from "./rowwise.ts";
import { logSoftmaxOf } from "./softmax.ts";
import { reshape } from "./view.ts";
import { sameShape, sizeOf } from "../shape.ts";
import { shapeOf, type Tensor } from "../tensor.ts";

/** Two tables of logits. */
const logits = input(0, "f32", 3);
const [first, second] = [logSoftmaxOf(logits), logSoftmaxOf(input(1, "f32", 3))];
const saved = [first.peak, first.total, second.peak, second.total];

/** Cross-entropy of the first, then other numbers of its rows: 0 where the label in the slot is none. */
function labelled(slot: number, others: readonly Float[] = []): Float[] {
  const label = input(slot, "u32", 1);
  const smoothing = scalar(0, "f32");
  const { peak, total } = first;
  const shifted = logits.sub(peak);
  const chosen = rowSum(select(index(0, 2).compare("eq", label), shifted, float(0)))
    .sub(total.unary("log"));
  const average = rowSum(shifted).div(columns).sub(total.unary("log"));
  // Without smoothing the other logits may be infinite: 0 times them would be NaN.
  const smoothed = select(smoothing.compare("eq", 0), float(0), smoothing.mul(average));
  const loss = float(1).sub(smoothing).mul(chosen).add(smoothed).neg();
  return [loss, ...others].map((each) => select(label.compare("eq", ignoreIndex), float(0), each));
}

/** What a column adds to KL. */
function divergenceOf(from: typeof first, to: typeof first): Float {
  const p = from.log.unary("exp");
  // 0 log 0 is 0, though the logarithm is infinite.
  return p.mul(select(p.compare("eq", 0), float(0), from.log.sub(to.log)));
}

/** Cross-entropy of logits with a label; scalar 0 is the label smoothing. */
export const crossEntropyOp: RowOp = rowwise("crossEntropy", { logits: "f32", labels: "u32" }, [
  ...labelled(1),
  ...saved.slice(0, 2),
]);

const there = rowSum(divergenceOf(first, second));
/** KL(softmax a ‖ softmax b) of each row. */
export const klOp: RowOp = rowwise("klDivergence", ["f32", "f32"], [there, ...saved]);

/** Cross-entropy of the first, and how far it is from the second: one way, or both. */
const comparisonOps = [
  there,
  rowSum(divergenceOf(first, second).add(divergenceOf(second, first))).mul(0.5),
].map((divergence) =>
  rowwise("comparedCrossEntropy", { a: "f32", b: "f32", labels: "u32" }, [
    ...labelled(2, [divergence]),
    ...saved,
  ])
);

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
  return withLabels(crossEntropyOp, { logits }, labels, smoothing)[0]!;
}

/** Applies an operation of logits, the labels of their rows, and smoothing. */
function withLabels(
  op: RowOp,
  tables: Readonly<Record<string, Tensor>>,
  labels: Tensor,
  smoothing: number,
): Tensor[] {
  const rows = perRow(op.name, tables, { labels });
  const inputs = Object.values(tables);
  if (!(smoothing >= 0 && smoothing <= 1)) {
    throw new OptionError(
      `Cannot apply ${op.name} as smoothing must lie in [0, 1]: found ${shown(smoothing)}`,
    );
  }
  checkLabels(labels, inputs[0]!.shape[1]!);
  return apply(op, [...inputs, reshape(labels, [rows, 1])], {
    scalars: [smoothing],
    indices: [{ offset: 0, strides: [0, 1] }],
  });
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
  checkSame(klOp, a, b);
  return apply(klOp, [a, b], {})[0]!;
}

function checkSame({ name }: RowOp, a: Tensor, b: Tensor): void {
  const [shape, found] = [shapeOf(name, a, "a"), shapeOf(name, b, "b")];
  if (sameShape(shape, found)) return;
  throw argumentError(name, "b", `[${shape}], the shape of a`, `[${found}]`);
}

/**
 * Half the sum of both directions of KL (Eq. 11), summed over the rows.
 *
 * **Shapes**: `[rows, classes]` twice -> `[]`. **Units**: nats.
 *
 * @throws {ShapeError} If the shapes differ
 */
export function bidirectionalKl(a: Tensor, b: Tensor): Tensor {
  return scale(add(sum(klDivergence(a, b)), sum(klDivergence(b, a))), 0.5);
}

/**
 * {@linkcode crossEntropy} of a, then how far its rows are from those of b: {@linkcode klDivergence}, or
 * half the sum of both directions. Logits are read once for both, which are 0 of a label of
 * {@linkcode ignoreIndex}.
 *
 * **Shapes**: `[rows, classes]` twice, `[rows] -> [rows, 1]` twice. **Units**: nats.
 *
 * @throws {ShapeError} If the shapes differ, or there is not one label, a word, for each row
 * @throws {IndexError} If a label that the host wrote or sees is none of the classes
 * @throws {OptionError} If the smoothing lies outside [0, 1]
 */
export function comparedCrossEntropy(
  a: Tensor,
  b: Tensor,
  labels: Tensor,
  { smoothing, both }: { readonly smoothing: number; readonly both: boolean },
): readonly [losses: Tensor, divergences: Tensor] {
  const op = comparisonOps[both ? 1 : 0]!;
  checkSame(op, a, b);
  const [losses, divergences] = withLabels(op, { a, b }, labels, smoothing);
  return [losses!, divergences!];
}
