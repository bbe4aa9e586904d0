/** Mutations of schedules, groups of parameters, seeds, and parts of the training data. */

import type { Mutation } from "../mutation.ts";

const schedule = ["tests/train/schedule_test.ts"];
const groups = ["tests/nn/optim/groups_test.ts"];
const seeds = ["tests/train/seeds_test.ts"];
const parts = ["tests/train/data/hold_back_test.ts"];
const held = ["tests/train/tasks/held_back_test.ts"];
const batches = ["tests/train/data/batches_test.ts"];

/** Mutations of schedules, groups of parameters, seeds, and parts of the training data. */
export const courseMutations: readonly Mutation[] = [
  {
    name: "cosine falls to its half",
    file: "train/schedule.ts",
    find: "(1 - Math.cos(Math.PI * rest)) / 2",
    replace: "Math.cos((Math.PI * (1 - rest)) / 3)",
    why: "cosine is half a period",
    tests: schedule,
  },
  {
    name: "the floor is added to the peak",
    file: "train/schedule.ts",
    find: "return minLr + (lr - minLr) *",
    replace: "return minLr + lr *",
    why: "the fall begins at the peak",
    tests: schedule,
  },
  {
    name: "warm-up begins at the floor",
    file: "train/schedule.ts",
    find: "if (step < warmup) return lr * (step / warmup);",
    replace: "if (step < warmup) return minLr + (lr - minLr) * (step / warmup);",
    why: "transformers warms up from zero",
    tests: schedule,
  },
  {
    name: "the power is ignored",
    file: "train/schedule.ts",
    find: "polynomial: (rest, power) => rest ** power,",
    replace: "polynomial: (rest) => rest,",
    why: "a polynomial has a power",
    tests: schedule,
  },
  {
    name: "the head learns as LoRA+ has it",
    file: "nn/optim/groups.ts",
    find: "if (headRatio !== undefined && isTrainedWhole(path)) return headRatio;",
    replace:
      "if (headRatio !== undefined && isTrainedWhole(path) && shape.length > 1) return headRatio;",
    why: "the biases of a head have its rate",
    tests: groups,
  },
  {
    name: "A has the rate of the head",
    file: "nn/optim/groups.ts",
    find: "lora_[AB]\\.",
    replace: "lora_B\\.",
    why: "updates are no head",
    tests: groups,
  },
  {
    name: "masks have the seed of the order",
    file: "train/config/config.ts",
    find: "masks: seedKey(maskSeed)",
    replace: "masks: seedKey(orderSeed)",
    why: "seeds are apart",
    tests: seeds,
  },
  {
    name: "initial numbers have the seed of the run",
    file: "train/config/config.ts",
    find: "initial: seedKey(initSeed)",
    replace: "initial: seedKey(seed)",
    why: "seeds are apart",
    tests: seeds,
  },
  {
    name: "the order has the key of the masks",
    file: "train/fit.ts",
    find: "windowsOf(task, config, orderKey)",
    replace: "windowsOf(task, config, key)",
    why: "seeds are apart",
    tests: seeds,
  },
  {
    name: "the longest examples are left out",
    file: "train/data/batches.ts",
    find: "const order = all.slice(0, examples);",
    replace: "const order = all.sort((a, b) => lengths[a]! - lengths[b]!).slice(0, examples);",
    why: "who is left out is drawn",
    tests: batches,
  },
  {
    name: "an epoch drops no partial batch",
    file: "train/data/batches.ts",
    find: "return dropLast ? count - count % batch : count;",
    replace: "return count;",
    why: "--drop-last leaves it out",
    tests: batches,
  },
  {
    name: "a class gives all that it has",
    file: "train/data/hold_back.ts",
    find: "filter((i) => shares[i]! < sizes[i]! - 1)",
    replace: "filter((i) => shares[i]! < sizes[i]!)",
    why: "a class stays to be trained on",
    tests: parts,
  },
  {
    name: "the last of a class are held back",
    file: "train/data/hold_back.ts",
    find: "shuffled(strata[i]!, foldKey(root, i)).slice(0, share)",
    replace: "strata[i]!.slice(0, share)",
    why: "what is held back is drawn",
    tests: parts,
  },
  {
    name: "no remainder is held back",
    file: "train/data/hold_back.ts",
    find: "for (const i of next.slice(0, Math.max(0, open))) shares[i]!++;",
    replace: "",
    why: "the share is of all groups",
    tests: parts,
  },
  {
    name: "classes are not held back alike",
    file: "train/tasks/labelled.ts",
    find: "kind.labels.length === 0 ? undefined : train[position]!.label",
    replace: "undefined",
    why: "each class gives its share",
    tests: held,
  },
  {
    name: "contexts are torn apart",
    file: "train/tasks/open.ts",
    find: "groupOf: (position) => examples[position]!.context,",
    replace: "groupOf: (position) => position,",
    why: "references of one context stay together",
    tests: held,
  },
  {
    name: "what is held back follows the masks",
    file: "train/tasks/held_back.ts",
    find: "runKeys(config).order",
    replace: "runKeys(config).masks",
    why: "the order's seed draws it",
    tests: held,
  },
  {
    name: "places of what is kept are those of all",
    file: "train/tasks/labelled.ts",
    find: "train: places.pick(kept)",
    replace: "train: places",
    why: "messages name the row that was read",
    tests: held,
  },
  {
    name: "eval reads the dev file of a run without one",
    file: "train/commands/eval.ts",
    find: "...(holds && { devFraction })",
    replace: "",
    why: "what was held back is evaluated",
    tests: held,
  },
];
