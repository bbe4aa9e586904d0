/** Mutations of runs and their checkpoints. */

import type { Mutation } from "../mutation.ts";

/** Mutations of runs and their checkpoints. */
export const runsMutations: readonly Mutation[] = [
  {
    name: "the run ignores its seed",
    file: "train/train.ts",
    find: "const key = seedKey(config.seed);",
    replace: "const key = seedKey(1);",
    why: "--seed decides all that is drawn",
    tests: ["tests/train/steps_test.ts"],
  },
  {
    name: "the initialisation ignores the seed",
    file: "train/train.ts",
    find: 'const initialKey = foldKey(key, "initialisation");',
    replace: 'const initialKey = foldKey(seedKey(1), "initialisation");',
    why: "--seed decides the adapter",
    tests: ["tests/train/steps_test.ts"],
  },
  {
    name: "checkpoints lose the second moment",
    file: "nn/optim/optimiser.ts",
    find: "return { parameters: trainable.flat, ...state };",
    replace: `const { second: _, ...rest } = state;
  return { parameters: trainable.flat, ...rest };`,
    why: "a resumed run goes on bit for bit",
    tests: ["tests/train/run/resume_test.ts"],
  },
  {
    name: "checkpoints of doubles are singles",
    file: "train/run/training_checkpoint.ts",
    find: 'flat.dtype === "f64" ? "F64" : "F32"',
    replace: '"F32"',
    why: "doubles are kept",
    tests: ["tests/train/run/resume_test.ts"],
  },
  {
    name: "a run resumes from its first checkpoint",
    file: "train/run/training_checkpoint.ts",
    find: "Math.max(...steps)",
    replace: "Math.min(...steps)",
    why: "the last checkpoint counts",
    tests: ["tests/train/run/resume_test.ts"],
  },
  {
    name: "a checkpoint of other parameters fits",
    file: "train/run/training_checkpoint.ts",
    find: 'file.metadata.get("names") === names && ',
    replace: "",
    why: "names of parameters must agree",
    tests: ["tests/train/run/resume_test.ts"],
  },
  {
    name: "a rewound run keeps later metrics",
    file: "train/run/run_folder.ts",
    find: "stepOf(line, path, i + 1) <= step",
    replace: "stepOf(line, path, i + 1) <= step + 1",
    why: "what came later goes",
    tests: ["tests/train/run/resume_test.ts"],
  },
  {
    name: "a rewound run loses its step's metrics",
    file: "train/run/run_folder.ts",
    find: "stepOf(line, path, i + 1) <= step",
    replace: "stepOf(line, path, i + 1) < step",
    why: "the step's own line stays",
    tests: ["tests/train/run/resume_test.ts"],
  },
  {
    name: "a rewound run keeps later checkpoints",
    file: "train/run/run_folder.ts",
    find: "if (later <= step) continue;",
    replace: "if (later >= step) continue;",
    why: "later checkpoints go",
    tests: ["tests/train/run/resume_test.ts"],
  },
  {
    name: "a resumed run forgets its parameters",
    file: "train/run/run_output.ts",
    find: `      await restoreCheckpoint(checkpoint, optimiser);
`,
    replace: `      optimiser.steps = Number(/\\d+$/.exec(checkpoint)?.[0]);
      void restoreCheckpoint;
`,
    why: "parameters and moments come back",
    tests: ["tests/train/run/resume_test.ts"],
  },
  {
    name: "an aborted run saves no checkpoint",
    file: "train/run/run_output.ts",
    find: "if (aborted) return await this.checkpoint(step, epoch, steps);",
    replace: "if (aborted) return;",
    why: "a stopped run can go on",
    tests: ["tests/train/run/resume_test.ts"],
  },
  {
    name: "adapters record the wrong dropout",
    file: "train/run/describe.ts",
    find: "return site?.rate ?? 0;",
    replace: "return sites[0]?.rate ?? 0;",
    why: "only LoRA's own dropout is on record",
    tests: ["tests/train/run/describe_test.ts"],
  },
  {
    name: "new adapters forget rslora",
    file: "train/train.ts",
    find: `    alpha,
    rslora,
    modulesToSave`,
    replace: `    alpha,
    modulesToSave`,
    why: "--rslora reaches the adapter",
    tests: ["tests/train/config/method_options_test.ts"],
  },
];
