/** Mutations of dry runs. */

import type { Mutation } from "../mutation.ts";

const tests = ["tests/train/dry_run_test.ts"];

/** Mutations of dry runs. */
export const dryRunMutations: readonly Mutation[] = [
  {
    name: "a dry run shows the shortest thrice",
    file: "train/dry_run.ts",
    find: "const number = batch[place]!;",
    replace: "const number = batch.at(-1)!;",
    why: "padding and lengths are seen",
    tests: ["tests/train/dry_run_test.ts"],
  },
  {
    name: "a dry run marks contexts",
    file: "nn/layers/target_spans.ts",
    find: "return place >= predictFrom;",
    replace: "return place < predictFrom;",
    why: "the loss is on references",
    tests,
  },
  {
    name: "a dry run loses the spaces of tokens",
    file: "train/dry_run.ts",
    find: "tokenizer.decode([id, id]).slice(alone.length)",
    replace: "tokenizer.decode([id]).trim()",
    why: "tokens are shown as they stand",
    tests,
  },
  {
    name: "a dry run forgets the gradient",
    file: "train/dry_run.ts",
    find: "return { trained, gradient: trained, moments };",
    replace: "return { trained, gradient: 0, moments };",
    why: "memory is told by component",
    tests,
  },
  {
    name: "a dry run measures another batch than the largest",
    file: "train/dry_run.ts",
    find: "await secondsOf(prepared, config, largest.step);",
    replace: "",
    why: "the largest batch decides the memory",
    tests,
  },
  {
    name: "a dry run starts anew",
    file: "train/dry_run.ts",
    find: "const done = optimiser.steps;",
    replace: "const done = 0;",
    why: "a resumed run has steps behind it",
    tests,
  },
  {
    name: "all of the longest examples count as cut",
    file: "train/tasks/classification.ts",
    find: "encoded[i]!.ids.length === maxLength && tokenizer",
    replace: "encoded[i]!.ids.length === maxLength || tokenizer",
    why: "some fit to the token",
    tests,
  },
  {
    name: "a step's batches ignore its lengths",
    file: "train/data/batches.ts",
    find: "if (bucket) order.sort((a, b) => lengths[b]! - lengths[a]!);",
    replace: "",
    why: "similar lengths share a batch",
    tests: ["tests/train/data/batches_test.ts"],
  },
];
