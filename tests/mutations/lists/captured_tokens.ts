/** Mutations of tokens whose work is queued again, and of places by lifetime. */

import type { Mutation } from "../mutation.ts";

const lifetimes = ["tests/kernels/plan/lifetimes_test.ts"];
const memory = ["tests/kernels/cuda/memory_test.ts"];
const tokens = ["tests/nn/generation/captured_tokens_test.ts"];

/** Mutations of tokens whose work is queued again, and of places by lifetime. */
export const capturedTokenMutations: readonly Mutation[] = [
  {
    name: "lifetimes: memory is placed as it comes",
    file: "kernels/plan/lifetimes.ts",
    find: ".sort((a, b) => lifetimes[b]!.size - lifetimes[a]!.size);",
    replace: ";",
    why: "small memory that stays cuts the room of what is larger",
    tests: lifetimes,
  },
  {
    name: "lifetimes: what lies further on does not count",
    file: "kernels/plan/lifetimes.ts",
    find: "start = Math.max(start, starts[other]! + taken);",
    replace: "start = starts[other]! + taken;",
    why: "a large one may reach over those that begin behind it",
    tests: lifetimes,
  },
  {
    name: "memory: work that comes again has other memory each time",
    file: "kernels/cuda/memory/card_memory.ts",
    find: "if (this.#kept !== undefined && this.#kept.bytes >= bytes) return this.#kept;",
    replace: "",
    why: "nodes of graphs keep their addresses",
    tests: memory,
  },
  {
    name: "memory: nobody has the room of work that comes again",
    file: "kernels/cuda/memory/card_memory.ts",
    find: "      this.#giveKept();\n      return this.#range(size, bytes, shape);",
    replace: "",
    why: "a card holds no more than was in use at once",
    tests: memory,
  },
  {
    name: "tokens: the cache's holes have what was there",
    file: "nn/generation/padded_cache.ts",
    find: "if (count > 0) update(fill, [asStrided(memory, [count], [1], start)], [], [0]);",
    replace: "",
    why: "a weight of 0 times no number is no number",
    tests: tokens,
  },
  {
    name: "tokens: work that comes again takes no slots",
    file: "nn/generation/captured_tokens.ts",
    find: "  if (cache.slots === before) cache.advance(branches);\n",
    replace: "",
    why: "each token has slots of its own",
    tests: tokens,
  },
  {
    name: "tokens: memory with holes is like memory without",
    file: "nn/generation/captured_tokens.ts",
    find: " || !cache.isFilled) return compute();",
    replace: ") return compute();",
    why: "memory is filled once, by a token that is computed",
    tests: tokens,
  },
  {
    name: "tokens: a path's room counts as tokens",
    file: "nn/generation/beam_state.ts",
    find: "prompt.length + longest - 1;",
    replace: "prompt.length + steps - 1;",
    why: "positions do not depend on how sizes are rounded",
    tests: tokens,
  },
  {
    name: "tokens are not captured where a card is opened",
    file: "mod.ts",
    find: "  forCards.captureGeneration();\n",
    replace: "",
    why: "a token costs the host little",
    tests: ["tests/kernels/cuda/opened_test.ts"],
  },
];
