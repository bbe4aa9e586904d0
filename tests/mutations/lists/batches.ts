/** Mutations of batches. */

import type { Mutation } from "../mutation.ts";

/** Mutations of batches. */
export const batchesMutations: readonly Mutation[] = [
  {
    name: "branch counters overlap",
    file: "nn/layers/batch.ts",
    find: "perExample(numbers.map((n) => 2 * n + 1))",
    replace: "perExample(numbers.map((n) => n + 1))",
    why: "the second pass of an example has the masks of another's first",
    tests: ["tests/nn/layers/batch_test.ts"],
  },
  {
    name: "both branches have one mask",
    file: "nn/layers/batch.ts",
    find: "perExample(numbers.map((n) => 2 * n + 1))",
    replace: "perExample(numbers.map((n) => 2 * n))",
    why: "KL between equal passes is 0",
    tests: ["tests/nn/layers/batch_test.ts"],
  },
  {
    name: "counters are not doubled",
    file: "nn/layers/batch.ts",
    find: "perExample(numbers.map((n) => 2 * n)),",
    replace: "perExample(numbers.map((n) => n)),",
    why: "first passes meet second ones",
    tests: ["tests/nn/layers/batch_test.ts"],
  },
  {
    name: "masks follow the layout",
    file: "nn/layers/batch.ts",
    find: "perExample(numbers.map((n) => 2 * n)),",
    replace: "perExample(numbers.map((_, n) => 2 * n)),",
    why: "the place in the batch decides masks",
    tests: ["tests/nn/layers/batch_test.ts"],
  },
  {
    name: "labels of language models are not shifted",
    file: "nn/layers/batch.ts",
    find: "rows.push(starts[b]! + i - 1);",
    replace: "rows.push(starts[b]! + i);",
    why: "a token is predicted from the one before",
    tests: ["tests/nn/layers/batch_test.ts"],
  },
  {
    name: "the first predicted token is left out",
    file: "nn/layers/batch.ts",
    find: "for (let i = start; i < end; i++) {",
    replace: "for (let i = start + 1; i < end; i++) {",
    why: "all of a span count",
    tests: ["tests/nn/layers/batch_test.ts"],
  },
  {
    name: "the last predicted token is left out",
    file: "nn/layers/batch.ts",
    find: "for (let i = start; i < end; i++) {",
    replace: "for (let i = start; i < end - 1; i++) {",
    why: "all of a span count",
    tests: ["tests/nn/layers/batch_test.ts"],
  },
  {
    name: "targets are one too many",
    file: "nn/layers/batch.ts",
    find: "ids.length - predictFrom)",
    replace: "ids.length - predictFrom + 1)",
    why: "the mean loss is over the predicted tokens",
    tests: ["tests/nn/layers/batch_test.ts"],
  },
  {
    name: "last is the last place",
    file: "nn/layers/batch.ts",
    find: "starts[b]! + length - 1",
    replace: "starts[b]! + width - 1",
    why: "last is the last real token",
    tests: ["tests/nn/layers/batch_test.ts"],
  },
  {
    name: "pads are visible",
    file: "nn/layers/batch.ts",
    find: "mask.fill(1, starts[b]!, starts[b]! + lengths[b]!);",
    replace: "mask.fill(1, starts[b]!, starts[b]! + width);",
    why: "pads are masked",
    tests: ["tests/nn/layers/batch_test.ts"],
  },
];
