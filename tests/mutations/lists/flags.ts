/** Mutations of the way from the command line to the dropout plan. */

import type { Mutation } from "../mutation.ts";

/** Mutations of the way from the command line to the dropout plan. */
export const flagsMutations: readonly Mutation[] = [
  {
    name: "flag nograd is ignored by the plan",
    file: "nn/dropout/methods.ts",
    find: "{ nograd, point, perHead, spanLength }),",
    replace: "{ point, perHead, spanLength }),",
    why: "--no-nograd changes nothing",
    tests: ["tests/nn/dropout/plan_test.ts"],
  },
  {
    name: "flag branches is ignored by the plan",
    file: "nn/dropout/methods.ts",
    find: "const { kl: weight = 1, branches = 1, neftuneAlpha",
    replace: `const branches = 1;
  const { kl: weight = 1, neftuneAlpha`,
    why: "--branches changes nothing",
    tests: ["tests/nn/dropout/plan_test.ts"],
  },
  {
    name: "flag kl is ignored by the plan",
    file: "nn/dropout/methods.ts",
    find: "const { kl: weight = 1, branches = 1, neftuneAlpha",
    replace: `const weight: number = 1;
  const { branches = 1, neftuneAlpha`,
    why: "--kl changes nothing",
    tests: ["tests/nn/dropout/plan_test.ts"],
  },
  {
    name: "flag point is ignored by the plan",
    file: "nn/dropout/methods.ts",
    find: "{ nograd, point, perHead, spanLength }),",
    replace: "{ nograd, perHead, spanLength }),",
    why: "--point changes nothing",
    tests: ["tests/nn/dropout/plan_test.ts"],
  },
  {
    name: "flag per-head is ignored by the plan",
    file: "nn/dropout/methods.ts",
    find: "{ nograd, point, perHead, spanLength }),",
    replace: "{ nograd, point, spanLength }),",
    why: "--no-per-head changes nothing",
    tests: ["tests/nn/dropout/plan_test.ts"],
  },
  {
    name: "flag structure is ignored by the plan",
    file: "nn/dropout/methods.ts",
    find: "chosen.structure ?? structure ?? own",
    replace: "chosen.structure ?? own",
    why: "--structure changes nothing",
    tests: ["tests/nn/dropout/plan_test.ts"],
  },
  {
    name: "flag compensation is ignored by the plan",
    file: "nn/dropout/methods.ts",
    find: "const kind = options.compensation ?? (",
    replace: "const kind = (",
    why: "--compensation changes nothing",
    tests: ["tests/nn/dropout/plan_test.ts"],
  },
  {
    name: "flag span-length is ignored by the plan",
    file: "nn/dropout/methods.ts",
    find: "{ nograd, point, perHead, spanLength }),",
    replace: "{ nograd, point, perHead }),",
    why: "--span-length changes nothing",
    tests: ["tests/nn/dropout/plan_test.ts"],
  },
  {
    name: "flag layers is ignored by the plan",
    file: "nn/dropout/methods.ts",
    find: "usualLayers(position, decoder, options.layers)",
    replace: "usualLayers(position, decoder, undefined)",
    why: "--layers changes nothing",
    tests: ["tests/nn/dropout/plan_test.ts"],
  },
  {
    name: "flags lose nograd",
    file: "train/config/method_options.ts",
    find: `  nograd: {
    group: "dropout",
    kind: "switch",`,
    replace: `  noGrad: {
    group: "dropout",
    kind: "switch",`,
    why: "the option has another name than the plan's",
    tests: ["tests/train/config/method_options_test.ts"],
  },
  {
    name: "the plan of a run ignores the configuration's branches",
    file: "train/prepare.ts",
    find: "const plan = dropoutPlan(config.method, architecture.causal, config);",
    replace: `const { branches: _, ...rest } = config;
  const plan = dropoutPlan(config.method, architecture.causal, rest);`,
    why: "--branches is lost between configuration and plan",
    tests: ["tests/train/config/method_options_test.ts"],
  },
  {
    name: "the plan of a run ignores everything but the rate",
    file: "train/prepare.ts",
    find: "const plan = dropoutPlan(config.method, architecture.causal, config);",
    replace: `const plan = dropoutPlan(config.method, architecture.causal, {
    ...(config.rate !== undefined && { rate: config.rate }),
  });`,
    why: "flags of the method are lost between configuration and plan",
    tests: ["tests/train/config/method_options_test.ts"],
  },
  {
    name: "a run plans decoders as encoders",
    file: "train/prepare.ts",
    find: "dropoutPlan(config.method, architecture.causal, config)",
    replace: "dropoutPlan(config.method, false, config)",
    why: "decoders drop in all layers",
    tests: ["tests/train/config/method_options_test.ts"],
  },
];
