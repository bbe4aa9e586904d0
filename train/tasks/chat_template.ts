/**
 * Conversations as a model's own chat template writes them, and which parts of them the assistant says.
 *
 * @module
 */

import { Template } from "@huggingface/jinja";
import { OptionError } from "../../core/errors.ts";
import { excerpt } from "../../core/excerpt.ts";
import type { Tokenizer } from "../../nn/tokenizer/tokenizer.ts";
import type { Message } from "../data/own_texts.ts";

/** A conversation as one text. */
export interface Conversation {
  /** The text, with the special tokens that the template writes. */
  readonly text: string;
  /** Where the assistant speaks, first character and behind the last, in their order. */
  readonly turns: readonly (readonly [start: number, end: number])[];
}

/** Around what a template marks as the assistant's: no text has these. */
const [opening, closing] = ["\uFDD0", "\uFDD1"];

/** The chat template of a model. */
export class ChatTemplate {
  readonly #template: Template;
  /** Writes marks around what the assistant says; undefined where the template does not say what that is. */
  readonly #marked: Template | undefined;
  readonly #tokens: Readonly<Record<string, string>>;
  /** Whether what it writes may depend on the day. */
  readonly isDated: boolean;

  /**
   * Reads the template of a tokenizer.
   *
   * @param model Name of the model, for messages
   * @throws {OptionError} If it has none, or one that is not understood
   */
  constructor({ chatTemplate, roleTokens }: Tokenizer, model: string) {
    if (chatTemplate === undefined) {
      throw new OptionError(
        `Cannot use --task chat as a chat template is required, in chat_template.jinja or as ` +
          `chat_template of tokenizer_config.json: found none in ${model}`,
      );
    }
    try {
      this.#template = new Template(chatTemplate);
      const marked = markGenerations(chatTemplate);
      this.#marked = marked === chatTemplate ? undefined : new Template(marked);
    } catch (error) {
      throw new OptionError(
        `Cannot read the chat template of ${model} as a Jinja template is required: found ` +
          reasonOf(error),
      );
    }
    this.#tokens = roleTokens;
    this.isDated = chatTemplate.includes("strftime_now");
  }

  /**
   * Writes a conversation.
   *
   * @throws {OptionError} If the template refuses it, or does not tell where the assistant speaks
   */
  conversation(messages: readonly Message[]): Conversation {
    const text = this.#render(this.#template, messages, false);
    if (this.#marked !== undefined) {
      return markedTurns(this.#render(this.#marked, messages, false), text);
    }
    const turns = [...messages.keys()].filter((i) => messages[i]!.role === "assistant").map((i) => {
      const before = this.prompt(messages.slice(0, i));
      const after = this.#render(this.#template, messages.slice(0, i + 1), false);
      if (text.startsWith(after) && after.startsWith(before)) {
        return [before.length, after.length] as const;
      }
      throw new OptionError(
        `Cannot tell where the assistant speaks in message ${i} as the chat template requires ` +
          "{% generation %}, or to write earlier messages as the beginning of all: found " +
          (text.startsWith(after) ? `another beginning of message ${i}` : "another beginning"),
      );
    });
    return { text, turns };
  }

  /**
   * Writes the beginning of a conversation, up to where the assistant is to speak.
   *
   * @throws {OptionError} If the template refuses it
   */
  prompt(messages: readonly Message[]): string {
    return this.#render(this.#template, messages, true);
  }

  /** What the template writes behind the assistant's words; undefined where that cannot be told. */
  get turnEnd(): string | undefined {
    const user = { role: "user", content: "question" } as const;
    const assistant = { role: "assistant", content: "answer" } as const;
    try {
      const text = this.#render(this.#template, [user, assistant], false);
      const at = text.lastIndexOf(assistant.content);
      return at < 0 ? undefined : text.slice(at + assistant.content.length);
    } catch (error) {
      if (error instanceof OptionError) return undefined;
      throw error;
    }
  }

  #render(template: Template, messages: readonly Message[], generation: boolean): string {
    try {
      return template.render({
        ...this.#tokens,
        messages,
        add_generation_prompt: generation,
      });
    } catch (error) {
      throw new OptionError(
        `Cannot write messages as the model's chat template refuses them: found ${reasonOf(error)}`,
      );
    }
  }
}

/** Writes marks where a template has `{% generation %}` and its end, whatever spaces the tags strip. */
function markGenerations(template: string): string {
  const tag = /\{%(-?)\s*(end)?generation\s*(-?)%\}/g;
  return template.replace(tag, (_, before: string, isEnd: string | undefined, behind: string) => {
    const mark = isEnd === undefined ? opening : closing;
    return `{%${before} if true %}{% endif %}{{ "${mark}" }}{% if true %}{% endif ${behind}%}`;
  });
}

/** The turns of a text with marks. */
function markedTurns(marked: string, text: string): Conversation {
  const turns: (readonly [number, number])[] = [];
  let length = 0;
  let start: number | undefined;
  for (const part of marked.split(/([\uFDD0\uFDD1])/)) {
    if (part === opening) start = length;
    else if (part === closing && start !== undefined) {
      turns.push([start, length]);
      start = undefined;
    } else length += part.length;
  }
  const plain = marked.replaceAll(/[\uFDD0\uFDD1]/g, "");
  if (plain === text && start === undefined) return { text, turns };
  throw new OptionError(
    "Cannot tell where the assistant speaks as the chat template requires {% generation %} around " +
      "what it says: found other text with it",
  );
}

function reasonOf(error: unknown): string {
  return excerpt(error instanceof Error ? error.message : error);
}
