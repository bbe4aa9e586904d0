/** More mutations of models: what a careless change would get wrong. */

import type { Mutation } from "../mutation.ts";

/** More mutations of models. */
export const modelsMoreMutations: readonly Mutation[] = [
  {
    name: "llama output bias lost",
    file: "nn/models/llama.ts",
    find: "new Linear(heads * size, hiddenSize, { bias })",
    replace: "new Linear(heads * size, hiddenSize, { bias: false })",
    why: "attention_bias is of all four projections",
    tests: ["tests/nn/models/llama_test.ts"],
  },
  {
    name: "llama tied by default",
    file: "nn/models/llama.ts",
    find: "tied: false, epsilon: 1e-6",
    replace: "tied: true, epsilon: 1e-6",
    why: "LLaMA has an output layer of its own",
    tests: ["tests/nn/models/llama_test.ts"],
  },
  {
    name: "roberta dropout before tanh",
    file: "nn/models/roberta.ts",
    find: "tanh(this.dense.forward(dropWhere(representation, active), context))",
    replace: "dropWhere(tanh(this.dense.forward(representation, context)), active)",
    why: "output dropout stands before the head's dense layer",
    tests: ["tests/nn/models/roberta_test.ts"],
  },
  {
    name: "gpt2 layer scale from 0",
    file: "nn/models/gpt2.ts",
    find: "config.scaleByLayer ? layer + 1 : 1",
    replace: "config.scaleByLayer ? Math.max(1, layer) : 1",
    why: "layers are counted from 1 in the factor of scores",
    tests: ["tests/nn/models/config_keys_test.ts"],
  },
  {
    name: "llama rope by hidden size",
    file: "nn/models/llama.ts",
    find: "rotaryTables(device, maxPositions, headSize, ropeTheta)",
    replace: "rotaryTables(device, maxPositions, headSize, 10000)",
    why: "the base of the angles is that of the configuration",
    tests: ["tests/nn/models/config_keys_test.ts"],
  },
  {
    name: "last token: pads before",
    file: "nn/models/decoder.ts",
    find: "ids.findLastIndex((id) => id !== padId)",
    replace: "ids.indexOf(padId!) - 1",
    why: "a classifier reads the last token that is no pad",
    tests: ["tests/nn/models/last_token_test.ts"],
  },
  {
    name: "bert representation pooled",
    file: "nn/models/bert.ts",
    find: "representation, hidden };",
    replace: "representation: pooled, hidden };",
    why: "regression compares what the encoder gives, before the pooler",
    tests: ["tests/nn/models/last_token_test.ts"],
  },
];
