/** Mutations of gradient checkpointing: what a careless change would get wrong. */

import type { Mutation } from "../mutation.ts";

const core = ["tests/core/checkpoint_test.ts"];
const layers = ["tests/nn/layers/stack_test.ts"];
const weights = ["tests/nn/layers/attention_again_test.ts"];

/** Mutations of gradient checkpointing. */
export const checkpointingMutations: readonly Mutation[] = [
  {
    name: "layers recomputed under other masks",
    file: "nn/layers/stack.ts",
    find: "    const run = (x: Tensor, ...given: readonly Tensor[]) => {\n",
    replace: `    let runs = 0;
    const run = (x: Tensor, ...given: readonly Tensor[]) => {
      if (runs++ > 0 && context.dropout !== undefined) {
        const dropout = { ...context.dropout, key: [1, 2] as const };
        return forward(layer, before(x), { ...context, dropout }, given as readonly Tensor[] as Shared);
      }
`,
    why: "a layer that is computed again draws the masks of its first run",
    tests: layers,
  },
  {
    name: "a recomputed layer reads a mask of the first run",
    file: "nn/layers/stack.ts",
    find: "const mask = visible && given.at(-1);",
    replace: "const mask = visible;",
    why: "tensors of the forward pass are gone by then",
    tests: layers,
  },
  {
    name: "checkpoints without the last norm of a layer",
    file: "nn/layers/stack.ts",
    find: "enter = (x) => finish(layer, x);",
    replace: "enter = (x) => x;",
    why: "the next layer begins with it",
    tests: layers,
  },
  {
    name: "layers recomputed that fill a cache",
    file: "nn/layers/stack.ts",
    find: "context.gradientCheckpointing === true && context.cache === undefined",
    replace: "context.gradientCheckpointing === true",
    why: "a cache would be filled twice",
    tests: layers,
    sample: false,
  },
  {
    name: "gradients of a recomputed part summed apart",
    file: "core/gradient.ts",
    find: "    walk(fresh, cotangents, pass);",
    replace: `    const apart = new Map(cotangents);
    for (const value of apart.keys()) if (!outputs.includes(value)) apart.delete(value);
    for (const value of apart.keys()) cotangents.delete(value);
    walk(fresh, apart, pass);
    for (const [value, g] of apart) {
      const before = cotangents.get(value);
      cotangents.set(value, before === undefined ? g : add(before, g));
    }`,
    why: "sums of gradients must have the order that they have without a checkpoint",
    tests: core,
  },
  {
    name: "a failed recomputation keeps what it recorded",
    file: "core/gradient.ts",
    find: "    fresh.clear();",
    replace: "    fresh.pop();",
    why: "entries hold memory until they are released",
    tests: core,
  },
  {
    name: "the first run of a checkpoint kept alive",
    file: "core/tape.ts",
    find: "    if (!this.#keeps) return;\n",
    replace: "",
    why: "the first run only tells what depends on what",
    tests: core,
  },
  {
    name: "a checkpoint that follows its inputs alone",
    file: "core/tape.ts",
    find: "this.#followed.has(value) || this.#around?.follows(value) === true",
    replace: "this.#followed.has(value)",
    why: "parameters that a checkpoint captures get gradients too",
    tests: core,
  },
  {
    name: "recorded also where no output is reached",
    file: "core/tape.ts",
    find: "if (reached.length > 0) this.#push(rerun);",
    replace: "this.#push(rerun); void reached;",
    why: "what no watched value reaches keeps nothing",
    tests: core,
  },
  {
    name: "everything computed again",
    file: "core/replay.ts",
    find: "!outputs.some(({ storage }) => read.has(storage))",
    replace: "outputs.length === 0",
    why: "what nobody reads need not run again",
    tests: core,
  },
  {
    name: "inputs of what is computed again skipped",
    file: "core/replay.ts",
    find: "    for (const { storage } of inputs) read.add(storage);\n",
    replace: "",
    why: "an operation reads what others computed before it",
    tests: core,
  },
  {
    name: "fewer operations the second time go unnoticed",
    file: "core/replay.ts",
    find: "if (steps.next().done !== true)",
    replace: "if (steps.next() === undefined)",
    why: "a function that does something else has other gradients",
    tests: core,
  },
  {
    name: "a recomputed part lives until the end of the backward pass",
    file: "core/checkpoint.ts",
    find: `device.inside("checkpoint", () => {
        const handles`,
    replace: `((_: string, run: () => Value[]) => run())("checkpoint", () => {
        const handles`,
    why: "it is freed before an earlier part is computed again",
    tests: core,
  },
  {
    name: "checkpointing without dropout alone",
    file: "nn/objective/objective.ts",
    find: "return { ...clean, dropout:",
    replace: "return { ...clean, gradientCheckpointing: false, dropout:",
    why: "passes with dropout save memory too",
    tests: layers,
  },
  {
    name: "attention weights are always kept",
    file: "nn/layers/attention.ts",
    find: "tokens ** 2 <= mostWeights;",
    replace: "tokens ** 2 <= Math.max(mostWeights, Infinity);",
    why: "weights of all layers at once need the most memory",
    tests: weights,
  },
  {
    name: "as many attention weights as are kept are computed again",
    file: "nn/layers/attention.ts",
    find: "tokens ** 2 <= mostWeights;",
    replace: "tokens ** 2 < mostWeights;",
    why: "the most that are kept are kept",
    tests: weights,
  },
  {
    name: "attention weights of a layer that is computed again are computed twice",
    file: "nn/layers/attention.ts",
    find: "few || gradientCheckpointing;",
    replace: "few;",
    why: "one layer's are there at a time already",
    tests: weights,
  },
  {
    name: "attention weights with dropout alone are kept",
    file: "nn/objective/objective.ts",
    find: "return { ...clean, dropout:",
    replace: "return { ...clean, mostWeights: undefined, dropout:",
    why: "every method has its most",
    tests: weights,
  },
  {
    name: "attention that is computed again forgets which tokens are hidden",
    file: "nn/layers/attention.ts",
    find: "compose([q!, k!, v!], mask && rest.at(-1), terms)",
    replace: "compose([q!, k!, v!], undefined, terms)",
    why: "weights are the same to the bit",
    tests: weights,
  },
  {
    name: "attention that is computed again forgets what is added to scores",
    file: "nn/layers/attention.ts",
    find: "rest.slice(0, of.length)",
    replace: "[] as Tensor[]",
    why: "MPNet's scores have a bias",
    tests: weights,
  },
  {
    name: "--gradient-checkpointing does nothing",
    file: "train/step.ts",
    find: "gradientCheckpointing: config.gradientCheckpointing,",
    replace: "",
    why: "the flag reaches the step",
    tests: ["tests/train/checkpointing_test.ts"],
  },
];
