/**
 * Files that a tokenizer is read from.
 *
 * @module
 */

/** Files that say all where `tokenizer.json` is among them, by their usual names. */
export const describingFiles = [
  "tokenizer.json",
  "tokenizer_config.json",
  "special_tokens_map.json",
  "added_tokens.json",
  "config.json",
  "chat_template.jinja",
] as const;

/** Files that describe a tokenizer, by their usual names. */
export const tokenizerFiles = [
  ...describingFiles,
  "vocab.txt",
  "vocab.json",
  "encoder.json",
  "merges.txt",
  "vocab.bpe",
  "spm.model",
] as const;
/** Name of a file that describes a tokenizer. */
export type TokenizerFile = typeof tokenizerFiles[number];

/** Content of a folder's files: parsed JSON of `.json`, bytes of `.model`, the text of the others. */
export type TokenizerFiles = Readonly<Partial<Record<TokenizerFile, unknown>>>;
