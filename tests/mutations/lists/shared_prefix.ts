/** Mutations of what two passes share. */

import type { Mutation } from "../mutation.ts";

const sharing = ["tests/nn/objective/shared_prefix_test.ts"];

/** Mutations of what two passes share. */
export const sharedPrefixMutations: readonly Mutation[] = [
  {
    name: "passes share the first layer that drops",
    file: "nn/dropout/plan.ts",
    find: "inside.some((site) => activeIn(site, n, layers))",
    replace: "inside.some((site) => activeIn(site, n - 1, layers))",
    why: "each pass draws its own masks",
    tests: sharing,
  },
  {
    name: "passes share embeddings with noise",
    file: "nn/dropout/plan.ts",
    find: "if (neftuneAlpha !== 0) return undefined;",
    replace: "void neftuneAlpha;",
    why: "each pass draws its own noise",
    tests: sharing,
  },
  {
    name: "passes share layers behind input dropout",
    file: "nn/dropout/plan.ts",
    find: 'if (sites.some(({ position }) => position === "input")) return 0;',
    replace: "",
    why: "what the input drops reaches the first layer",
    tests: sharing,
  },
  {
    name: "passes share too little for dropout before the head",
    file: "nn/dropout/plan.ts",
    find: 'sites.filter(({ position }) => position !== "output")',
    replace: "sites",
    why: "what the head reads lies behind all layers",
    tests: sharing,
  },
  {
    name: "every pass runs the shared layers",
    file: "nn/layers/shared_prefix.ts",
    find: "return this.#states ??= compute();",
    replace: "return this.#states = compute();",
    why: "they run once a step",
    tests: ["tests/nn/optim/step_cost_test.ts"],
  },
  {
    name: "the pass without dropout runs the shared layers again",
    file: "nn/objective/objective.ts",
    find: "{ context: clean, tracked: false }",
    replace: "{ context: { batch }, tracked: false }",
    why: "they are the same without dropout",
    tests: sharing,
  },
  {
    name: "shared layers that are computed again end without their norm",
    file: "nn/layers/stack.ts",
    find: "return enter(x);",
    replace: "return x;",
    why: "the norm belongs to the layer",
    tests: sharing,
  },
  {
    name: "later passes leave out a layer",
    file: "nn/layers/stack.ts",
    find: "through(layers.slice(common), {",
    replace: "through(layers.slice(context.sharedPrefix === undefined ? 0 : common + 1), {",
    why: "they go on with the first layer that drops",
    tests: sharing,
  },
  {
    name: "later passes keep their gradient from the shared layers",
    file: "nn/layers/stack.ts",
    find: "context.sharedPrefix?.once(begin) ?? begin();",
    replace: `(() => {
    let first = false;
    const states = context.sharedPrefix?.once(() => (first = true, begin())) ?? begin();
    if (context.sharedPrefix === undefined || first) return states;
    const { storage, shape, strides, offset } = states.hidden.value;
    const Value = states.hidden.value.constructor as new (...rest: unknown[]) => typeof states.hidden.value;
    const Handle = states.hidden.constructor as new (...rest: unknown[]) => Tensor;
    const hidden = new Handle(new Value(storage, shape, strides, offset), states.hidden.device);
    return { ...states, hidden };
  })();`,
    why: "they pass back the sum of what all passes do",
    tests: sharing,
  },
];
