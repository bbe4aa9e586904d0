/**
 * Operations from expressions: elementwise maps, reductions, softmax, norms and losses are declared
 * by their forward expression alone. Broadcasting is undone here, once, for all of them.
 *
 * @module
 */

import { apply } from "../apply.ts";
import { argumentsOf, type Inputs, kindsOf } from "../arguments.ts";
import type { Affine } from "../backend.ts";
import type { Device } from "../device.ts";
import type { StoredFloat } from "../dtype.ts";
import { ShapeError } from "../errors.ts";
import { type Expr, input, rowSum, variesByColumn } from "../expr.ts";
import { byFlags, numberOf } from "../flags.ts";
import { allocateResult, type Gradients, type Op, type Recorded, resultType } from "../op.ts";
import { ofEmptyRows, type RowProgram, rowProgram } from "../program.ts";
import { checkNumber, checkShape } from "../numbers.ts";
import { broadcast, broadcastsTo, sameShape, sizeOf } from "../shape.ts";
import { Value } from "../storage.ts";
import { shapeOf, type Tensor } from "../tensor.ts";
import {
  type GradientPlan,
  type GradientRequest,
  type Override,
  planGradient,
  type RowDeclaration,
} from "./row_gradient.ts";
import { nothing, permute, reshape } from "./view.ts";

/** What varies between two runs of the same rowwise operation. */
export interface RowAttributes {
  /** Coordinates to run over; by default what the inputs broadcast to. */
  readonly space?: readonly number[];
  /** Numbers that the expressions read by `scalar(slot)`, by slot. */
  readonly scalars?: readonly number[];
  /** Affine indices over the space, by slot. */
  readonly indices?: readonly Affine[];
  /** Element types of float outputs, in their order, that are not those of the inputs' kind. */
  readonly dtypes?: readonly (StoredFloat | undefined)[];
}

/** A rowwise operation; `derived` is the same one without its override. */
export interface RowOp extends Op<RowAttributes> {
  /** One forward expression an output; those after the first are saved for the gradient. */
  readonly outputs: readonly Expr[];
  /** The same operation with its gradient derived from the expression. */
  readonly derived: RowOp;
}

/** A planned gradient as an operation; undefined where it only hands cotangents on. */
interface Plan extends GradientPlan {
  readonly op: RowOp | undefined;
}

/**
 * Declares an operation over rows.
 *
 * @param name For messages and tests
 * @param taken Kind of each input, by its name in messages or without; expressions read them by
 * {@linkcode input} in their order
 * @param outputs Expressions; further ones than the first save what the gradient needs
 * @param override Gradient by hand; tested against the derived one
 */
export function rowwise(
  name: string,
  taken: Inputs,
  outputs: readonly Expr[],
  override?: Override,
): RowOp {
  const inputs = kindsOf(taken);
  const program = rowProgram(inputs, outputs);
  const planFor = plansOf(name, { inputs, outputs, override });
  const op: RowOp = {
    name,
    takes: argumentsOf(taken),
    outputs,
    get derived() {
      return override === undefined ? op : rowwise(`${name}, derived`, taken, outputs);
    },
    launch(device, values, { space: given, scalars = [], indices = [], dtypes = [] }) {
      const space = given ?? broadcast(name, values.map((value) => value.shape));
      for (const number of scalars) checkNumber(name, "scalar", number);
      const results = allocate(outputs, device, values, space, dtypes);
      const launched = { program, values, results, space, scalars, indices };
      if (space.at(-1) !== 0) run(device, launched);
      else runWithoutColumns(device, launched);
      return results;
    },
    vjp(recorded, given) {
      const { needsGradient, shapes, attributes } = recorded;
      const space = attributes.space ?? broadcast(name, shapes);
      const cotangents = given.map((g) => g !== undefined);
      const plain = planFor({ cotangents, needsGradient, carried: [] });
      // What is computed over the whole space can take in what came before.
      const before = plain.results.map((result, i) => {
        const whole = result?.from === "made" && !result.broadcasts && sameShape(shapes[i]!, space);
        return whole ? recorded.accumulateInto(i) : undefined;
      });
      const carried = before.map((before) => before !== undefined);
      const chosen = carried.includes(true)
        ? planFor({ cotangents, needsGradient, carried })
        : plain;
      return execute(chosen, recorded, given, before, space);
    },
    saves: byFlags((needsGradient) => {
      const cotangents = outputs.map((e) => e.kind === "f32");
      const { sources } = planFor({ cotangents, needsGradient, carried: [] });
      const read = (from: string, position: number) =>
        sources.some((s) => s.from === from && s.position === position);
      return {
        inputs: inputs.map((_, i) => read("input", i)),
        outputs: outputs.map((_, i) => read("output", i)),
      };
    }),
  };
  return op;
}

/** A program, what it reads and writes, and where. */
interface Launched extends Required<Omit<RowAttributes, "dtypes">> {
  readonly program: RowProgram;
  readonly values: readonly Value[];
  readonly results: readonly Value[];
}

function run({ backend }: Device, launched: Launched): void {
  const { program, values, results, space, scalars, indices } = launched;
  backend.run(program, {
    space,
    inputs: values.map((value) => value.bound(space)),
    outputs: results.map((value) => value.bound(space)),
    indices,
    scalars,
  });
}

