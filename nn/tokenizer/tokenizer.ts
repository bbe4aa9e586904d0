/**
 * Tokenizers of Hugging Face checkpoints, with truncation and pairs as the reference has them.
 *
 * @module
 */

import { OptionError } from "../../core/errors.ts";
import type { JsonObject } from "../formats/json_record.ts";
import { cleanUp } from "./clean_up.ts";
import { TokenizerPipeline } from "./pipeline.ts";
import { countSpecial, readTemplate, type Template } from "./template.ts";
import { configuredToken, defaultTemplate, topLevel } from "./tokenizer_json.ts";
import { truncate, truncatedLengths, type TruncationStrategy } from "./truncation.ts";

/** Options of {@link Tokenizer.encode}. */
export interface EncodeOptions {
  /** Most tokens of the result, special tokens included; no limit by default. */
  readonly maxLength?: number;
  /** Which sequence gives way to the limit; `longest_first` by default. */
  readonly strategy?: TruncationStrategy;
  /** Whether special tokens are added; true by default. */
  readonly special?: boolean;
}

/** Options of {@link Tokenizer.decode}. */
export interface DecodeOptions {
  /** Whether special tokens are left out; false by default. */
  readonly skipSpecial?: boolean;
}

/** Tokens of one input. */
export interface TokenizerOutput {
  /** Token ids, special tokens included. */
  readonly ids: number[];
  /** Token types, as many as ids. */
  readonly typeIds: number[];
}

// Tokens that play a role by convention where tokenizer_config.json is absent or silent.
const conventionalTokens = {
  pad_token: ["<pad>", "[PAD]"],
  bos_token: ["<s>", "<|endoftext|>"],
  eos_token: ["</s>", "<|endoftext|>"],
};

/** Turns text into token ids and back. */
export class Tokenizer {
  /** Id of the padding token; undefined when there is none. */
  readonly padId: number | undefined;
  /** Id of the token that begins a text; undefined when there is none. */
  readonly bosId: number | undefined;
  /** Id of the token that ends a text; undefined when there is none. */
  readonly eosId: number | undefined;
  /** One more than the highest token id, added tokens included. */
  readonly vocabularySize: number;
  /** Jinja template of conversations; undefined where the files have none. */
  readonly chatTemplate: string | undefined;
  /** Texts of the tokens that have a role, by keys such as `bos_token`. */
  readonly roleTokens: Readonly<Record<string, string>>;
  readonly #pipeline: TokenizerPipeline;
  readonly #template: Template;
  readonly #truncationSide: "left" | "right";
  readonly #cleanUp: boolean;

  /**
   * Builds a tokenizer from parsed files, which works in a browser too.
   *
   * @param tokenizerJson Parsed `tokenizer.json`; its truncation and padding are switched off
   * @param tokenizerConfig Tokens with roles (`pad_token`, `bos_token`, `eos_token`),
   * `truncation_side`, `clean_up_tokenization_spaces` and `chat_template`; what else `tokenizer_config.json` says
   * is worked into `tokenizer.json` by `openTokenizer`
   * @param name File name for messages
   * @throws {FileError} If a key is missing or asks for something unsupported
   */
  constructor(tokenizerJson: unknown, tokenizerConfig: JsonObject = {}, name = "tokenizer.json") {
    this.#pipeline = new TokenizerPipeline(tokenizerJson, name);
    this.#template = readTemplate(topLevel(tokenizerJson, name).postProcessor, name);
    const role = (key: keyof typeof conventionalTokens): number | undefined => {
      if (key in tokenizerConfig) {
        const token = configuredToken(tokenizerConfig, key);
        return token === undefined ? undefined : this.tokenId(token);
      }
      const { added } = this.#pipeline;
      const names = conventionalTokens[key];
      return names.flatMap((text) => added.filter((token) => token.content === text))[0]?.id;
    };
    this.#truncationSide = tokenizerConfig["truncation_side"] === "left" ? "left" : "right";
    this.#cleanUp = tokenizerConfig["clean_up_tokenization_spaces"] === true;
    this.padId = role("pad_token");
    this.bosId = role("bos_token");
    this.eosId = role("eos_token");
    this.vocabularySize = this.#pipeline.vocabularySize;
    this.chatTemplate = defaultTemplate(tokenizerConfig["chat_template"]);
    const tokens = Object.keys(tokenizerConfig).filter((key) => key.endsWith("_token"))
      .map((key) => [key, configuredToken(tokenizerConfig, key)] as const);
    this.roleTokens = Object.fromEntries(
      tokens.flatMap(([key, token]) => token === undefined ? [] : [[key, token]]),
    );
  }

  /**
   * Encodes a text or a pair of texts.
   *
   * @param text The first text
   * @param pair The second text; an empty one still makes a pair
   * @param options Limit, strategy and special tokens
   * @returns Ids and token types, not padded
   * @throws {OptionError} If the limit cannot be kept, or text is unknown without a token for it
   */
  encode(text: string, pair?: string, options: EncodeOptions = {}): TokenizerOutput {
    const { maxLength, strategy = "longest_first", special = true } = options;
    let first = this.#pipeline.encode(text);
    let second = pair === undefined ? [] : this.#pipeline.encode(pair);
    const pieces = pair === undefined ? this.#template.single : this.#template.pair;
    if (maxLength !== undefined) {
      const limit = maxLength - (special ? countSpecial(pieces) : 0);
      if (!Number.isInteger(maxLength) || limit < 0) {
        throw new OptionError(
          `Cannot truncate as maxLength requires an integer from ${maxLength - limit}: ` +
            `found ${maxLength}`,
        );
      }
      const secondLength = pair === undefined ? undefined : second.length;
      const [a, b] = truncatedLengths(first.length, secondLength, limit, strategy);
      first = truncate(first, a, this.#truncationSide);
      second = truncate(second, b, this.#truncationSide);
    }
    const ids: number[] = [];
    const typeIds: number[] = [];
    for (const { content, typeId } of pieces) {
      if (typeof content !== "string" && !special) continue;
      for (const id of content === "A" ? first : content === "B" ? second : content) {
        ids.push(id);
        typeIds.push(typeId);
      }
    }
    return { ids, typeIds };
  }

  /**
   * Decodes token ids, with a clean-up of spaces before punctuation only where the files ask for it
   * and the model is not of byte pairs. Ids beyond the vocabulary, which a padded embedding can
   * yield, are left out.
   *
   * @param ids Token ids
   * @param options Whether special tokens are left out
   * @returns The text
   */
  decode(ids: Iterable<number>, options: DecodeOptions = {}): string {
    const text = this.#pipeline.decode(ids, options.skipSpecial ?? false);
    return this.#cleanUp ? cleanUp(text) : text;
  }

  /**
   * Looks up a token.
   *
   * @param token Text of the token as the vocabulary has it
   * @returns Its id; undefined when there is none
   */
  tokenId(token: string): number | undefined {
    return this.#pipeline.idOf(token);
  }
}
