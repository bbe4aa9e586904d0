/**
 * Which class of tokenizer a model's folder asks for.
 *
 * A class either takes `tokenizer.json` as it is, or takes the vocabulary from it and everything
 * else from `tokenizer_config.json`.
 *
 * @module
 */

import { FileError } from "../../../core/errors.ts";
import { excerpt } from "../../../core/excerpt.ts";
import type { JsonObject } from "../../formats/json_record.ts";

/** Classes that build their parts themselves; `whole` is the one that takes `tokenizer.json`. */
export type TokenizerClass =
  | "BertTokenizer"
  | "MPNetTokenizer"
  | "RobertaTokenizer"
  | "GPT2Tokenizer"
  | "LlamaTokenizer"
  | "GemmaTokenizer"
  | "Qwen2Tokenizer"
  | "XLMRobertaTokenizer"
  | "DebertaV2Tokenizer"
  | "whole";

/** Class of each family of models; `whole` where it has none of its own. */
const classOfFamily: Readonly<Record<string, TokenizerClass>> = {
  bert: "BertTokenizer",
  mpnet: "MPNetTokenizer",
  "deberta-v2": "DebertaV2Tokenizer",
  roberta: "RobertaTokenizer",
  gpt2: "GPT2Tokenizer",
  gemma: "GemmaTokenizer",
  gemma2: "GemmaTokenizer",
  gemma3_text: "GemmaTokenizer",
  llama: "whole",
  mistral: "whole",
  modernbert: "whole",
  phi: "GPT2Tokenizer",
  phi3: "whole",
  qwen2: "Qwen2Tokenizer",
  qwen3: "Qwen2Tokenizer",
  smollm3: "whole",
};

/** Families whose class counts whatever a folder names, as folders are known to name wrong ones. */
const decided: ReadonlySet<unknown> = new Set(["mistral", "modernbert", "phi3", "qwen2"]);

/** Classes that are built here, by name without `Tokenizer`. */
const built: Readonly<Record<string, TokenizerClass>> = {
  Bert: "BertTokenizer",
  DistilBert: "BertTokenizer",
  Electra: "BertTokenizer",
  Lxmert: "BertTokenizer",
  MobileBert: "BertTokenizer",
  SqueezeBert: "BertTokenizer",
  MPNet: "MPNetTokenizer",
  Roberta: "RobertaTokenizer",
  Bart: "RobertaTokenizer",
  LED: "RobertaTokenizer",
  Longformer: "RobertaTokenizer",
  Mvp: "RobertaTokenizer",
  GPT2: "GPT2Tokenizer",
  CodeGen: "GPT2Tokenizer",
  Llama: "LlamaTokenizer",
  Gemma: "GemmaTokenizer",
  Qwen2: "Qwen2Tokenizer",
  XLMRoberta: "XLMRobertaTokenizer",
  DebertaV2: "DebertaV2Tokenizer",
};

/** Classes with parts of their own that are not built here, by name without `Tokenizer`. */
const foreign: ReadonlySet<string> = new Set(
  ("Albert Barthez Bartpho BertGeneration BertJapanese Bertweet BigBird BioGpt Blenderbot " +
    "BlenderbotSmall ByT5 CLIP CTRL Camembert Canine Character Clvp CodeLlama Cohere Cpm " +
    "CpmAnt DPRContextEncoder DPRQuestionEncoder DPRReader Deberta Dia Esm Esmc FSMT " +
    "FastSpeech2Conformer Flaubert Funnel GPTNeoX GPTNeoXJapanese GPTSw3 Herbert Lasr " +
    "LayoutLMv2 LayoutLMv3 LayoutXLM Luke M2M100 MBart MBart50 MLuke Marian MarkupLM Mecab " +
    "Mgpstr MyT5 Nllb Nougat OpenAIGPT PLBart Pegasus Perceiver Phobert Pop2Piano ProphetNet " +
    "Qwen3_5 Rag Reformer RemBert RoCBert RoFormer SeamlessM4T Siglip Siglip2 " +
    "Speech2Text SpeechT5 Splinter T5 Tapas Tipsv2 Udop VideoPrism Vits Wav2Vec2CTC " +
    "Wav2Vec2PhonemeCTC Whisper XGLM XLM XLNet").split(" "),
);

/** What a folder says of its class. */
export interface ClassSources {
  /** Parsed `tokenizer_config.json`. */
  readonly tokenizer: JsonObject;
  /** Its path, for messages. */
  readonly tokenizerPath: string;
  /** Parsed `config.json` of the model. */
  readonly model: JsonObject;
  /** Its path, for messages. */
  readonly modelPath: string;
}

/**
 * The class of a folder's tokenizer: by `tokenizer_class`, else by the family of the model. Some
 * families decide alone.
 *
 * @returns The class; undefined where the folder names neither class nor family
 * @throws {FileError} If the class or the family is one whose tokenizer is not built here
 */
export function classOf(sources: ClassSources): TokenizerClass | undefined {
  const { tokenizer, tokenizerPath, model, modelPath } = sources;
  const family = model["model_type"];
  const classBy = (name: string, path: string) =>
    decided.has(family) ? classOfFamily[String(family)] : classNamed(name, path);
  const named = nameIn(tokenizer, tokenizerPath);
  if (named !== undefined) return classBy(named, tokenizerPath);
  const alternative = nameIn(model, modelPath);
  if (alternative !== undefined) return classBy(alternative, modelPath);
  if (family === undefined || family === null) return undefined;
  if (typeof family === "string" && Object.hasOwn(classOfFamily, family)) {
    return classOfFamily[family];
  }
  throw new FileError(
    `Cannot load tokenizer as model_type requires ${
      Object.keys(classOfFamily).join(", ")
    }, or a tokenizer_class beside it: found ${excerpt(family)}`,
    modelPath,
  );
}

function nameIn(config: JsonObject, path: string): string | undefined {
  const name = config["tokenizer_class"];
  if (name === undefined || name === null) return undefined;
  if (typeof name === "string" && name !== "") return name;
  throw new FileError(
    `Cannot load tokenizer as tokenizer_class requires a name: found ${excerpt(name)}`,
    path,
  );
}

function classNamed(name: string, path: string): TokenizerClass {
  const key = name.replace(/Fast$/, "").replace(/Tokenizer$/, "");
  if (Object.hasOwn(built, key)) return built[key] ?? "whole";
  if (!foreign.has(key)) return "whole";
  throw new FileError(
    `Cannot load tokenizer as tokenizer_class requires a class that is built here, such as ` +
      `BertTokenizer or PreTrainedTokenizerFast: found ${excerpt(name)}`,
    path,
  );
}
