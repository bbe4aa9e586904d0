/**
 * A tokenizer from the files of a model's folder. The tokenizers are loaded when the first one is
 * opened, so that a page that has token numbers already stays small.
 *
 * @module
 */

import type { TokenizerFiles } from "./file_names.ts";
import type { Tokenizer } from "./tokenizer.ts";

/**
 * Opens the tokenizer of a model as `AutoTokenizer` of Hugging Face transformers 5 does.
 *
 * The vocabulary is that of `tokenizer.json`, else of `vocab.txt` (BERT), else of `vocab.json` or
 * `encoder.json` with `merges.txt` or `vocab.bpe` (GPT-2, Qwen, RoBERTa), else of `spm.model` (DeBERTa). The class is the
 * `tokenizer_class` of `tokenizer_config.json`, else of `config.json`, else that of the `model_type`
 * there, which for `mistral`, `modernbert`, `phi3` and `qwen2` counts alone. `PreTrainedTokenizerFast` and
 * unknown classes take `tokenizer.json` as it is; the classes of BERT, DeBERTa, MPNet, RoBERTa, GPT-2,
 * LLaMA, Gemma, Qwen and XLM-RoBERTa take its vocabulary, and `tokenizer_config.json` for the rest. Added and special
 * tokens come from all of these files.
 *
 * @param folder Where the files come from, for messages
 * @throws {FileError} If files are missing, malformed, contradict each other or ask for something
 * unsupported
 */
export async function openTokenizer(files: TokenizerFiles, folder = ""): Promise<Tokenizer> {
  const { openFiles } = await import("./open_files.ts");
  return await openFiles(files, folder);
}
