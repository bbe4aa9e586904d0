/** Mutations of the diagnosis of numbers that are not finite. */

import type { Mutation } from "../mutation.ts";

const tests = ["tests/train/run/diagnosis_test.ts"];
const file = "train/run/diagnosis.ts";

/** Mutations of the diagnosis of numbers that are not finite. */
export const diagnosisMutations: readonly Mutation[] = [
  {
    name: "a step is diagnosed on the parameters after its update",
    file,
    find: "  update(copyProgram, [trainable.flat], [before]);\n  return await causeInForward",
    replace: "  return await causeInForward",
    why: "an update by NaN makes every layer NaN",
    tests,
  },
  {
    name: "parameters are noted after the update",
    file: "train/step.ts",
    find: "  noteParameters(state.optimiser.trainable, before);\n",
    replace: "",
    why: "the step is run again on what it was run on",
    tests,
  },
  {
    name: "the rate is blamed for epsilon",
    file,
    find: "return epsilon < 2 ** -126",
    replace: "return epsilon < 0",
    why: "a division by 0 is epsilon's",
    tests,
  },
  {
    name: "the rate is blamed for base weights",
    file,
    find: "update(clear, [optimiser.trainable.flat], []);",
    replace: "",
    why: "only what stays without the trained parameters is the base model's",
    tests,
  },
  {
    name: "the rate is blamed before the first update",
    file: "train/fit.ts",
    find: "isFirst: step === start,",
    replace: "isFirst: false,",
    why: "nothing was updated yet",
    tests,
  },
  {
    name: "the base model is blamed for the scaling",
    file,
    find: "if (scaling !== undefined)",
    replace: "if (false)",
    why: "alpha makes a factor that no number holds",
    tests,
  },
  {
    name: "examples are named by their rows",
    file,
    find: "failed.members[b]![row]!",
    replace: "row",
    why: "a row of a batch says nothing of the data",
    tests,
  },
  {
    name: "the last module is named",
    file: "train/run/first_module.ts",
    find: "of outputs)",
    replace: "of outputs.toReversed())",
    why: "what comes behind is spoiled by it",
    tests,
  },
  {
    name: "labels are not blamed",
    file,
    find: "if (far !== undefined && Math.abs(far[1]) > 1e15)",
    replace: "if (false)",
    why: "the square of a label is infinite",
    tests,
  },
  {
    name: "the gradient's owner is the parameter before",
    file,
    find: "at < (end += size)",
    replace: "at <= (end += size) + size",
    why: "a parameter ends where the next begins",
    tests,
  },
  {
    name: "the rate is blamed for the weight of the compensation",
    file,
    find: "if (Math.abs(loss! - task!) > Math.abs(task!))",
    replace: "if (false)",
    why: "--kl makes most of the loss",
    tests,
  },
  {
    name: "the base model is blamed for the noise",
    file: "train/run/diagnosis.ts",
    find: "if (isNoise) {",
    replace: "if (isNoise && !isBase) {",
    why: "its option is named",
    tests: ["tests/train/run/diagnosis_test.ts"],
  },
];