/** Of rows without elements there are only outputs of one element a row: sums of nothing. */
function runWithoutColumns(device: Device, launched: Launched): void {
  const results = launched.results.filter(({ shape }) => sizeOf(shape) > 0);
  if (results.length === 0) return;
  const { program, space, scalars } = launched;
  const outputs = program.outputs.filter((_, i) => results.includes(launched.results[i]!));
  run(device, {
    ...launched,
    program: rowProgram(program.inputs, ofEmptyRows(outputs, scalars.length)),
    results,
    space: [...space.slice(0, -1), 1],
    scalars: [...scalars, 0, -Infinity],
  });
}

/** Plans of an operation's gradients, each made once. */
function plansOf(name: string, declaration: RowDeclaration): (request: GradientRequest) => Plan {
  const plans = new Map<number, Plan>();
  return (request) => {
    const { cotangents, needsGradient, carried } = request;
    const key = numberOf(carried, numberOf(needsGradient, numberOf(cotangents)));
    let found = plans.get(key);
    if (found === undefined) {
      const planned = planGradient(declaration, request);
      const op = planned.outputs.length === 0
        ? undefined
        : rowwise(`${name}.vjp`, planned.inputs, planned.outputs);
      plans.set(key, found = { ...planned, op });
    }
    return found;
  };
}

/** Memory for the outputs, in the order of memory of the inputs where that keeps rows whole. */
function allocate(
  outputs: readonly Expr[],
  device: Device,
  values: readonly Value[],
  space: readonly number[],
  dtypes: readonly (StoredFloat | undefined)[],
): Value[] {
  const order = orderOf(values, space);
  return outputs.map((e, i) => {
    const shape = outputShape(e, space);
    const dtype = e.kind === "u32" ? "u32" : resultType(device, values, shape, dtypes[i]);
    return allocateResult(device, dtype, shape, order);
  });
}

/** The order of memory of the first input of full size, where its rows lie in one piece. */
function orderOf(values: readonly Value[], space: readonly number[]): number[] | undefined {
  const order = values.find(({ shape }) => sameShape(shape, space))?.order;
  return order?.at(-1) === space.length - 1 ? order : undefined;
}

function outputShape(e: Expr, space: readonly number[]): readonly number[] {
  return variesByColumn(e) || space.length === 0 ? space : [...space.slice(0, -1), 1];
}

/** Runs a planned gradient and undoes broadcasting. */
function execute(
  { op, sources, results }: Plan,
  { attributes, shapes, dtype, input, output, device }: Recorded<RowAttributes>,
  cotangents: Gradients,
  before: Gradients,
  space: readonly number[],
): Gradients {
  const operands = sources.map(({ from, position }) => {
    if (from === "cotangent") return cotangents[position]!;
    if (from === "accumulated") return before[position]!;
    return from === "input" ? input(position) : output(position);
  });
  const dtypes: StoredFloat[] = [];
  results.forEach((result, i) => {
    if (result?.from === "made") dtypes[result.position] = dtype(i);
  });
  const made = op === undefined
    ? []
    : apply(op, operands, { ...attributes, space, dtypes }, device);
  return results.map((result, i) => {
    if (result === undefined) return undefined;
    const g = (result.from === "made" ? made : cotangents)[result.position]!;
    return sumTo(result.broadcasts ? expand(g, space) : g, shapes[i]!);
  });
}

const rowSumOp = rowwise("sum", ["f32"], [rowSum(input(0, "f32", 3))]);

/** Sum of the last axis, which keeps size 1. */
export function sumRow(x: Tensor): Tensor {
  return apply(rowSumOp, [x], {})[0]!;
}

/** Sums the axes that `shape` was broadcast along. */
export function sumTo(x: Tensor, shape: readonly number[]): Tensor {
  if (sameShape(x.shape, shape)) return x;
  const missing = x.shape.length - shape.length;
  const summed = x.shape.map((size, axis) => size !== 1 && (shape[axis - missing] ?? 1) === 1);
  const axes = x.shape.map((_, axis) => axis);
  const kept = axes.filter((axis) => !summed[axis]);
  const reduced = axes.filter((axis) => summed[axis]);
  if (reduced.length === 0) return reshape(x, shape);
  const size = sizeOf(reduced.map((axis) => x.shape[axis]!));
  const apart = permute(x, [...kept, ...reduced]);
  const rows = reduced.length === 1
    ? apart
    : reshape(apart, [...kept.map((axis) => x.shape[axis]!), size]);
  return reshape(sumRow(rows), shape);
}

const expandOp: Op<readonly number[]> = {
  name: "expand",
  isView: true,
  launch: (_, [x], shape) => [new Value(x!.storage, shape, x!.stepsIn(shape), x!.offset)],
  vjp: ({ shapes }, [g]) => [sumTo(g!, shapes[0]!)],
  saves: () => nothing,
};

/**
 * Repeats axes of size 1, without a copy.
 *
 * @throws {ShapeError} If the tensor does not broadcast to the shape
 */
export function expand(x: Tensor, shape: readonly number[]): Tensor {
  const from = shapeOf("expand", x);
  checkShape("expand", shape);
  if (sameShape(from, shape)) return x;
  if (!broadcastsTo(from, shape)) {
    throw new ShapeError(`Cannot expand [${x.shape}] to [${shape}] as sizes must match or be 1`);
  }
  return apply(expandOp, [x], shape)[0]!;
}
