/** Mutations of tokenizers. */

import type { Mutation } from "../mutation.ts";

/** Mutations of tokenizers. */
export const tokenizerMutations: readonly Mutation[] = [
  {
    name: "the longer text is not cut first",
    file: "nn/tokenizer/truncation.ts",
    find: "return first > second ? [limit - kept, kept] : [kept, limit - kept];",
    replace: "return first < second ? [limit - kept, kept] : [kept, limit - kept];",
    why: "the longer text gives way",
    tests: ["tests/nn/tokenizer/tokenizer_parts_test.ts"],
  },
  {
    name: "an odd token goes to the shorter text",
    file: "nn/tokenizer/truncation.ts",
    find: "const half = Math.floor(limit / 2);",
    replace: "const half = Math.ceil(limit / 2);",
    why: "an odd token goes to the longer text",
    tests: ["tests/nn/tokenizer/tokenizer_parts_test.ts"],
  },
  {
    name: "texts are cut on the other side",
    file: "nn/tokenizer/truncation.ts",
    find: 'side === "left" ? ids',
    replace: 'side === "right" ? ids',
    why: "the usual side is the right",
    tests: ["tests/nn/tokenizer/tokenizer_test.ts"],
  },
  {
    name: "RoBERTa pairs have one separator",
    file: "nn/tokenizer/template.ts",
    find: '[...single, sep, { content: "B", typeId: 0 }, sep]',
    replace: '[...single, { content: "B", typeId: 0 }, sep]',
    why: "two separators part a pair",
    tests: ["tests/nn/tokenizer/tokenizer_test.ts"],
  },
  {
    name: "the second text has segment 0",
    file: "nn/tokenizer/template.ts",
    find: '{ content: "B", typeId: 1 };',
    replace: '{ content: "B", typeId: 0 };',
    why: "BERT tells the texts apart",
    tests: ["tests/nn/tokenizer/folder/resolve_test.ts"],
    sample: false,
  },
  {
    name: "the last separator has segment 0",
    file: "nn/tokenizer/template.ts",
    find: "{ ...sep, typeId: 1 }",
    replace: "sep",
    why: "it belongs to the second text",
    tests: ["tests/nn/tokenizer/folder/resolve_test.ts"],
    sample: false,
  },
  {
    name: "unknown characters are cheap",
    file: "nn/tokenizer/unigram.ts",
    find: "least - unknownPenalty",
    replace: "least + unknownPenalty",
    why: "unknown characters are worse than any token",
    tests: ["tests/nn/tokenizer/unigram_test.ts"],
  },
  {
    name: "unigram takes the last of equal ways",
    file: "nn/tokenizer/unigram.ts",
    find: "!(sum > (best[end] ?? 0))",
    replace: "!(sum >= (best[end] ?? 0))",
    why: "the first of equal ways counts",
    tests: ["tests/nn/tokenizer/unigram_test.ts"],
  },
  {
    name: "unknown neighbours are apart",
    file: "nn/tokenizer/unigram.ts",
    find: "if (unknown && fusedTo < 0) fusedTo = end;",
    replace: `if (unknown && fusedTo < 0) fusedTo = end;
      else if (unknown) {
        parts.push(text.slice(end, fusedTo));
        fusedTo = end;
      }`,
    why: "unknown neighbours are one token",
    tests: ["tests/nn/tokenizer/unigram_test.ts"],
  },
  {
    name: "merges go from right to left",
    file: "nn/tokenizer/bpe.ts",
    find: "heap.push(rank * places + left)",
    replace: "heap.push(rank * places + (places - 1 - left))",
    why: "equal ranks merge from left to right",
    tests: ["tests/nn/tokenizer/tokenizer_test.ts"],
  },
  {
    name: "stale merges are done",
    file: "nn/tokenizer/bpe.ts",
    find: "now === undefined || made[now] !== token) continue;",
    replace: "now === undefined) continue;",
    why: "neighbours may have merged since",
    tests: ["tests/nn/tokenizer/bpe_test.ts"],
  },
  {
    name: "accents stay in lower case",
    file: "nn/tokenizer/normalizers.ts",
    find: 'part.flag("strip_accents", lower)',
    replace: 'part.flag("strip_accents", false)',
    why: "lower case strips accents",
    tests: ["tests/nn/tokenizer/tokenizer_test.ts"],
  },
  {
    name: "the shortest added token is found",
    file: "nn/tokenizer/added_tokens.ts",
    find: "lengthsAt(text, at).at(-1)",
    replace: "lengthsAt(text, at).at(0)",
    why: "one that begins another one gives way",
    tests: ["tests/nn/tokenizer/added_tokens_test.ts"],
  },
  {
    name: "decoded text is always cleaned up",
    file: "nn/tokenizer/tokenizer.ts",
    find: '["clean_up_tokenization_spaces"] === true',
    replace: '["clean_up_tokenization_spaces"] !== false',
    why: "without the setting it stays as it is",
    tests: ["tests/nn/tokenizer/added_tokens_test.ts"],
  },
];
