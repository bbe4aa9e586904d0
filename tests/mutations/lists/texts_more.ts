/** More mutations of generation, adapters and tokenizers: what a careless change would get wrong. */

import type { Mutation } from "../mutation.ts";

/** More mutations of generation, adapters and tokenizers. */
export const textsMoreMutations: readonly Mutation[] = [
  {
    name: "hf never with negative penalty",
    file: "nn/generation/beam_search.ts",
    find: 'earlyStopping === "never" && lengthPenalty > 0 ? limit : length',
    replace: 'earlyStopping === "never" ? limit : length',
    why: "a longer text is no better where length costs",
    tests: ["tests/nn/generation/beam_search_test.ts"],
  },
  {
    name: "length penalty default",
    file: "nn/generation/continue_prompts.ts",
    find:
      "positions, beams = 1, lengthPenalty = 1 } = options;\n  const { repetitionPenalty = 1, beamConvention",
    replace:
      "positions, beams = 1, lengthPenalty = 0 } = options;\n  const { repetitionPenalty = 1, beamConvention",
    why: "scores are means where nothing is said",
    tests: ["tests/nn/generation/options_test.ts"],
  },
  {
    name: "hf early stop against best",
    file: "nn/generation/beam_search.ts",
    find: "hope <= this.#pool.at(-1)!.score",
    replace: "hope <= this.#pool[0]!.score",
    why: "a search goes on while it can better its worst hypothesis",
    tests: ["tests/nn/generation/beam_search_test.ts"],
  },
  {
    name: "hf ends behind the beams",
    file: "nn/generation/beam_search.ts",
    find: "found.slice(0, beams).filter(ends)",
    replace: "found.filter(ends)",
    why: "ends behind the first beams are no hypotheses",
    tests: ["tests/nn/generation/beam_search_test.ts"],
  },
  {
    name: "layer of the first number",
    file: "nn/formats/peft_targets.ts",
    find: "(?<=\\\\.)[^.]*",
    replace: "[^.]*",
    why: "PEFT counts layers in a list that something stands before",
    tests: ["tests/nn/formats/peft_targets_test.ts"],
  },
  {
    name: "all-linear takes the head",
    file: "nn/formats/peft_targets.ts",
    find: 'taskType === "SEQ_CLS" ? ["lm_head", ...heads] : ["lm_head"]',
    replace: '["lm_head"]',
    why: "a head of a classifier is not one of all linear layers",
    tests: ["tests/nn/formats/peft_targets_test.ts"],
  },
  {
    name: "last pattern wins",
    file: "nn/formats/peft_targets.ts",
    find: "read.find(({ match })",
    replace: "read.findLast(({ match })",
    why: "the first pattern that fits counts",
    tests: ["tests/nn/formats/peft_targets_test.ts"],
  },
  {
    name: "bpe highest rank first for equal",
    file: "nn/tokenizer/bpe.ts",
    find: "ranks.set(a, row.set(b, made.length));",
    replace: "ranks.set(a, row.set(b, row.get(b) ?? made.length));",
    why: "of merges that come twice the last counts",
    tests: ["tests/nn/tokenizer/bpe_test.ts"],
  },
  {
    name: "fused up columns shared",
    file: "nn/formats/peft_fused_qkv.ts",
    find: "* total + index * rank + r]",
    replace: "* total + r]",
    why: "each third has columns of its own in a fused update",
    tests: ["tests/nn/formats/peft_fused_qkv_test.ts"],
  },
];
