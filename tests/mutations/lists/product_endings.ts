/** Mutations of gradients that products end in. */

import type { Mutation } from "../mutation.ts";

const tests = ["tests/core/product_ending_test.ts"];

/** Mutations of gradients that products end in. */
export const productEndingMutations: readonly Mutation[] = [
  {
    name: "endings: no product ends on behalf of another",
    file: "core/gradient.ts",
    find: "  if (ending !== undefined) pass.ended.add(value);\n  return ending;\n",
    replace: "  return ending && undefined;\n",
    why: "the gradient of an activation takes no program of its own",
    tests,
  },
  {
    name: "endings: the gradient of the end is taken twice",
    file: "core/gradient.ts",
    find: "isEnded: ended.has(outputs[0]!),",
    replace: "isEnded: false,",
    why: "what has gone through the end goes on from there",
    tests,
  },
  {
    name: "endings: gradients of extras are forgotten",
    file: "core/ops/matmul.ts",
    find: "|| needsGradient.slice(2).includes(true)) return undefined;",
    replace: ") return undefined;",
    why: "a bias that is trained has a gradient",
    tests,
  },
  {
    name: "endings: extras come in any order",
    file: "core/ops/product_ending.ts",
    find: "extras.toSpliced(given, 0, cotangent)",
    replace: "[...extras, cotangent]",
    why: "an end reads the product where the plan has it",
    tests,
  },
  {
    name: "endings: the product is stored once more",
    file: "core/ops/matmul.ts",
    find: "saves && stores ? [result, leaves[0]!] : [result]",
    replace: "saves ? [result, leaves[0]!] : [result]",
    why: "nobody reads it",
    tests,
  },
];
