/** More mutations of objectives and steps: what a careless change would get wrong. */

import type { Mutation } from "../mutation.ts";

/** More mutations of objectives and steps. */
export const stepsMoreMutations: readonly Mutation[] = [
  {
    name: "instances share the key",
    file: "nn/optim/train_step.ts",
    find: "i === 0 ? key : foldKey(key, i)",
    replace: "key",
    why: "each draw of the masks has a key of its own",
    tests: ["tests/nn/optim/train_step_test.ts"],
  },
  {
    name: "normaliser of the last batch",
    file: "nn/optim/train_step.ts",
    find: "count + (targets ?? sizeOf(labels?.shape ?? [0]))",
    replace: "targets ?? sizeOf(labels?.shape ?? [0])",
    why: "a step divides by the targets of its whole window",
    tests: ["tests/nn/optim/train_step_test.ts"],
  },
  {
    name: "js clean pass tracked",
    file: "nn/objective/objective.ts",
    find: "{ context: { batch, sharedPrefix }, tracked: false }",
    replace: "{ context: { batch, sharedPrefix }, tracked: true }",
    why: "the inference pass of the one-way KL gets no gradient",
    tests: ["tests/nn/objective/objective_test.ts"],
  },
  {
    name: "js reversed",
    file: "nn/objective/objective.ts",
    find:
      "return combine(task, sum(klDivergence(compared(first!), compared(second), counted)), weight);",
    replace: "return combine(task, sum(klDivergence(compared(second), compared(first!))), weight);",
    why: "the one-way KL is from the training pass to the inference pass",
    tests: ["tests/nn/objective/objective_test.ts"],
  },
  {
    name: "second pass is the first",
    file: "nn/objective/objective.ts",
    find: "{ context: contextOf(1), tracked",
    replace: "{ context: contextOf(branches === 1 ? 0 : 1), tracked",
    why: "the second pass has masks of its own",
    tests: ["tests/nn/objective/objective_test.ts"],
  },
  {
    name: "compensation weight twice",
    file: "nn/objective/objective.ts",
    find: "const compensation = scale(divergence, 1 / normaliser);",
    replace: "const compensation = scale(divergence, weight / normaliser);",
    why: "the compensation has its weight once",
    tests: ["tests/nn/objective/objective_test.ts"],
  },
  {
    name: "kl of classes on features",
    file: "nn/objective/objective.ts",
    find: "regression && representation !== undefined",
    replace: "representation !== undefined",
    why: "classification compares distributions over classes",
    tests: ["tests/nn/objective/objective_test.ts"],
  },
  {
    name: "adamw decay with faster rate swapped",
    file: "nn/optim/adamw.ts",
    find: "const share = grouped ? byDecay(kept, 1, rates) : kept;",
    replace: 'const share = grouped ? byDecay(scalar(numbers.length + 1, "f32"), 1, rates) : kept;',
    why: "what learns faster decays faster",
    tests: ["tests/nn/optim/adamw_test.ts"],
  },
  {
    name: "adamw second moment of the raw gradient",
    file: "nn/optim/adamw.ts",
    find: "old(2).mul(beta2).add(g.mul(g).mul(rest2))",
    replace: "old(2).mul(beta2).add(first.mul(first).mul(rest2))",
    why: "the second moment is of the gradient, not of its mean",
    tests: ["tests/nn/optim/adamw_test.ts"],
  },
  {
    name: "sgd dampens",
    file: "nn/optim/sgd.ts",
    find: "old(1).mul(momentum).add(g)",
    replace: "old(1).mul(momentum).add(g.sub(g.mul(momentum)))",
    why: "momentum adds the whole gradient",
    tests: ["tests/nn/optim/sgd_test.ts"],
  },
  {
    name: "sgd decay decoupled",
    file: "nn/optim/sgd.ts",
    find: "const direction = old(1).mul(momentum).add(g);",
    replace: "const direction = old(1).mul(momentum).add(clippedGradient(limit));",
    why: "the decay of SGD goes into its momentum",
    tests: ["tests/nn/optim/sgd_test.ts"],
  },
  {
    name: "group ranges overlap",
    file: "nn/optim/groups.ts",
    find: "codes.fill(code, at, at += size);",
    replace: "codes.fill(code, at, at + size); at += 1;",
    why: "each parameter has the code of its own group",
    tests: ["tests/nn/optim/adamw_test.ts"],
  },
];
