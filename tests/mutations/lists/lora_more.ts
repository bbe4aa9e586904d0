/** More mutations of LoRA: what a careless change would get wrong. */

import type { Mutation } from "../mutation.ts";

/** More mutations of LoRA. */
export const loraMoreMutations: readonly Mutation[] = [
  {
    name: "layer number is the last digit",
    file: "nn/lora/apply.ts",
    find: "/\\.(\\d+)\\./",
    replace: "/\\.(\\d)\\d*\\./",
    why: "layers have numbers of several digits",
    tests: ["tests/nn/lora/apply_test.ts"],
  },
  {
    name: "lora place without its layer",
    file: "nn/lora/apply.ts",
    find: "layer: layerOf(path), layers",
    replace: "layer: undefined, layers",
    why: "an adapted layer is one of its layer",
    tests: ["tests/nn/lora/apply_test.ts"],
  },
  {
    name: "own rank keeps the general scale",
    file: "nn/lora/apply.ts",
    find: "alpha / (rslora ? Math.sqrt(rank) : rank)",
    replace: "alpha / (rslora ? Math.sqrt(options.rank) : options.rank)",
    why: "a layer's factor is by its own rank",
    tests: ["tests/nn/lora/apply_test.ts"],
  },
  {
    name: "fused dropout of parts shares a mask",
    file: "nn/lora/lora.ts",
    find: 'this.#siteAt("rank", context, name)',
    replace: 'this.#siteAt("rank", scaled, context)',
    why: "thirds drop by masks of their own",
    tests: ["tests/nn/lora/sites_test.ts"],
  },
  {
    name: "fused update masks shared by parts",
    file: "nn/lora/lora.ts",
    find: 'this.#siteAt("update", context, name)',
    replace: 'this.#siteAt("update", inner, context)',
    why: "thirds drop by masks of their own",
    tests: ["tests/nn/lora/sites_test.ts"],
  },
  {
    name: "scale lost with update dropout",
    file: "nn/lora/lora.ts",
    find: "add(base, dropWhere(matmul(inner, transpose(up.value)), active))",
    replace:
      "add(base, dropWhere(matmul(x, matmul(transpose(down.value), transpose(up.value))), active))",
    why: "the update has its factor and its inner mask before it is dropped",
    tests: ["tests/nn/lora/sites_test.ts"],
  },
  {
    name: "update dropout drops the base",
    file: "nn/lora/lora.ts",
    find: "add(base, dropWhere(matmul(inner, transpose(up.value)), active))",
    replace: "dropWhere(add(base, matmul(inner, transpose(up.value))), active)",
    why: "the update alone is dropped",
    tests: ["tests/nn/lora/sites_test.ts"],
  },
  {
    name: "lora dropout drops the base's input",
    file: "nn/lora/lora.ts",
    find:
      "const base = this.base.forward(x, context, beside);\n    if (this.merged) return base;\n",
    replace:
      'const base = this.base.forward(this.merged ? x : dropWhere(x, this.#siteAt("lora", context)), context, beside);\n    if (this.merged) return base;\n',
    why: "the input of the update alone is dropped",
    tests: ["tests/nn/lora/sites_test.ts"],
  },
  {
    name: "thirds of one layer overwrite",
    file: "nn/lora/apply.ts",
    find: "entry.thirds.push(third)",
    replace: "entry.thirds.splice(0, 9, third)",
    why: "a layer may have updates of several thirds",
    tests: ["tests/nn/formats/peft_fused_qkv_test.ts"],
  },
  {
    name: "merge without scale",
    file: "nn/lora/lora.ts",
    find: "scale(matmul(transpose(down.value), transpose(up.value)), this.scaling)",
    replace: "matmul(transpose(down.value), transpose(up.value))",
    why: "the merged update has its factor",
    tests: ["tests/nn/lora/fused_qkv_test.ts", "tests/nn/lora/lora_test.ts"],
  },
  {
    name: "an output layer drops by its rows in the place of examples",
    file: "nn/models/decoder.ts",
    find: "if (!drops || lm_head instanceof Linear)",
    replace: "if (!drops || lm_head instanceof Linear || states.shape[0] === batch.size)",
    why: "as many targets as examples are not the examples",
    tests: ["tests/nn/lora/output_layer_test.ts"],
  },
  {
    name: "masks of target tokens begin at the batch's row",
    file: "nn/layers/batch.ts",
    find: "(starts[owners[r]!]! - row) >>> 0",
    replace: "(starts[owners[r]!]! - row + 1) >>> 0",
    why: "a mask follows a token's place in its example",
    tests: ["tests/nn/lora/output_layer_test.ts"],
  },
  {
    name: "masks of target tokens are those of the first pass",
    file: "nn/layers/batch.ts",
    find: "2 * own[b]! + pass",
    replace: "2 * own[b]! + 0 * pass",
    why: "the two passes of a step draw masks of their own",
    tests: ["tests/nn/lora/output_layer_test.ts"],
  },
  {
    name: "target tokens have the real tokens of the first example",
    file: "nn/layers/batch.ts",
    find: "owners.map((b) => examples[b]!.ids.length)",
    replace: "owners.map((b) => examples[b * 0]!.ids.length)",
    why: "spans follow the tokens of the example",
    tests: ["tests/nn/lora/output_layer_test.ts"],
  },
];
