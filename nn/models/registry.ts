/**
 * The architectures there are. One more is a file and a line here.
 *
 * @module
 */

import { OptionError } from "../../core/errors.ts";
import type { Architecture } from "./architecture.ts";
import { bert } from "./bert.ts";
import { deberta } from "./deberta.ts";
import type { LanguageModel } from "./decoder.ts";
import { gemma3 } from "./gemma3.ts";
import { gpt2 } from "./gpt2.ts";
import { llama } from "./llama.ts";
import { mistral } from "./mistral.ts";
import type { Model, ModelConfig } from "./model.ts";
import { modernbert } from "./modernbert.ts";
import { mpnet } from "./mpnet.ts";
import { phi } from "./phi.ts";
import { phi3 } from "./phi3.ts";
import { qwen2 } from "./qwen2.ts";
import { qwen3 } from "./qwen3.ts";
import { roberta } from "./roberta.ts";
import { smollm3 } from "./smollm3.ts";

/** Architectures that are implemented. */
export const architectures: readonly Architecture[] = [
  bert,
  roberta,
  mpnet,
  deberta,
  modernbert,
  gpt2,
  llama,
  qwen2,
  qwen3,
  smollm3,
  mistral,
  gemma3,
  phi,
  phi3,
];

/**
 * The architecture of a configuration.
 *
 * @throws {OptionError} If it is not implemented
 */
export function architectureOf({ architecture: name }: ModelConfig): Architecture {
  const found = architectures.find((one) => one.name === name);
  if (found !== undefined) return found;
  const names = architectures.map(({ name }) => name).join(", ");
  throw new OptionError(`Cannot use architecture ${name}: one of ${names} is required`);
}

/** Makes a sequence classifier (or regressor) without numbers. */
export function classifier(config: ModelConfig): Model {
  return architectureOf(config).classifier(config);
}

/**
 * Makes a language model without numbers.
 *
 * @throws {OptionError} If the architecture is an encoder
 */
export function languageModel(config: ModelConfig): LanguageModel {
  const made = architectureOf(config).languageModel?.(config);
  if (made !== undefined) return made;
  const names = architectures.filter(({ languageModel }) => languageModel !== undefined)
    .map(({ name }) => name);
  const list = `${names.slice(0, -1).join(", ")} or ${names.at(-1)}`;
  throw new OptionError(
    `Cannot use ${config.architecture} as a language model: ${list} is required`,
  );
}
