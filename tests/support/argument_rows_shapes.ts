// Wrong arguments of norms, losses, shapes and parts.
import { Device } from "../../core/device.ts";
import { gradient } from "../../core/gradient.ts";
import { topK } from "../../core/ops/top_k.ts";
import * as library from "../../mod.ts";
import { type ArgumentRow, noAxis, noShape, noSize, noTensor } from "./argument_row.ts";

/** Rows of norms, losses, shapes, parts and rows by index. */
export const shapeArgumentRows: readonly ArgumentRow[] = [
  {
    name: "layerNorm weight",
    call: ({ x }, given) => library.layerNorm(x(2, 3), x(...given), x(3), 1e-5),
    wrong: [[2], [1], [2, 3], []],
  },
  {
    name: "layerNorm bias",
    call: ({ x }, given) => library.layerNorm(x(2, 3), x(3), x(...given), 1e-5),
    wrong: [[2], [1], [2, 3], []],
  },
  {
    name: "rmsNorm epsilon",
    call: ({ x }, given) => library.rmsNorm(x(2, 3), x(3), given),
    wrong: [-1, NaN, undefined, "a"],
  },
  {
    name: "crossEntropy labels",
    call: ({ x, words }, given) => library.crossEntropy(x(2, 3), words(...given)),
    wrong: [[0], [0, 1, 2], [0, 3], [4, 0], [0, 0xFFFFFFFE]],
  },
  {
    name: "crossEntropy logits",
    call: ({ x, words }, given) => library.crossEntropy(x(...given), words(0, 1)),
    wrong: [[2], [1, 2, 3], []],
  },
  {
    name: "crossEntropy smoothing",
    call: ({ x, words }, given) => library.crossEntropy(x(2, 3), words(0, 1), given),
    wrong: [-0.1, 1.1, NaN],
  },
  {
    name: "squaredError predictions",
    call: ({ x }, given) => library.squaredError(x(...given), x(2)),
    wrong: [[2], [2, 2], [2, 1, 1]],
  },
  {
    name: "squaredError targets",
    call: ({ x }, given) => library.squaredError(x(2, 1), x(...given)),
    wrong: [[1], [3], [2, 2]],
  },
  ...(["klDivergence", "bidirectionalKl"] as const).map((f): ArgumentRow => ({
    name: `${f} b`,
    call: ({ x }, given) => library[f](x(2, 3), x(...given)),
    wrong: [[1, 3], [3], [2, 1]],
  })),
  {
    name: "expand shape",
    call: ({ x }, given) => library.expand(x(2, 1), given),
    wrong: noShape,
  },
  {
    name: "expand [2,1]",
    call: ({ x }, given) => library.expand(x(2, 1), given),
    wrong: [[2], [3, 1], [2, 3, 1]],
  },
  {
    name: "reshape shape",
    call: ({ x }, given) => library.reshape(x(2, 3), given),
    wrong: [[-1, -1], [-2, -3], [1.5, 4], [NaN, 6], [[2, 3]], ["6"], [-1, -1, 6]],
  },
  {
    name: "reshape elements",
    call: ({ x }, given) => library.reshape(x(2, 3), given),
    wrong: [[5], [-1, 4], [-1, 0], []],
  },
  {
    name: "reshape elements",
    call: ({ x }, given) => library.reshape(x(0, 3), given),
    wrong: [[-1, 0], [1], [0, -1]],
  },
  {
    name: "permute axis",
    call: ({ x }, given) => library.permute(x(2, 3), given),
    wrong: [[0], [0, 0], [0, 2], [0, 0.5], [0, 1, 2]],
  },
  {
    name: "squeeze axis",
    call: ({ x }, given) => library.squeeze(x(2, 1), given),
    wrong: [0, 2, NaN],
  },
  {
    name: "expandDims axis",
    call: ({ x }, given) => library.expandDims(x(2, 1), given),
    wrong: [3, -4, NaN, 0.5, undefined],
  },
  {
    name: "transpose axes",
    call: ({ x }, given) => library.transpose(x(...given)),
    wrong: [[3], []],
  },
  {
    name: "slice start",
    call: ({ x }, given) => library.slice(x(2, 3), 1, given, 3),
    wrong: [...noSize, 4, undefined],
  },
  {
    name: "slice end",
    call: ({ x }, given) => library.slice(x(2, 3), 1, 1, given),
    wrong: [...noSize, 4, 0, undefined],
  },
  {
    name: "slice axis",
    call: ({ x }, given) => library.slice(x(2, 3), given, 0, 1),
    wrong: noAxis,
  },
  {
    name: "split parts",
    call: ({ x }, given) => library.split(x(2, 6), 1, given),
    wrong: [0, -1, 1.5, NaN, 7, []],
  },
  {
    name: "split sizes",
    call: ({ x }, given) => library.split(x(2, 6), 1, given),
    wrong: [[2, 2], [-1, 7], [1.5, 4.5], [NaN, 6], 4],
  },
  {
    name: "concatenate parts",
    call: (_, given) => library.concatenate(given, 0),
    wrong: [[]],
  },
  {
    name: "concatenate part",
    call: ({ x }, given) => library.concatenate([x(2), given], 0),
    wrong: [...noTensor, undefined],
  },
  {
    name: "concatenate axes",
    call: ({ x }, given) => library.concatenate([x(2, 3), x(...given)], 0),
    wrong: [[2], [2, 2], [1, 2, 3]],
  },
  { name: "stack parts", call: (_, given) => library.stack(given), wrong: [[]] },
  {
    name: "stack shapes",
    call: ({ x }, given) => library.stack([x(2), x(...given)]),
    wrong: [[1], [2, 1], []],
  },
  {
    name: "gather table",
    call: ({ x, words }, given) => library.gather(x(...given), words(0)),
    wrong: [[3], [], [2, 2, 2]],
  },
  {
    name: "gather table",
    call: ({ words }, given) => library.gather(given, words(0)),
    wrong: [...noTensor, 3, undefined],
  },
  {
    name: "gather rows",
    call: ({ x }, given) => library.gather(x(3, 2), given),
    wrong: [...noTensor, 3, undefined],
  },
  {
    name: "gather rows",
    call: ({ x, words }, given) => library.gather(x(3, 2), words(...given)),
    wrong: [[3], [0, 1, 2 ** 31], [0xFFFFFFFF, 0]],
  },
  {
    name: "scatterAdd height",
    call: ({ x, words }, given) => library.scatterAdd(x(1, 2), words(0), given),
    wrong: noSize,
  },
  {
    name: "scatterAdd values",
    call: ({ x, words }, given) => library.scatterAdd(x(...given), words(0, 1), 3),
    wrong: [[], [1, 2], [3, 2]],
  },
  {
    name: "scatterAdd rows",
    call: ({ x, words }, given) => library.scatterAdd(x(2, 2), words(...given), 3),
    wrong: [[0, 3], [2 ** 32 - 1, 0]],
  },
  {
    name: "topK count",
    call: ({ x }, given) => topK(x(2, 5), given),
    wrong: [0, -1, 6, 1.5, NaN, undefined],
  },
  { name: "topK x", call: ({ x }, given) => topK(x(...given), 1), wrong: [[5], [1, 2, 5]] },
  {
    name: "where mask",
    call: ({ x }, given) => library.where(given, x(2), x(2)),
    wrong: [...noTensor, 1, undefined],
  },
  {
    name: "Device float",
    call: ({ device }, given) => new Device(device.backend, given),
    wrong: ["f16", "u32", "double", null],
  },
  {
    name: "gradient loss",
    call: ({ x }, given) => {
      const p = x(2);
      return gradient(() => given.length === 0 ? library.argmax(p) : x(...given), [p]);
    },
    wrong: [[], [2], [1, 2]],
  },
];
