/** Mutations of drawing tokens: which are kept, and by which noise one wins. */

import type { Mutation } from "../mutation.ts";

const tests = ["tests/nn/generation/sample_test.ts"];
const file = "nn/generation/sample.ts";

/** Mutations of drawing tokens: which are kept, and by which noise one wins. */
export const drawsMutations: readonly Mutation[] = [
  {
    name: "top-p keeps one token too many",
    file,
    find: "before >= topP * total",
    replace: "before - powers[id]! >= topP * total",
    why: "the fewest tokens that reach the sum are kept",
    tests,
  },
  {
    name: "top-p leaves rare tokens out that it needs",
    file,
    find: "(1 - topP) / ids.length / 2",
    replace: "(1 - topP)",
    why: "many rare tokens together are likely",
    tests,
  },
  {
    name: "top-p comes before top-k",
    file,
    find: "likeliest(ids, weights, powers, topP)",
    replace: "likeliest(likeliest(all, weights, powers, topP), weights, powers, 1)",
    why: "top-k comes before top-p",
    tests,
  },
  {
    name: "equal tokens are all kept",
    file,
    find: ".subarray(0, topK)",
    replace: "",
    why: "top-k keeps so many",
    tests,
  },
  {
    name: "tokens that can win are passed over",
    file,
    find: "const mostNoise = 23;",
    replace: "const mostNoise = 3;",
    why: "noise may be larger",
    tests,
  },
  {
    name: "the temperature multiplies",
    file,
    find: "(logProbabilities[id]! - most) / temperature",
    replace: "(logProbabilities[id]! - most) * temperature",
    why: "a low temperature is near greedy search",
    tests,
  },
  {
    name: "one noise for all positions",
    file,
    find: "foldKey(foldKey(sampling.key, prompt), position)",
    replace: "foldKey(sampling.key, prompt)",
    why: "each token of a text is drawn anew",
    tests,
  },
  {
    name: "one noise for all prompts",
    file,
    find: "foldKey(foldKey(sampling.key, prompt), position)",
    replace: "foldKey(sampling.key, position)",
    why: "texts are independent of each other",
    tests,
  },
  {
    name: "few tokens share their noise in pairs",
    file,
    find: "[id & 1]!",
    replace: "[0]!",
    why: "the noise is the token's own, however many are asked for",
    tests,
  },
  {
    name: "noise without its second logarithm",
    file,
    find: "return -Math.log(-Math.log(drawn + 2 ** -33));",
    replace: "return Math.log(drawn + 2 ** -33);",
    why: "only Gumbel noise draws each token by its probability",
    tests,
  },
  {
    name: "banned tokens are drawn",
    file,
    find: "logProbabilities[id]! > banned && ",
    replace: "",
    why: "a token without probability never wins, however hot it is",
    tests,
  },
  {
    name: "draws follow the place in the batch",
    file: "nn/generation/continue_prompts.ts",
    find: "prompt: numbers?.[number] ?? number,",
    replace: "prompt: number,",
    why: "a text is the same in batches of any size",
    tests,
  },
  {
    name: "draws ignore bans",
    file: "nn/generation/candidates.ts",
    find: "if (scoring.correctFirst) correct(logits, scoring);",
    replace: "",
    why: "n-grams are not repeated in drawn texts either",
    tests,
  },
];
