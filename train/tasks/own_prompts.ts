/**
 * The user's own texts as tokens, and the beginnings that a model continues.
 *
 * @module
 */

import { FileError, OptionError } from "../../core/errors.ts";
import type { TokenSpan } from "../../nn/layers/target_spans.ts";
import type { ModelConfig } from "../../nn/models/model.ts";
import type { Tokenizer } from "../../nn/tokenizer/tokenizer.ts";
import type { Message, OwnExample, OwnText } from "../data/own_texts.ts";
import { cellError } from "../data/rows.ts";
import { ChatTemplate } from "./chat_template.ts";

/** A text as tokens. */
export interface OwnTokens {
  /** Numbers of its tokens, special ones included. */
  readonly ids: readonly number[];
  /** The tokens that are learned. */
  readonly spans: readonly TokenSpan[];
  /** Whether a token reaches over the end of the prompt; it is learned. */
  readonly isMerged: boolean;
}

/** What a model continues. */
export interface OwnPrompt {
  /** Its tokens. */
  readonly ids: readonly number[];
  /** The same as text. */
  readonly text: string;
  /** What the data have behind it; undefined where they have nothing. */
  readonly reference: string | undefined;
}

/** Turns the user's own texts into tokens, for one model. */
export class OwnTokenizer {
  /** Token that ends a text, and what is written. */
  readonly eosId: number;
  /** Token that fills sequences up; attention never sees it. */
  readonly padId: number;
  /** Template of conversations; undefined for other texts. */
  readonly chat: ChatTemplate | undefined;
  readonly #tokenizer: Tokenizer;
  readonly #appendsEnd: boolean;

  /**
   * Reads what a model has.
   *
   * @param model Its name, for messages
   * @throws {OptionError} If neither tokenizer nor configuration has an end token, or conversations are
   * asked for and it has no chat template
   */
  constructor(tokenizer: Tokenizer, config: ModelConfig, isChat: boolean, model: string) {
    const eosId = tokenizer.eosId ?? config.eosIds[0];
    if (eosId === undefined) {
      throw new OptionError("Cannot end texts as an eos token is required: found none");
    }
    this.eosId = eosId;
    this.padId = config.padId ?? tokenizer.padId ?? eosId;
    this.chat = isChat ? new ChatTemplate(tokenizer, model) : undefined;
    this.#tokenizer = tokenizer;
    this.#appendsEnd = tokenizer.encode("a").ids.at(-1) !== this.#plain("a").at(-1);
  }

  /** Tokens that end what is written: that of texts and, of conversations, that of a turn. */
  get endIds(): number[] {
    const [turnEnd] = this.#plain(this.chat?.turnEnd ?? "");
    const isSpecial = turnEnd !== undefined &&
      this.#tokenizer.decode([turnEnd], { skipSpecial: true }) === "";
    return isSpecial ? [this.eosId, turnEnd] : [this.eosId];
  }

  /**
   * Tokens of a text, with those that are learned: a completion and its end, the assistant's turns, or
   * all.
   *
   * @throws {FileError | OptionError} If the chat template refuses it, or it lacks what is learned
   */
  encode(example: OwnExample): OwnTokens {
    const { text } = example;
    if ("messages" in text) return located(example, () => this.#conversation(text.messages));
    if ("text" in text) {
      const ids = this.#ended(text.text);
      return { ids, spans: [[1, Math.max(1, ids.length)]], isMerged: false };
    }
    if (text.completion === undefined) throw new OptionError("Cannot learn without a completion");
    const prompt = this.#begun(text.prompt);
    const ids = this.#ended(text.prompt + text.completion);
    const start = sharedLength(prompt, ids);
    return { ids, spans: [[Math.max(1, start), ids.length]], isMerged: start < prompt.length };
  }

  /**
   * What a model continues: a prompt, a text as a whole, or a conversation without an assistant's turn
   * at its end.
   *
   * @throws {FileError | OptionError} If the chat template refuses it
   */
  prompt(example: OwnExample): OwnPrompt {
    return located(example, () => this.#prompt(example.text));
  }

  /**
   * The same, which a model can continue.
   *
   * @throws {FileError | OptionError} If the chat template refuses it, or it has no token
   */
  continued(example: OwnExample): OwnPrompt {
    const prompt = this.prompt(example);
    if (prompt.ids.length > 0) return prompt;
    const column = "text" in example.text ? "text" : "prompt";
    if (example.row !== undefined) throw cellError(example.row, column, "at least 1 token", "");
    throw new OptionError("Cannot continue a text as at least 1 token is required: found none");
  }

  #prompt(text: OwnText): OwnPrompt {
    if ("messages" in text) {
      const { before, reference } = lastTurn(text.messages);
      const begun = this.chat!.prompt(before);
      return { ids: this.#plain(begun), text: begun, reference };
    }
    const begun = "text" in text ? text.text : text.prompt;
    const reference = "text" in text ? undefined : text.completion;
    return { ids: this.#begun(begun), text: begun, reference };
  }

  #conversation(messages: readonly Message[]): OwnTokens {
    const { text, turns } = this.chat!.conversation(messages);
    const ids = this.#plain(text);
    // A token that reaches over the border of a turn is learned with it.
    const spans = turns.map(([start, end]): TokenSpan => {
      const behind = this.#plain(text.slice(0, end));
      const shared = sharedLength(behind, ids);
      const first = sharedLength(this.#plain(text.slice(0, start)), ids);
      return [Math.max(1, first), shared + (shared < behind.length ? 1 : 0)];
    });
    return { ids, spans: joined(spans), isMerged: false };
  }

  /** Tokens of a text to which more is added. */
  #begun(text: string): number[] {
    const { ids } = this.#tokenizer.encode(text);
    return this.#appendsEnd ? ids.slice(0, -1) : ids;
  }

  /** Tokens of a text with its end, once. */
  #ended(text: string): number[] {
    const { ids } = this.#tokenizer.encode(text);
    return ids.at(-1) === this.eosId ? ids : [...ids, this.eosId];
  }

  #plain(text: string): number[] {
    return this.#tokenizer.encode(text, undefined, { special: false }).ids;
  }
}

/** Spans without empty ones and without what an earlier one has. */
function joined(spans: readonly TokenSpan[]): TokenSpan[] {
  const kept: TokenSpan[] = [];
  for (const [start, end] of spans) {
    const from = Math.max(start, kept.at(-1)?.[1] ?? 1);
    if (end > from) kept.push([from, end]);
  }
  return kept;
}

/** A conversation up to the assistant's turn that ends it, and what is said in that. */
function lastTurn(messages: readonly Message[]) {
  const last = messages.at(-1);
  return last?.role === "assistant"
    ? { before: messages.slice(0, -1), reference: last.content }
    : { before: messages, reference: undefined };
}

/** Number of tokens with which both lists begin. */
function sharedLength(a: readonly number[], b: readonly number[]): number {
  const different = a.findIndex((id, i) => id !== b[i]);
  return different < 0 ? a.length : different;
}

/** What is made of an example, whose row is named where that is refused. */
function located<T>({ row }: OwnExample, make: () => T): T {
  try {
    return make();
  } catch (error) {
    if (!(error instanceof OptionError) || row === undefined) throw error;
    const where = row.line === undefined ? ` (row ${row.row})` : "";
    throw new FileError(`${error.message}${where}`, row.path, row.line);
  }
}
