/** Byte-level tokenizers of a workspace: every byte, and one token for each word of the E2E files. */

import { e2eWords } from "./workspace_data.ts";

/** The printable stand-in of each byte: itself where it is visible, else the next free one. */
function byteSymbols(): string[] {
  let next = 256;
  return Array.from({ length: 256 }, (_, byte) => {
    const visible = byte > 32 && byte < 127 || byte > 160 && byte !== 173;
    return String.fromCodePoint(visible ? byte : next++);
  });
}

/** A vocabulary and the merges file that builds each word behind a space, letter by letter. */
export function byteLevelFiles(
  special: readonly string[],
): { vocabulary: Record<string, number>; merges: string } {
  const symbols = byteSymbols();
  const tokens = new Set([...special, ...symbols]);
  const merges = new Set<string>();
  for (const word of e2eWords) {
    let left = symbols[32] ?? "";
    for (const letter of word) {
      merges.add(`${left} ${letter}`);
      tokens.add(left += letter);
    }
  }
  return {
    vocabulary: Object.fromEntries([...tokens].map((token, id) => [token, id])),
    merges: ["#version: 0.2", ...merges, ""].join("\n"),
  };
}

/** A tokenizer.json with tokens for beginning and end. */
export function llamaTokenizer(): { json: unknown; size: number; bos: number; eos: number } {
  const special = ["<s>", "</s>"];
  const { vocabulary, merges } = byteLevelFiles(special);
  const byteLevel = {
    type: "ByteLevel",
    add_prefix_space: false,
    trim_offsets: true,
    use_regex: true,
  };
  const json = {
    version: "1.0",
    truncation: null,
    padding: null,
    added_tokens: special.map((content, id) => ({
      id,
      content,
      single_word: false,
      lstrip: false,
      rstrip: false,
      normalized: false,
      special: true,
    })),
    normalizer: null,
    pre_tokenizer: byteLevel,
    post_processor: null,
    decoder: byteLevel,
    model: {
      type: "BPE",
      unk_token: null,
      fuse_unk: false,
      vocab: vocabulary,
      merges: merges.trimEnd().split("\n").slice(1),
    },
  };
  return { json, size: Object.keys(vocabulary).length, bos: 0, eos: 1 };
}
