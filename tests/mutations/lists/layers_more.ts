/** More mutations of layers: what a careless change would get wrong. */

import type { Mutation } from "../mutation.ts";

/** More mutations of layers. */
export const layersMoreMutations: readonly Mutation[] = [
  {
    name: "spans guided by the dropped weights",
    file: "nn/layers/attention.ts",
    find: "const plain = logits === undefined && dropping === undefined\n",
    replace: "const plain = dropping === undefined\n",
    why: "spans go by attention as it is without DropKey",
    tests: ["tests/nn/layers/attention_starts_test.ts"],
  },
  {
    name: "spans guided without the probe or mask",
    file: "nn/layers/attention.ts",
    find: "context.spanStarts![place.layer] = spanStarts(plain, active);",
    replace: "context.spanStarts![0] = spanStarts(plain, active);",
    why: "each layer has starts of its own",
    tests: ["tests/nn/layers/attention_starts_test.ts"],
  },
  {
    name: "grouped heads interleaved",
    file: "nn/layers/attention.ts",
    find: "earlier === undefined ? reshape(query, parts)",
    replace:
      "earlier === undefined ? permute(reshape(query, [batch, group, keyValueHeads, tokens, size]), [0, 2, 1, 3, 4])",
    why: "neighbouring query heads share a key head",
    tests: ["tests/nn/layers/attention_starts_test.ts"],
  },
  {
    name: "scale given ignored",
    file: "nn/layers/attention.ts",
    find: "settings.scale ?? 1 / Math.sqrt(size)",
    replace: "1 / Math.sqrt(size)",
    why: "GPT-2 may divide scores by another number",
    tests: ["tests/nn/models/config_keys_test.ts"],
  },
  {
    name: "scaled weights renormalised",
    file: "nn/layers/attention_weights.ts",
    find: "maskedSoftmaxOf(scores, keep).softmax.mul(factor)",
    replace: "maskedSoftmaxOf(scores, and(keep, drop.not())).softmax.mul(factor)",
    why: "DropAttention that rescales does not renormalise",
    tests: ["tests/nn/layers/attention_rescale_test.ts"],
  },
  {
    name: "unscaled weights mask uses logits coordinates",
    file: "nn/layers/attention_weights.ts",
    find: "index(2 + 2 * site, 3)",
    replace: "index(2, 3)",
    why: "DropAttention has coordinates of its own",
    tests: ["tests/nn/layers/attention_oracle_test.ts"],
  },
  {
    name: "nograd on by false",
    file: "nn/layers/attention_weights.ts",
    find: "weights?.site.nograd ?? true",
    replace: "true",
    why: "a site may let the denominator have its gradient",
    tests: ["tests/nn/layers/attention_oracle_test.ts"],
  },
  {
    name: "span of heads shared",
    file: "nn/layers/attention_weights.ts",
    find: "strides: [...head(1), 0, 0]",
    replace: "strides: [0, 0, 0, 0, 0]",
    why: "heads draw spans of their own",
    tests: ["tests/nn/layers/attention_oracle_test.ts"],
  },
  {
    name: "pass counters collide with the next example",
    file: "nn/layers/batch.ts",
    find: `perExample(numbers.map((n) => 2 * n)),
        perExample(numbers.map((n) => 2 * n + 1)),`,
    replace: `perExample(numbers),
        perExample(numbers.map((n) => n + 1)),`,
    why: "counters are twice the number, plus the pass",
    tests: ["tests/nn/layers/batch_test.ts"],
  },
  {
    name: "activated with lora not activated twice",
    file: "nn/layers/feed_forward.ts",
    find: "return alone(layer.forward(x, context));",
    replace: "return alone(alone(layer.forward(x, context)));",
    why: "an adapted layer is activated once",
    tests: ["tests/nn/layers/feed_forward_test.ts"],
  },
];
