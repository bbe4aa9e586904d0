// One row for every exported operation: how to call it, and inputs on which it is smooth.
import { apply } from "../../core/apply.ts";
import type { Device } from "../../core/device.ts";
import { slice } from "../../core/ops/slice.ts";
import { topK } from "../../core/ops/top_k.ts";
import { layerNormOp, rmsNormOp, unbiasedLayerNormOp } from "../../core/ops/norm.ts";
import { rotaryRows, rotaryTables, rotate } from "../../core/ops/rotary.ts";
import { type Tensor, tensor } from "../../core/tensor.ts";
import { addEmbeddingNoise } from "../../nn/dropout/embedding_noise.ts";
import { dropoutPlan } from "../../nn/dropout/methods.ts";
import { dropElementsOp, dropSpanOp } from "../../nn/dropout/drop_hidden.ts";
import { type AttentionStructure, attentionWeightsOp } from "../../nn/layers/attention_weights.ts";
import { activations } from "../../nn/layers/feed_forward.ts";
import type { OpRow } from "./op_row.ts";
import { basicRows } from "./op_table_basics.ts";
import { lossRows } from "./op_table_losses.ts";
import { rotaryOf } from "./rotary.ts";
import * as elementwise from "../../core/ops/elementwise.ts";
import * as gathering from "../../core/ops/gather.ts";
import * as products from "../../core/ops/matmul.ts";
import * as rows from "../../core/ops/rowwise.ts";
import * as parts from "../../core/ops/slice.ts";
import * as views from "../../core/ops/view.ts";

export type { OpRow };

const words = (device: Device, data: number[], shape = [data.length]) =>
  tensor(device, data, shape, "u32");

type Unary = (x: Tensor) => Tensor;
const unary = (names: readonly (keyof typeof elementwise)[], range?: [number, number]): OpRow[] =>
  names.map((name) => ({
    name,
    shapes: [[3, 5]],
    ...(range && { range }),
    run: (_, [x]) => (elementwise[name] as Unary)(x!),
  }));

const binary = (names: readonly ("add" | "sub" | "mul" | "maximum" | "minimum")[]): OpRow[] =>
  names.flatMap((name) => [
    { name, shapes: [[3, 4], [3, 4]], run: (_, [a, b]) => elementwise[name](a!, b!) },
    {
      name: `${name}, broadcast`,
      shapes: [[2, 1, 4], [3, 1]],
      run: (_, [a, b]) => elementwise[name](a!, b!),
    },
  ]);

const structure = (change: Partial<AttentionStructure>): AttentionStructure => ({
  causal: false,
  masked: false,
  logits: "none",
  weights: "none",
  noGrad: false,
  ...change,
});

// Attention over [1, 2, 1, 4, 6]: the last key is a pad where masked.
const attention = (name: string, s: AttentionStructure): OpRow => {
  const op = attentionWeightsOp(s);
  return {
    name: `attentionWeights, ${name}`,
    shapes: [[1, 2, 1, 4, 6]],
    op,
    run(device, [scores]) {
      const inputs = [scores!];
      if (s.masked) inputs.push(words(device, [1, 1, 1, 1, 1, 0], [1, 1, 1, 1, 6]));
      if (s.logits !== "none" || s.weights !== "none") {
        inputs.push(words(device, [4], [1, 1, 1, 1, 1]));
      }
      if (s.logits === "span" || s.weights === "span") {
        inputs.push(words(device, [5], [1, 1, 1, 1, 1]));
      }
      const half = s.logits === "span" || s.weights === "span" ? 2 ** 15 : 2 ** 31;
      const head = [0, 1, 0, 0, 0];
      return apply(op, inputs, {
        scalars: [0.7, 11, 12, half, 0, 21, 22, half, 0],
        indices: [
          { offset: 2, strides: [0, 0, 0, 1, 0] },
          { offset: 0, strides: [0, 0, 0, 0, 1] },
          { offset: 0, strides: [0, 64, 64, 8, 1] },
          { offset: 0, strides: head },
          { offset: 0, strides: [0, 8, 8, 0, 1] },
          { offset: 0, strides: head },
        ],
      })[0]!;
    },
  };
};

