// Rows of the table of operations: losses.
import { apply } from "../../core/apply.ts";
import type { Device } from "../../core/device.ts";
import { add, scale } from "../../core/ops/elementwise.ts";
import {
  bidirectionalKl,
  comparedCrossEntropy,
  crossEntropyOp,
  klDivergence,
  squaredError,
} from "../../core/ops/losses.ts";
import { tensor } from "../../core/tensor.ts";
import type { OpRow } from "./op_row.ts";

const labels = (device: Device, shape = [4]) => tensor(device, [3, 0, 0xFFFFFFFF, 6], shape, "u32");

/** Losses. */
export const lossRows: readonly OpRow[] = [
  {
    name: "crossEntropy",
    shapes: [[4, 7]],
    run: (d, [x]) =>
      apply(crossEntropyOp, [x!, labels(d, [4, 1])], {
        scalars: [0.1],
        indices: [{ offset: 0, strides: [0, 1] }],
      })[0]!,
  },
  { name: "klDivergence", shapes: [[4, 7], [4, 7]], run: (_, [a, b]) => klDivergence(a!, b!) },
  ...[true, false].map((both): OpRow => ({
    name: `comparedCrossEntropy, ${both}`,
    shapes: [[4, 7], [4, 7]],
    run(d, [a, b]) {
      const options = { smoothing: 0.1, both };
      const [losses, divergences] = comparedCrossEntropy(a!, b!, labels(d), options);
      return add(losses, scale(divergences, 0.7));
    },
  })),
  {
    name: "bidirectionalKl",
    shapes: [[4, 7], [4, 7]],
    run: (_, [a, b]) => bidirectionalKl(a!, b!),
  },
  { name: "squaredError", shapes: [[5, 1], [5]], run: (_, [a, b]) => squaredError(a!, b!) },
];
