// Wrong arguments of what makes tensors, of operands and of products.
import * as library from "../../mod.ts";
import {
  type Anything,
  type ArgumentRow,
  noAxis,
  noNumber,
  noShape,
  noTensor,
} from "./argument_row.ts";

const key = library.seedKey(1);

const unary = [
  "neg",
  "abs",
  "exp",
  "log",
  "sqrt",
  "rsqrt",
  "tanh",
  "erf",
  "square",
  "gelu",
] as const;
const more = [
  "geluTanh",
  "sigmoid",
  "silu",
  "relu",
  "transpose",
  "contiguous",
  "sum",
  "mean",
] as const;
const rest = ["max", "min", "argmax", "softmax", "logSoftmax", "squeeze"] as const;
const operands = [
  "add",
  "sub",
  "mul",
  "div",
  "maximum",
  "minimum",
  "pow",
  "equal",
  "notEqual",
] as const;
const compared = ["less", "lessEqual", "greater", "greaterEqual"] as const;
const created = ["zeros", "ones", "full"] as const;
const drawn = ["randomUniform", "randomNormal", "randomBernoulli"] as const;

/** Rows of what makes tensors, of operands, products and reductions. */
export const argumentRows: readonly ArgumentRow[] = [
  ...[...unary, ...more, ...rest].map((f): ArgumentRow => ({
    name: `${f} x`,
    call: (_, given) => library[f](given),
    wrong: [...noTensor, 2, undefined],
  })),
  ...[...operands, ...compared].flatMap((f): ArgumentRow[] => [
    {
      name: `${f} ${f === "pow" ? "base" : "a"}`,
      call: ({ x }, given) => library[f](given, x(2)),
      wrong: [...noTensor, undefined],
    },
    {
      name: `${f} ${f === "pow" ? "exponent" : "b"}`,
      call: ({ x }, given) => library[f](x(2), given),
      wrong: [...noTensor, undefined],
    },
  ]),
  ...compared.map((f): ArgumentRow => ({
    name: `${f} b`,
    call: ({ words }, given) => library[f](words(1, 2), given),
    wrong: [-1, 0.5, 2 ** 32, NaN],
  })),
  ...created.map((f): ArgumentRow => ({
    name: `${f} shape`,
    call: ({ device }, given) => (library as Anything)[f](device, given, 1),
    wrong: noShape,
  })),
  ...drawn.flatMap((f): ArgumentRow[] => [
    {
      name: `${f} shape`,
      call: ({ device }, given) => library[f](device, key, given),
      wrong: noShape,
    },
    {
      name: `${f} key`,
      call: ({ device }, given) => library[f](device, given, [2]),
      wrong: [
        1,
        -1,
        1.5,
        NaN,
        null,
        undefined,
        [1],
        [1, 2, 3],
        [0.5, 1],
        [-1, 0],
        [0, 2 ** 32],
        "a",
      ],
    },
  ]),
  {
    name: "randomUniform bounds",
    call: ({ device }, given) => library.randomUniform(device, key, [1], given),
    wrong: [[1, 0], [0, Infinity], [NaN, 1]],
  },
  {
    name: "randomBernoulli probability",
    call: ({ device }, given) => library.randomBernoulli(device, key, [1], given),
    wrong: [-0.1, 1.1, NaN, null].slice(0, 3),
  },
  ...["full", "tensor"].map((f): ArgumentRow => ({
    name: `${f} dtype`,
    call: ({ device }, given) =>
      f === "full"
        ? library.full(device, [2], 1, given)
        : library.tensor(device, [1, 2], [2], given),
    wrong: ["i32", "float32", "F32", "u8", null, 32, ...(f === "full" ? ["f16", "bf16"] : [])],
  })),
  {
    name: "full value",
    call: ({ device }, given) => library.full(device, [2], given),
    wrong: noNumber,
  },
  {
    name: "full element",
    call: ({ device }, given) => library.full(device, [2], given, "u32"),
    wrong: [-1, 0.5, NaN, 2 ** 32],
  },
  {
    name: "arange range",
    call: ({ device }, given) => library.arange(device, given, 5, 0),
    wrong: [0, NaN, Infinity],
  },
  {
    name: "arange range",
    call: ({ device }, given) => library.arange(device, 0, given),
    wrong: [NaN, Infinity, 1e12],
  },
  {
    name: "arange element",
    call: ({ device }, given) => library.arange(device, given, 1, 1, "u32"),
    wrong: [-2, -0.5, 0.5],
  },
  {
    name: "tensor shape",
    call: ({ device }, given) => library.tensor(device, [1, 2], given),
    wrong: [...noShape.filter((shape) => shape !== null), [3], [1]],
  },
  {
    name: "tensor data",
    call: ({ device }, given) => library.tensor(device, given),
    wrong: [3, "12", null, undefined, NaN],
  },
  {
    name: "tensor element 1",
    call: ({ device }, given) => library.tensor(device, [1, given]),
    wrong: [...noNumber, [2], {}],
  },
  {
    name: "tensor element 1",
    call: ({ device }, given) => library.tensor(device, [1, given], [2], "u32"),
    wrong: [...noNumber, -1, 1.5, NaN, 2 ** 32, -100],
  },
  {
    name: "tensor element 1",
    call: ({ device }, given) => library.tensor(device, [1, given], [2], "bf16"),
    wrong: [...noNumber, -1, 1.5, NaN, 2 ** 16],
  },
  {
    name: "seedKey seed",
    call: (_, given) => library.seedKey(given),
    wrong: [-1, 1.5, NaN, Infinity, 2 ** 53, "1", null, undefined, [1]],
  },
  {
    name: "foldKey counter",
    call: (_, given) => library.foldKey(key, given),
    wrong: [-1, 1.5, NaN, 2 ** 32],
  },
  { name: "foldKey key", call: (_, given) => library.foldKey(given, 1), wrong: [3, [1], "a"] },
  { name: "scale factor", call: ({ x }, given) => library.scale(x(2), given), wrong: noNumber },
  ...[0, 1, 2].map((i): ArgumentRow => ({
    name: `clip ${["x", "low", "high"][i]}`,
    call: ({ x }, given) =>
      library.clip(...[x(2), -1, 1].with(i, given) as Anything as [number, number, number]),
    wrong: [...noTensor, undefined],
  })),
  {
    name: "matmul a",
    call: ({ x }, given) => library.matmul(x(...given), x(2, 2)),
    wrong: [[2], []],
  },
  {
    name: "matmul b",
    call: ({ x }, given) => library.matmul(x(2, 2), x(...given)),
    wrong: [[2], []],
  },
  {
    name: "matmul order",
    call: ({ x }, given) => library.matmul(x(2, 2), x(2, 2), given),
    wrong: [[0], [0, 0], [0, 2], [0.5, 1], [-1, 0]],
  },
  {
    name: "matmul inner",
    call: ({ x }, given) => library.matmul(x(2, 3), x(...given)),
    wrong: [[2, 3], [4, 2]],
  },
  {
    name: "matmulAdd c",
    call: ({ x }, given) => library.matmulAdd(x(2, 3), x(3, 4), x(...given)),
    wrong: [[3], [2], [4, 2], [1, 2, 4]],
  },
  {
    name: "matmulAdd extras",
    call: ({ x }, given) =>
      library.matmulAdd(x(2, 3), x(3, 4), ...new Array(given).fill(x(4)) as [library.Tensor]),
    wrong: [0, 3],
  },
  {
    name: "matmulScaled factor",
    call: ({ x }, given) => library.matmulScaled(x(2, 3), x(3, 4), given),
    wrong: noNumber,
  },
  ...["softmax", "logSoftmax", "sum", "mean", "max", "min", "argmax", "flip"].map((
    f,
  ): ArgumentRow => ({
    name: `${f} axis`,
    call: ({ x }, given) => (library as Anything)[f](x(2, 3), given),
    wrong: noAxis,
  })),
  ...(["sum", "mean"] as const).map((f): ArgumentRow => ({
    name: `${f} axes`,
    call: ({ x }, given) => library[f](x(2, 3), given),
    wrong: [[0, 0], [0, -2], [[0]], [0, 5]],
    says: /ax(is|es)/,
  })),
  ...(["max", "min", "argmax"] as const).map((f): ArgumentRow => ({
    name: `${f} element`,
    call: ({ x }, given) => library[f](x(...given)),
    wrong: [[0], [0, 3]],
  })),
];