/** All operations. */
export const opTable: readonly OpRow[] = [
  ...unary([
    "neg",
    "exp",
    "tanh",
    "erf",
    "square",
    "gelu",
    "geluTanh",
    "sigmoid",
    "silu",
  ]),
  ...unary(["log", "sqrt", "rsqrt", "abs", "relu"], [0.5, 3]),
  ...binary(["add", "sub", "mul", "maximum", "minimum"]),
  {
    name: "div",
    shapes: [[3, 4], [1, 4]],
    range: [0.5, 2],
    run: (_, [a, b]) => elementwise.div(a!, b!),
  },
  { name: "scale", shapes: [[4]], run: (_, [x]) => elementwise.scale(x!, -1.7) },
  {
    name: "matmul",
    shapes: [[2, 3, 5], [5, 4]],
    run: (_, [a, b]) => products.matmul(a!, b!),
  },
  {
    name: "matmulAdd",
    shapes: [[7, 5], [5, 6], [6]],
    run: (_, [a, b, c]) => products.matmulAdd(a!, b!, c!),
  },
  {
    name: "matmulAdd, bias and residual",
    shapes: [[3, 5], [5, 4], [4], [3, 4]],
    run: (_, [a, b, c, d]) => products.matmulAdd(a!, b!, c!, d!),
  },
  {
    name: "matmul, result in another order of memory",
    shapes: [[2, 3, 5], [2, 5, 4]],
    run: (_, [a, b]) => products.matmul(a!, b!, [1, 0, 2]),
  },
  {
    name: "matmul, columns apart in memory",
    shapes: [[2, 3, 5], [2, 5, 4]],
    run: (_, [a, b]) => products.matmul(a!, b!, [2, 0, 1]),
  },
  {
    name: "matmul, operands with other uses",
    shapes: [[3, 4], [4, 4]],
    run: (_, [a, b]) => {
      const y = elementwise.add(products.matmul(a!, b!), products.matmul(a!, views.transpose(b!)));
      return elementwise.mul(y, elementwise.add(a!, elementwise.tanh(a!)));
    },
  },
  {
    name: "matmulScaled",
    shapes: [[3, 2], [2, 4]],
    run: (_, [a, b]) => products.matmulScaled(a!, b!, 0.3),
  },
  {
    name: "matmulScaled, operands with other uses",
    shapes: [[2, 3, 4], [4, 4]],
    run: (_, [a, b]) => {
      const y = products.matmulScaled(products.matmulScaled(a!, b!, 0.7), b!, -1.3);
      return elementwise.mul(elementwise.add(y, a!), elementwise.tanh(products.matmul(a!, b!)));
    },
  },
  {
    name: "fusedMatmul",
    shapes: [[3, 2], [2, 4], [4]],
    run: (_, [a, b, c]) => apply(tanhContraction, [a!, b!, c!], {})[0]!,
  },
  {
    name: "gather",
    shapes: [[5, 3]],
    run: (d, [x]) => gathering.gather(x!, words(d, [4, 0, 4, 2], [2, 2])),
  },
  {
    name: "scatterAdd",
    shapes: [[4, 3]],
    run: (d, [x]) => gathering.scatterAdd(x!, words(d, [4, 0, 4, 2]), 5),
  },
  { name: "sumRow", shapes: [[3, 4]], run: (_, [x]) => rows.sumRow(x!) },
  ...basicRows,
  { name: "sumTo", shapes: [[3, 4, 2]], run: (_, [x]) => rows.sumTo(x!, [4, 1]) },
  { name: "expand", shapes: [[4, 1]], run: (_, [x]) => rows.expand(x!, [2, 4, 3]) },
  { name: "contiguous", shapes: [[3, 4]], run: (_, [x]) => views.contiguous(views.transpose(x!)) },
  { name: "reshape", shapes: [[3, 4]], run: (_, [x]) => views.reshape(x!, [2, -1]) },
  { name: "permute", shapes: [[2, 3, 4]], run: (_, [x]) => views.permute(x!, [2, 0, 1]) },
  { name: "transpose", shapes: [[2, 3, 4]], run: (_, [x]) => views.transpose(x!) },
  { name: "flip", shapes: [[2, 3, 4]], run: (_, [x]) => views.flip(x!, 1) },
  {
    name: "split",
    shapes: [[2, 6, 3]],
    run: (_, [x]) => {
      const [a, , c] = parts.split(x!, 1, [2, 2, 2]);
      return elementwise.mul(a!, c!);
    },
  },
  {
    name: "split, unequal",
    shapes: [[2, 6]],
    run: (_, [x]) => {
      const [a, b] = parts.split(x!, -1, [2, 4]);
      return parts.concatenate([b!, elementwise.tanh(a!), b!], 1);
    },
  },
  { name: "slice", shapes: [[2, 5, 3]], run: (_, [x]) => parts.slice(x!, 1, 1, 4) },
  {
    name: "concatenate",
    shapes: [[2, 1, 3], [2, 2, 3]],
    run: (_, [a, b]) => parts.concatenate([a!, b!], 1),
  },
  ...([
    ["layerNorm", layerNormOp, [[6], [6]]],
    ["layerNorm, no bias", unbiasedLayerNormOp, [[6]]],
    ["rmsNorm", rmsNormOp, [[6]]],
  ] as const).map(([name, op, rows]): OpRow => ({
    name,
    shapes: [[3, 6], ...rows],
    run: (_, x) => apply(op, x, { scalars: [1e-5] })[0]!,
  })),
  ...Object.entries(activations).map(([name, { gated }]): OpRow => ({
    name: `matmul, gated ${name}`,
    shapes: [[3, 5], [5, 4], [3, 4]],
    ...(name === "relu" && { range: [0.5, 3] }),
    run: (_, x) => apply(gated, x, {})[0]!,
  })),
  {
    name: "rotate",
    shapes: [[2, 3, 4, 6]],
    run(device, [x]) {
      const positions = words(device, [0, 1, 2, 3, 5, 8, 1, 7], [2, 4]);
      const tables = rotaryTables(device, 9, rotaryOf([1, 0.2, 0.05]));
      return rotate(x!, rotaryRows(tables, positions));
    },
  },
  ...lossRows,
  { name: "topK", shapes: [[3, 9]], run: (_, [x]) => slice(topK(x!, 2), 1, 0, 2) },
  {
    name: "drop",
    shapes: [[2, 3, 5]],
    run: (d, [x]) =>
      apply(dropElementsOp, [x!, words(d, [0, 2], [2, 1, 1])], {
        scalars: [5, 6, 2 ** 31, 0, 2],
        indices: [{ offset: 0, strides: [0, 5, 1] }],
      })[0]!,
  },
  {
    name: "dropSpan",
    shapes: [[2, 4, 3]],
    run: (d, [x]) =>
      apply(dropSpanOp, [x!, words(d, [0, 2], [2, 1, 1]), words(d, [3, 4], [2, 1, 1])], {
        scalars: [5, 6, 2 ** 15, 0, 1],
        indices: [{ offset: 0, strides: [0, 1, 0] }],
      })[0]!,
  },
  {
    name: "embeddingNoise",
    shapes: [[2, 4, 3]],
    run: (d, [x]) =>
      addEmbeddingNoise(x!, {
        plan: dropoutPlan("lora", false, { neftuneAlpha: 5 }),
        key: [5, 6],
        examples: words(d, [0, 2], [2]),
        lengths: words(d, [3, 4], [2]),
      }),
  },
  attention("plain", structure({})),
  attention("causal", structure({ causal: true })),
  attention("masked", structure({ masked: true })),
  attention("DropKey", structure({ masked: true, causal: true, logits: "independent" })),
  attention("DropKey span", structure({ masked: true, logits: "span" })),
  attention("DropAttention without NoGrad", structure({ masked: true, weights: "independent" })),
  attention("DropAttention span without NoGrad", structure({ causal: true, weights: "span" })),
  attention("both", structure({ causal: true, logits: "independent", weights: "independent" })),
];

/** A product whose epilogue is not linear, so that the product is saved. */
export const tanhContraction = products.fusedMatmul(
  "contraction",
  1,
  (product, bias) => product.add(bias!).unary("tanh"),
);
