/**
 * Rows by index, and their inverse.
 *
 * @module
 */

import { apply } from "../apply.ts";
import { argumentError, floats, words } from "../arguments.ts";
import { isHalf, type StoredFloat } from "../dtype.ts";
import { checkRows } from "../indices.ts";
import { checkInteger } from "../numbers.ts";
import { type Op, resultType } from "../op.ts";
import { gatherProgram, scatterAddProgram } from "../program.ts";
import { sizeOf } from "../shape.ts";
import { Value } from "../storage.ts";
import { shapeOf, type Tensor } from "../tensor.ts";
import { contiguous, reshape } from "./view.ts";

const gatherOp: Op = {
  name: "gather",
  takes: [{ name: "table", dtypes: floats }, { name: "rows", dtypes: words }],
  launch(device, inputs) {
    const [table, rows] = inputs as readonly [Value, Value];
    const space = [rows.shape[0]!, table.shape[1]!];
    const out = Value.allocate(device.backend, resultType(device, [table], space), space);
    device.backend.run(gatherProgram, {
      space,
      inputs: [table.bound(), rows.bound()],
      outputs: [out.bound()],
      indices: [],
      scalars: [],
    });
    return [out];
  },
  vjp: ({ shapes, dtype, input }, [g]) => [
    apply(scatterAddOp, [g!, input(1)], { height: shapes[0]![0]!, dtype: dtype(0) })[0]!,
  ],
  saves: () => ({ inputs: [false, true], outputs: [false] }),
};

interface ScatterAttributes {
  /** Rows of the result. */
  readonly height: number;
  /** Its element type, where that is not the values'. */
  readonly dtype?: StoredFloat;
}

const scatterAddOp: Op<ScatterAttributes> = {
  name: "scatterAdd",
  takes: [{ name: "values", dtypes: floats }, { name: "rows", dtypes: words }],
  launch(device, inputs, { height, dtype }) {
    const [values, rows] = inputs as readonly [Value, Value];
    const { backend } = device;
    if (isHalf(values.dtype) && values.dtype !== backend.activations) {
      throw argumentError("scatterAdd", "values", "f32 or f64", values.dtype);
    }
    const width = values.shape[1]!;
    const shape = [height, width];
    const out = Value.allocate(backend, resultType(device, [values], shape, dtype), shape);
    device.backend.run(scatterAddProgram, {
      space: [rows.shape[0]!, width, height],
      inputs: [values.bound(), rows.bound()],
      outputs: [out.bound()],
      indices: [],
      scalars: [],
    });
    return [out];
  },
  vjp: ({ input }, [g]) => [gather(g!, input(1))],
  saves: () => ({ inputs: [false, true], outputs: [false] }),
};

/** Rows as a list, once they are known to lie within the table as far as the host wrote them. */
function flatRows(operation: string, rows: Tensor, height: number): Tensor {
  checkRows(operation, rows.value, height);
  return contiguous(reshape(rows, [sizeOf(rows.shape)]));
}

/**
 * Rows of a table. Those that the host wrote are checked; what a program computed must lie within
 * the table.
 *
 * **Shapes**: `[height, width], […rows] -> […rows, width]`.
 *
 * @throws {ShapeError} If the table has other than two axes
 * @throws {IndexError} If a row lies beyond the table
 */
export function gather(table: Tensor, rows: Tensor): Tensor {
  const shape = shapeOf("gather", table, "table");
  const picked = shapeOf("gather", rows, "rows");
  const [height, width] = shape;
  if (shape.length !== 2) {
    throw argumentError("gather", "table", "2 axes, [height, width]", `[${shape}]`);
  }
  const out = apply(gatherOp, [table, flatRows("gather", rows, height!)], undefined)[0]!;
  return reshape(out, [...picked, width!]);
}

/**
 * Zeros to which each row of `values` is added at its index, in order.
 *
 * **Shapes**: `[…rows, width], […rows] -> [height, width]`.
 *
 * @throws {ShapeError} If there is not one row for each of the values, or the height is no size
 * @throws {IndexError} If a row lies beyond the height
 */
export function scatterAdd(values: Tensor, rows: Tensor, height: number): Tensor {
  checkInteger("scatterAdd", "height", height, 0, Infinity);
  const shape = shapeOf("scatterAdd", values, "values");
  const count = sizeOf(shapeOf("scatterAdd", rows, "rows"));
  const width = shape.at(-1);
  if (width === undefined || sizeOf(shape.slice(0, -1)) !== count) {
    const required = `${count} rows of one width, as rows has ${count} elements`;
    throw argumentError("scatterAdd", "values", required, `[${shape}]`);
  }
  const flat = flatRows("scatterAdd", rows, height);
  return apply(scatterAddOp, [reshape(values, [count, width]), flat], { height })[0]!;
}
