/** Mutations of what saves time and memory: nothing of it may change a result. */

import type { Mutation } from "../mutation.ts";

const trainable = ["tests/nn/optim/trainable_test.ts"];
const scope = ["tests/core/scope_test.ts"];
const ranges = ["tests/kernels/cuda/ranges_test.ts"];

/** Mutations of shortcuts. */
export const shortcutMutations: readonly Mutation[] = [
  {
    name: "the place of a gradient is given twice",
    file: "core/destination.ts",
    find: "    free.delete(offset);\n",
    replace: "",
    why: "the second part of a gradient would overwrite the first",
    tests: trainable,
  },
  {
    name: "a gradient adds to the part of it that lies in its place",
    file: "nn/optim/trainable.ts",
    find: "this.cleared ? copyProgram : accumulate",
    replace: "accumulate",
    why: "that part is in the sum already",
    tests: trainable,
  },
  {
    name: "gradients of a later window are written to their place",
    file: "nn/optim/trainable.ts",
    find: "    this.cleared = false;\n",
    replace: "",
    why: "windows add up",
    tests: trainable,
  },
  {
    name: "a scope forgets where it moved an item to",
    file: "core/device.ts",
    find: "    last.place = place;\n",
    replace: "",
    why: "what is disposed twice, or never, is someone else's",
    tests: scope,
  },
  {
    name: "free ranges do not join on both sides",
    file: "kernels/cuda/memory/ranges.ts",
    find: "(joinsRight ? this.#remove(low) : 0)",
    replace: "0",
    why: "memory would be cut into ever smaller pieces",
    tests: ranges,
  },
];
