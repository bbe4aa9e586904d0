/** Mutations of launches that wait for those alone that they need. */

import type { Mutation } from "../mutation.ts";

const [plan, card] = [
  ["tests/kernels/plan/dependencies_test.ts"],
  ["tests/kernels/cuda/branches_test.ts"],
];

/** Mutations of launches that wait for those alone that they need. */
export const branchesMutations: readonly Mutation[] = [
  {
    name: "branches: a writer does not wait for those who read",
    file: "kernels/plan/dependencies.ts",
    find: "for (const reader of readers) wanted.add(reader);",
    replace: "for (const reader of readers) wanted.delete(reader);",
    why: "what they are to read would be gone",
    tests: plan,
  },
  {
    name: "branches: what is waited for hides others that are not",
    file: "kernels/plan/dependencies.ts",
    find: "known |= before[other]! | 1n << BigInt(other);",
    replace: "known |= before[other]! | (2n << BigInt(other)) - 1n;",
    why: "only what another waited for has ended",
    tests: plan,
  },
  {
    name: "branches: memory that is written in part belongs to its writer alone",
    file: "kernels/plan/dependencies.ts",
    find: "if (to < range.to) noted.push({ ...range, from: to });",
    replace: "",
    why: "the rest still has its other users",
    tests: plan,
  },
  {
    name: "branches: results are not written",
    file: "kernels/cuda/queue/card_capturing.ts",
    find: "isWritten: k >= length - results",
    replace: "isWritten: k > length - results",
    why: "who reads them has to wait",
    tests: card,
  },
  {
    name: "branches: memory used meanwhile lies where it lay when it was captured",
    file: "kernels/cuda/queue/card_capturing.ts",
    find: "const from = start === undefined ? buffer.address : belowAll + start;",
    replace: "const from = start === undefined ? buffer.address : belowAll * 2 + buffer.address;",
    why: "what comes again has other places, which others have before and after",
    tests: card,
  },
  {
    name: "branches: segments name launches as the whole work does",
    file: "kernels/cuda/queue/card_work.ts",
    find: ".map((other) => other - begin)",
    replace: ".map((other) => other)",
    why: "nodes are of a segment's graph",
    tests: card,
  },
  {
    name: "branches: products of the library run beside each other",
    file: "kernels/cuda/queue/card_capturing.ts",
    find: "foreign === undefined ? own : [...own, libraryMemory]",
    replace: "foreign === undefined ? own : [...own]",
    why: "they have one memory to work in",
    tests: card,
  },
];
