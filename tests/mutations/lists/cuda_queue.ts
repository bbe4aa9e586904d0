/** Mutations of sums by index and narrow products on a card, and of how launches become graphs. */

import type { Mutation } from "../mutation.ts";

/** Mutations of sums by index and narrow products on a card, and of how launches become graphs. */
export const cudaQueueMutations: readonly Mutation[] = [
  {
    name: "CUDA: scatter-add takes every row",
    file: "kernels/cuda/row/gather.ts",
    find: '"setp.eq.u32", target, row',
    replace: '"setp.eq.u32", target, target',
    why: "rows are added where their index says",
    tests: ["tests/kernels/cuda/scatter_add_test.ts"],
  },
  {
    name: "CUDA: scatter-add takes the rows of a turn from the last to the first",
    file: "kernels/cuda/row/gather.ts",
    find: 'text.into("b32", "clz.b32", text.into("b32", "brev.b32", lanes))',
    replace: 'text.into("b32", "sub.u32", 31, text.into("b32", "clz.b32", lanes))',
    why: "sums are added in the order of the rows, the same on every backend",
    tests: ["tests/kernels/cuda/scatter_add_test.ts"],
  },
  {
    name: "CUDA: changed nodes are not set",
    file: "kernels/cuda/queue/graphs.ts",
    find: "if (j < end) {",
    replace: "if (j < at) {",
    why: "parameters that changed are set",
    tests: ["tests/kernels/cuda/queue_test.ts"],
  },
  {
    name: "CUDA: nodes do not wait for each other",
    file: "kernels/cuda/queue/graphs.ts",
    find: "i === 0 ? [null, 0] as const : [before, 1] as const;",
    replace: "[null, 0] as const;",
    why: "launches run in their order",
    tests: ["tests/kernels/cuda/queue_test.ts"],
  },
  {
    name: "CUDA: graphs are not given back",
    file: "kernels/cuda/queue/graphs.ts",
    find: "      calls.cuGraphDestroy(graph.source);\n",
    replace: "",
    why: "what is forgotten is given back",
    tests: ["tests/kernels/cuda/queue_test.ts"],
  },
  {
    name: "CUDA: segments stay long after a read",
    file: "kernels/cuda/queue/queue.ts",
    find: "    this.#length = this.shortest;\n    this.#send();",
    replace: "    this.#send();",
    why: "the card begins early in each step, and a step comes again in the same segments",
    tests: ["tests/kernels/cuda/queue_test.ts"],
  },
  {
    name: "CUDA: sums of a slice of the inner axis are left out",
    file: "kernels/cuda/product/epilogue.ts",
    find: "slice < slices; slice++",
    replace: "slice < slices - 1; slice++",
    why: "warps that share an inner axis join their sums",
    tests: ["tests/kernels/cuda/products_test.ts"],
  },
  {
    name: "CUDA: warps that share an inner axis read the first slice of it",
    file: "kernels/cuda/product/inner_loop.ts",
    find: "factor.distance(0, this.#depth)",
    replace: "factor.distance(0, 0)",
    why: "each warp has its own part of a turn",
    tests: ["tests/kernels/cuda/products_test.ts"],
  },
  {
    name: "CUDA: rows of a product meet the extras of the first",
    file: "kernels/cuda/product/epilogue.ts",
    find: "turns.map(({ at }) => this.#extrasAt(at, sizes))",
    replace: "turns.map(() => this.#extrasAt(first, sizes))",
    why: "extras that are read ahead are those of their own rows",
    tests: ["tests/kernels/cuda/products_test.ts"],
  },
];
