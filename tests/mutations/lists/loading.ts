/** Mutations of configurations, checkpoints and heads. */

import type { Mutation } from "../mutation.ts";

/** Mutations of configurations, checkpoints and heads. */
export const loadingMutations: readonly Mutation[] = [
  {
    name: "a tied head is scaled",
    file: "nn/models/decoder.ts",
    find: "matmul(states, transpose(this.embedding.value))",
    replace:
      "matmul(context.batch.rows ? states : gather(states, context.batch.last), transpose(this.embedding.value))",
    why: "all tokens are predicted where no rows are named",
    tests: ["tests/nn/models/config_keys_test.ts"],
  },
  {
    name: "tied models have a head",
    file: "nn/models/decoder.ts",
    find: "if (!config.tied) {",
    replace: "if (config.tied) {",
    why: "a tied head is the embedding",
    tests: ["tests/nn/models/config_keys_test.ts"],
  },
  {
    name: "classifiers read a pad",
    file: "nn/models/decoder.ts",
    find: "ids.findLastIndex((id) => id !== padId)",
    replace: "ids.length - 1",
    why: "padding tokens at the end of a text are passed over",
    tests: ["tests/nn/models/config_keys_test.ts"],
  },
  {
    name: "classifiers read the last token though it pads",
    file: "nn/models/decoder.ts",
    find: "if (texts.every((ids) => ids.at(-1) !== padId)) return last;",
    replace: "if (texts.some((ids) => ids.at(-1) !== padId)) return last;",
    why: "one text that ends in pads is enough",
    tests: ["tests/nn/models/config_keys_test.ts"],
  },
  {
    name: "output dropout of decoders is off",
    file: "nn/models/decoder.ts",
    find: 'return dropWhere(hidden, siteAt(context, "output", { path: "hidden", layers }));',
    replace: `void [dropWhere, siteAt, layers];
    return hidden;`,
    why: "the head's input is dropped",
    tests: ["tests/nn/models/places_test.ts"],
  },
  {
    name: "a tied checkpoint's own head is ignored",
    file: "nn/models/fill_model.ts",
    find: `    model.untie();
  }
  return new Map();`,
    replace: `  }
  return new Map();`,
    why: "a head that differs is one of its own",
    tests: ["tests/nn/models/config_keys_test.ts"],
  },
  {
    name: "old norm names are unknown",
    file: "nn/models/fill_model.ts",
    find: '"LayerNorm.gamma"',
    replace: '"LayerNorm.scale"',
    why: "checkpoints of TensorFlow say gamma",
    tests: ["tests/nn/formats/weights_test.ts"],
  },
  {
    name: "new parameters share a stream",
    file: "nn/models/initialize.ts",
    find: "const stream = foldKey(key, path);",
    replace: "const stream = foldKey(key, initializer?.kind ?? path);",
    why: "each parameter has a stream of its own",
    tests: ["tests/nn/models/initialise_test.ts"],
  },
  {
    name: "uniform weights are positive",
    file: "nn/models/initialize.ts",
    find: "(2 * x - 1) * initializer.bound",
    replace: "x * initializer.bound",
    why: "uniform in both directions",
    tests: ["tests/nn/models/initialise_test.ts"],
  },
  {
    name: "normal weights ignore the deviation",
    file: "nn/models/initialize.ts",
    find: "x * initializer.deviation",
    replace: "x * 0.02",
    why: "the configuration's deviation counts",
    tests: ["tests/nn/models/initialise_test.ts"],
  },
  {
    name: "heads are not trained",
    file: "nn/models/heads.ts",
    find: "if (isHead(path) || drawn.includes(path)) parameter",
    replace: "if (drawn.includes(path)) parameter",
    why: "heads are trained whole",
    tests: ["tests/nn/models/heads_test.ts"],
  },
  {
    name: "the drawn pooler is frozen",
    file: "nn/models/heads.ts",
    find: "if (isHead(path) || drawn.includes(path)) parameter",
    replace: "if (isHead(path)) parameter",
    why: "what is drawn is trained",
    tests: ["tests/nn/models/heads_test.ts"],
  },
  {
    name: "regression's labels default to two",
    file: "nn/models/config.ts",
    find: "const count = named === undefined ? 2 :",
    replace: "const count = named === undefined ? 1 :",
    why: "a head has two classes where nothing is said",
    tests: ["tests/nn/models/config_keys_test.ts"],
  },
  {
    name: "a summand of the norms below 0 is taken",
    file: "nn/models/config.ts",
    find: "epsilon: fields.notNegative(keys.epsilon",
    replace: "epsilon: fields.number(keys.epsilon",
    why: "the root of what it makes negative is no number",
    tests: ["tests/nn/models/config_test.ts"],
  },
  {
    name: "initializer_range is ignored",
    file: "nn/models/config.ts",
    find: 'fields.notNegative("initializer_range", 0.02)',
    replace: 'Math.min(0.02, fields.notNegative("initializer_range", 0.02))',
    why: "new weights follow it",
    tests: ["tests/nn/models/config_test.ts"],
  },
  {
    name: "foreign default tokens are kept",
    file: "nn/models/config.ts",
    find: "id !== undefined && id < vocabularySize ? [id] : []",
    replace: "id !== undefined ? [id] : []",
    why: "a default beyond the vocabulary is none",
    tests: ["tests/nn/models/config_test.ts"],
  },
];
