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
  /** Special tokens with which the tokenizer begins a text. */
  readonly #beginning: readonly number[];

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
    const plain = this.#plain("a");
    const { ids } = tokenizer.encode("a");
    this.#beginning = ids.slice(
      0,
      ids.findIndex((_, i) => plain.every((id, j) => id === ids[i + j])),
    );
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
      const ids = this.#ended(this.#begun(text.text));
      return { ids, spans: [[1, Math.max(1, ids.length)]], isMerged: false };
    }
    if (text.completion === undefined) throw new OptionError("Cannot learn without a completion");
    const whole = text.prompt + text.completion;
    const plain = this.#plain(whole);
    const { count, isSplit } = this.#border(plain, whole, text.prompt.length);
    const ids = this.#ended([...this.#beginning, ...plain]);
    const start = Math.max(1, this.#beginning.length + count);
    return { ids, spans: [[start, ids.length]], isMerged: isSplit };
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
      const behind = this.#border(ids, text, end);
      return [this.#border(ids, text, start).count, behind.count + (behind.isSplit ? 1 : 0)];
    });
    return { ids, spans: joined(spans), isMerged: false };
  }

  /** Tokens of a text to which more is added. */
  #begun(text: string): number[] {
    return [...this.#beginning, ...this.#plain(text)];
  }

  /** Tokens of a text with its end, once. */
  #ended(ids: readonly number[]): readonly number[] {
    return ids.at(-1) === this.eosId ? ids : [...ids, this.eosId];
  }

  /** Tokens that end before a place of a text, and whether the next one reaches over it. */
  #border(ids: readonly number[], text: string, place: number): Border {
    const begun = text.slice(0, place);
    const alone = this.#plain(begun);
    const shared = sharedLength(alone, ids);
    if (shared === alone.length) return { count: shared, isSplit: false };
    // What follows may change the tokens before it, even where none reaches over the place.
    const decoded = (count: number) => this.#tokenizer.decode(ids.slice(0, count));
    if (decoded(ids.length) !== text) return { count: shared, isSplit: true };
    let [less, enough] = [0, ids.length];
    while (enough - less > 1) {
      const middle = (less + enough) >> 1;
      if (decoded(middle).startsWith(begun)) enough = middle;
      else less = middle;
    }
    const isSplit = decoded(enough) !== begun;
    return { count: isSplit ? enough - 1 : enough, isSplit };
  }

  #plain(text: string): number[] {
    return this.#tokenizer.encode(text, undefined, { special: false }).ids;
  }
}

/** Where a place of a text is among its tokens. */
interface Border {
  readonly count: number;
  readonly isSplit: boolean;
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
