/** Mutations of what makes a run of several processes that of one. */

import type { Mutation } from "../mutation.ts";

const groups = ["tests/train/distributed/message_group_test.ts"];
const runs = ["tests/train/distributed/train_group_test.ts"];
const shares = ["tests/train/distributed/share_out_test.ts"];
const neighbours = ["tests/train/distributed/neighbours_test.ts"];
const agreement = ["tests/train/distributed/agreement_test.ts"];
const libraries = ["tests/train/distributed/mpi_library_test.ts"];

/** Mutations of what makes a run of several processes that of one. */
export const processesMutations: readonly Mutation[] = [
  {
    name: "a sum lacks the last process",
    file: "train/distributed/message_group.ts",
    find: "for (let r = 0; r < size; r++) total += parts[r]![i]!;",
    replace: "for (let r = 0; r < size - 1; r++) total += parts[r]![i]!;",
    why: "every process adds gradients of its own examples",
    tests: groups,
  },
  {
    name: "a sum is made from the last process on",
    file: "train/distributed/message_group.ts",
    find: "for (let r = 0; r < size; r++) total += parts[r]![i]!;",
    replace: "for (let r = size - 1; r >= 0; r--) total += parts[r]![i]!;",
    why: "the order of ranks is promised",
    tests: groups,
  },
  {
    name: "a process waits without end",
    file: "train/distributed/message_group.ts",
    find: "const limit = given ?? 1000 * this.patience.timeout + this.#longest;",
    replace: "const limit = given ?? 1e6 * this.patience.timeout + this.#longest;",
    why: "a process that hangs ends the run in time",
    tests: groups,
  },
  {
    name: "a process waits no longer for the others than its timeout",
    file: "train/distributed/message_group.ts",
    find: "1000 * this.patience.timeout + this.#longest;",
    replace: "1000 * this.patience.timeout;",
    why: "a batch of one share may take longer than that",
    tests: groups,
  },
  {
    name: "all processes have all examples",
    file: "train/data/batches.ts",
    find: "order.filter((_, turn) => turn % size === rank)",
    replace: "order.filter(() => rank < size)",
    why: "an example counts once in a step",
    tests: runs,
  },
  {
    name: "losses are means of each process",
    file: "nn/optim/train_step.ts",
    find: "(targets ?? labels) * instances",
    replace: "labels * instances",
    why: "a mean of means weighs examples by their process",
    tests: runs,
  },
  {
    name: "gradients of other processes are not taken",
    file: "train/distributed/shared_step.ts",
    find: "  update(copyProgram, [trainable.gradients], [total]);\n",
    replace: "",
    why: "parameters would part",
    tests: runs,
  },
  {
    name: "gradients of the step before are still there",
    file: "train/distributed/shared_step.ts",
    find: "  trainable.clear();\n",
    replace: "",
    why: "a process without examples adds nothing",
    tests: ["tests/train/distributed/shared_step_test.ts"],
  },
  {
    name: "a process stops when it likes",
    file: "train/distributed/shared_step.ts",
    find: "  stop.agree(wishes!);\n",
    replace: "  stop.agree(stop.wishes);\n",
    why: "the others would wait for it",
    tests: runs,
  },
  {
    name: "every process writes",
    file: "train/distributed/joined_run.ts",
    find: "  if (rank === 0) return config;\n",
    replace: "  if (rank >= 0) return config;\n",
    why: "a folder is one process's",
    tests: runs,
  },
  {
    name: "settings are not compared",
    file: "train/train.ts",
    find: '    ...settingFacts(config, [...own, "model", "data", "adapter"]),\n',
    replace: "",
    why: "processes with other seeds would train apart",
    tests: runs,
  },
  {
    name: "a saved run names MPI's library",
    file: "train/run/open_run.ts",
    find: "!(name in distributedOptions)",
    replace: 'name !== "distributed"',
    why: "a file from elsewhere opens no library",
    tests: runs,
  },
  {
    name: "a run of several processes is made by each",
    file: "train/distributed/joined_run.ts",
    find: 'if (group !== undefined || distributed === "off") return group ?? alone;',
    replace: "if (group !== undefined || distributed !== undefined) return group ?? alone;",
    why: "they would all write it",
    tests: runs,
  },
  {
    name: "an evaluation does the same in all processes",
    file: "train/distributed/share_out.ts",
    find: "const own = round[group.rank];",
    replace: "const own = round[0];",
    why: "the work is shared, and results belong to their batches",
    tests: shares,
  },
  {
    name: "an error of an evaluation stays with its process",
    file: "train/distributed/share_out.ts",
    find: "if (error instanceof NumericError) return { error: error.message };",
    replace: "if (error instanceof RangeError) throw error;",
    why: "the others would wait for it",
    tests: shares,
  },
  {
    name: "processes that evaluate do not hear of a signal",
    file: "train/distributed/shared_stop.ts",
    find: 'this.agree(told.filter((one) => one.startsWith("1")).length);',
    replace: "this.agree(0);",
    why: "a long evaluation would go on until the scheduler kills it",
    tests: runs,
  },
  {
    name: "processes may have checkpoints at other steps",
    file: "train/train.ts",
    find: 'indifferentSettings.filter((name) => name !== "saveEvery")',
    replace: 'indifferentSettings.filter((name) => name !== "card")',
    why: "one would wait for the others, which are told to hang",
    tests: runs,
  },
  {
    name: "facts of the first process alone are compared",
    file: "train/distributed/agreement.ts",
    find: "new Set([...Object.keys(first!), ...Object.keys(other)])",
    replace: "new Set(Object.keys(other))",
    why: "a setting that one process lacks is a difference",
    tests: agreement,
  },
  {
    name: "processes of all machines take turns",
    file: "train/distributed/neighbours.ts",
    find: "const isHere = (host: string) => host === hosts[group.rank];",
    replace: 'const isHere = (host: string) => host !== "";',
    why: "cards are counted on each machine",
    tests: neighbours,
  },
  {
    name: "a library of another launcher is taken",
    file: "train/distributed/mpi_messages.ts",
    find: "if (launched === undefined || Number(launched) === this.size) return;",
    replace: "if (launched === undefined || this.size > 0) return;",
    why: "four processes would make the same run four times",
    tests: libraries,
  },
];
