// What one row of the table of operations is.
import type { Device } from "../../core/device.ts";
import type { RowOp } from "../../core/ops/rowwise.ts";
import type { Tensor } from "../../core/tensor.ts";

/** One operation under test. */
export interface OpRow {
  readonly name: string;
  /** Shapes of the float inputs. */
  readonly shapes: readonly (readonly number[])[];
  /** Range of the inputs; default [-2, 2]. */
  readonly range?: readonly [number, number];
  readonly run: (device: Device, inputs: Tensor[]) => Tensor;
  /** The operation, where it has an override to compare with its derived gradient. */
  readonly op?: RowOp;
}
