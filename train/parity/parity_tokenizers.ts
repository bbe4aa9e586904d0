/**
 * Comparison of the tokenizers with recorded encodings of the Hugging Face library.
 *
 * @module
 */

import { FileError } from "../../core/errors.ts";
import { readJson } from "../files/files.ts";
import { loadTokenizer } from "../run/load_tokenizer.ts";
import type { EncodeOptions, Tokenizer } from "../../nn/tokenizer/tokenizer.ts";
import { isRecord, type JsonObject } from "../../nn/formats/json_record.ts";

/** One way in which one case differs. */
export interface TokenizerDifference {
  /** Index of the case in the file. */
  readonly index: number;
  /** Name of the tokenizer. */
  readonly tokenizer: string;
  /** First text. */
  readonly text: string;
  /** Second text, where there is one. */
  readonly pair?: string;
  /** Which part of the encoding differs. */
  readonly what: "ids" | "type_ids" | "decoded";
  /** Value that the reference recorded. */
  readonly expected: unknown;
  /** The value found now. */
  readonly actual: unknown;
}

/** Result of {@link compareTokenizers}. */
export interface TokenizerComparison {
  /** Number of cases. */
  readonly total: number;
  /** All differences; one case can have up to three. */
  readonly differing: TokenizerDifference[];
}

const directories: Readonly<Record<string, string>> = {
  gpt2: "gpt2_tokenizer",
  roberta: "roberta_tokenizer",
  bert: "minilm",
  llama: "llama_tokenizer",
  smollm2: "smollm2",
};

function optionsOf(record: JsonObject): EncodeOptions {
  const { max_length: maxLength, strategy, special } = record;
  const known = strategy === "only_first" || strategy === "only_second" ? strategy : undefined;
  return {
    ...(typeof maxLength === "number" ? { maxLength } : {}),
    ...(known === undefined ? {} : { strategy: known }),
    special: special !== false,
  };
}

/**
 * Encodes and decodes every recorded case anew.
 *
 * @param casesPath Path of the recorded cases
 * @param modelsRoot Directory with the tokenizers' directories
 * @returns Number of cases and all differences
 * @throws {FileError} If the cases or a tokenizer cannot be read
 */
export async function compareTokenizers(
  casesPath: string,
  modelsRoot: string,
): Promise<TokenizerComparison> {
  const cases = await readJson(casesPath);
  if (!Array.isArray(cases)) {
    throw new FileError("Cannot compare tokenizers as it requires a list of cases", casesPath);
  }
  const tokenizers = new Map<string, Tokenizer>();
  const differing: TokenizerDifference[] = [];
  for (const [index, record] of cases.entries()) {
    const { tokenizer: name, text, pair, ids } = isRecord(record) ? record : {};
    const directory = typeof name === "string" ? directories[name] : undefined;
    if (typeof name !== "string" || directory === undefined || typeof text !== "string") {
      throw new FileError(`Cannot read case ${index} as it requires tokenizer and text`, casesPath);
    }
    const tokenizer = tokenizers.get(name) ?? await loadTokenizer(`${modelsRoot}/${directory}`);
    tokenizers.set(name, tokenizer);
    const second = typeof pair === "string" ? { pair } : {};
    const encoded = tokenizer.encode(text, second.pair, optionsOf(record));
    const recorded = Array.isArray(ids) ? ids.map(Number) : [];
    const compare = (what: TokenizerDifference["what"], actual: unknown) => {
      const expected = record[what];
      if (JSON.stringify(expected) === JSON.stringify(actual)) return;
      differing.push({ index, tokenizer: name, text, ...second, what, expected, actual });
    };
    compare("ids", encoded.ids);
    compare("type_ids", encoded.typeIds);
    compare("decoded", tokenizer.decode(recorded, { skipSpecial: true }));
  }
  return { total: cases.length, differing };
}
