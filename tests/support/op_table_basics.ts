// Rows of the table for what every library has: reductions, softmax, comparisons, new tensors.
import type { Device } from "../../core/device.ts";
import * as comparisons from "../../core/ops/compare.ts";
import * as creations from "../../core/ops/create.ts";
import * as elementwise from "../../core/ops/elementwise.ts";
import * as powers from "../../core/ops/power.ts";
import * as reductions from "../../core/ops/reduce.ts";
import * as parts from "../../core/ops/slice.ts";
import * as softmaxes from "../../core/ops/softmax.ts";
import * as views from "../../core/ops/view.ts";
import { seedKey } from "../../core/random.ts";
import { tensor } from "../../core/tensor.ts";
import type { OpRow } from "./op_row.ts";

const words = (device: Device, data: number[], shape = [data.length]) =>
  tensor(device, data, shape, "u32");

/** Rows of reductions, softmax, comparisons, powers and new tensors. */
export const basicRows: readonly OpRow[] = [
  ...Object.entries(comparisons).filter(([name]) => name !== "where").map(([name, f]): OpRow => ({
    name,
    shapes: [[3, 4], [4]],
    run: (_, [a, b]) => comparisons.where((f as typeof comparisons.less)(a!, b!), a!, b!),
  })),
  {
    name: "where",
    shapes: [[3, 4], [3, 1]],
    run: (_, [a, b]) => {
      const mask = comparisons.greater(a!, 0.5);
      return elementwise.mul(comparisons.where(mask, a!, b!), comparisons.where(mask, 2, b!));
    },
  },
  ...(["sum", "mean", "max", "min"] as const).flatMap((name): OpRow[] => [
    { name, shapes: [[3, 4]], run: (_, [x]) => reductions[name](x!) },
    { name: `${name}, an axis`, shapes: [[2, 3, 4]], run: (_, [x]) => reductions[name](x!, 1) },
    {
      name: `${name}, axes that stay`,
      shapes: [[2, 3, 4]],
      run: (_, [x]) => elementwise.mul(x!, reductions[name](x!, [0, -1], { keepDims: true })),
    },
  ]),
  {
    name: "argmax",
    shapes: [[3, 4]],
    run: (d, [x]) => {
      const best = reductions.argmax(x!, 0, { keepDims: true });
      const rows = tensor(d, [0, 1, 2], [3, 1], "u32");
      return comparisons.where(comparisons.equal(rows, best), x!, 0);
    },
  },
  {
    name: "softmax",
    shapes: [[3, 5]],
    op: softmaxes.softmaxOp,
    run: (_, [x]) => softmaxes.softmax(x!),
  },
  { name: "softmax, another axis", shapes: [[2, 5, 3]], run: (_, [x]) => softmaxes.softmax(x!, 1) },
  {
    name: "softmax, masked",
    shapes: [[3, 4]],
    op: softmaxes.maskedSoftmaxOp,
    run: (d, [x]) =>
      softmaxes.softmax(x!, -1, words(d, [1, 0, 1, 1, 0, 0, 0, 0, 1, 1, 1, 1], [3, 4])),
  },
  { name: "logSoftmax", shapes: [[3, 5]], run: (_, [x]) => softmaxes.logSoftmax(x!) },
  {
    name: "logSoftmax, another axis",
    shapes: [[5, 3]],
    run: (_, [x]) => softmaxes.logSoftmax(x!, 0),
  },
  { name: "clip", shapes: [[3, 4]], run: (_, [x]) => elementwise.clip(x!, -0.7, 1.1) },
  { name: "pow", shapes: [[3, 4]], run: (_, [x]) => powers.pow(x!, 3) },
  {
    name: "pow, negative",
    shapes: [[3, 4]],
    range: [0.5, 2],
    run: (_, [x]) => powers.pow(x!, -2),
  },
  {
    name: "pow, a fraction",
    shapes: [[3, 4]],
    range: [0.5, 2],
    run: (_, [x]) => powers.pow(x!, 1.5),
  },
  {
    name: "pow, a tensor",
    shapes: [[3, 4], [4]],
    range: [0.5, 2],
    run: (_, [a, b]) => powers.pow(a!, b!),
  },
  {
    name: "add, numbers",
    shapes: [[3, 4]],
    run: (_, [x]) =>
      elementwise.div(
        elementwise.sub(1, elementwise.mul(2, x!)),
        elementwise.add(elementwise.square(x!), 3),
      ),
  },
  ...(["zeros", "ones", "randomUniform", "randomNormal", "randomBernoulli"] as const).map((
    name,
  ): OpRow => ({
    name,
    shapes: [[2, 3]],
    run: (d, [x]) => {
      if (name === "zeros" || name === "ones") {
        return elementwise.add(x!, creations[name](d, [2, 3]));
      }
      const made = creations[name](d, seedKey(4), [2, 3]);
      return name === "randomBernoulli"
        ? comparisons.where(made, x!, 0)
        : elementwise.mul(x!, made);
    },
  })),
  {
    name: "full",
    shapes: [[2, 3]],
    run: (d, [x]) => elementwise.mul(x!, creations.full(d, [2, 3], 1.5)),
  },
  {
    name: "arange",
    shapes: [[2, 3]],
    run: (d, [x]) => elementwise.mul(x!, creations.arange(d, 1, 2.5, 0.5)),
  },
  { name: "stack", shapes: [[2, 3], [2, 3]], run: (_, [a, b]) => parts.stack([a!, b!], 1) },
  { name: "squeeze", shapes: [[2, 1, 3]], run: (_, [x]) => views.squeeze(x!) },
  { name: "expandDims", shapes: [[2, 3]], run: (_, [x]) => views.expandDims(x!, -1) },
];
