/**
 * Rows by index, and their inverse.
 *
 * @module
 */

import { apply } from "../apply.ts";
import { widened } from "../dtype.ts";
import { ShapeError } from "../errors.ts";
import type { Op } from "../op.ts";
import { gatherProgram, scatterAddProgram } from "../program.ts";
import { sizeOf } from "../shape.ts";
import { Value } from "../storage.ts";
import type { Tensor } from "../tensor.ts";
import { contiguous, reshape } from "./view.ts";

const gatherOp: Op = {
  name: "gather",
  launch(device, inputs) {
    const [table, rows] = inputs as readonly [Value, Value];
    const space = [rows.shape[0]!, table.shape[1]!];
    const out = Value.allocate(device.backend, widened(table.dtype, device.float), space);
    device.backend.run(gatherProgram, {
      space,
      inputs: [table.bound(), rows.bound()],
      outputs: [out.bound()],
      indices: [],
      scalars: [],
    });
    return [out];
  },
  vjp: ({ shapes, input }, [g]) => [apply(scatterAddOp, [g!, input(1)], shapes[0]![0]!)[0]!],
  saves: () => ({ inputs: [false, true], outputs: [false] }),
};

const scatterAddOp: Op<number> = {
  name: "scatterAdd",
  launch(device, inputs, height) {
    const [values, rows] = inputs as readonly [Value, Value];
    const width = values.shape[1]!;
    const dtype = widened(values.dtype, device.float);
    const out = Value.allocate(device.backend, dtype, [height, width]);
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

function flatRows(rows: Tensor): Tensor {
  if (rows.dtype !== "u32") {
    throw new ShapeError(`Cannot index rows by ${rows.dtype} as u32 is required`);
  }
  return contiguous(reshape(rows, [sizeOf(rows.shape)]));
}

/**
 * Rows of a table. Indices must lie within it: the caller checks them on the host.
 *
 * **Shapes**: `[height, width], […rows] -> […rows, width]`.
 */
export function gather(table: Tensor, rows: Tensor): Tensor {
  const out = apply(gatherOp, [table, flatRows(rows)], undefined)[0]!;
  return reshape(out, [...rows.shape, table.shape[1]!]);
}

/**
 * Zeros to which each row of `values` is added at its index, in order.
 *
 * **Shapes**: `[…rows, width], […rows] -> [height, width]`.
 */
export function scatterAdd(values: Tensor, rows: Tensor, height: number): Tensor {
  const width = values.shape.at(-1)!;
  return apply(scatterAddOp, [reshape(values, [-1, width]), flatRows(rows)], height)[0]!;
}
