/**
 * Reader of the user's own texts for language models: tables with the columns `prompt` and
 * `completion`, `text`, or `messages`.
 *
 * @module
 */

import { FileError } from "../../core/errors.ts";
import { isRecord, type JsonObject } from "../../nn/formats/json_record.ts";
import { cellError, type TableRow } from "./rows.ts";
import { readTable } from "./table.ts";
import { quoted } from "./text.ts";
import type { OwnTextName } from "./text_tasks.ts";

/** Who may speak in a conversation. */
export const chatRoles = ["system", "developer", "user", "assistant", "tool"] as const;

/** One turn of a conversation; a chat template may read further keys of it. */
export interface Message extends JsonObject {
  /** Who speaks. */
  readonly role: typeof chatRoles[number];
  /** What is said. */
  readonly content: string;
}

/** What a language model reads, and what it learns to write. */
export type OwnText =
  /** A beginning, and what follows where it is known. */
  | { readonly prompt: string; readonly completion: string | undefined }
  /** A text that is learned as a whole. */
  | { readonly text: string }
  /** A conversation, of which the assistant's turns are learned. */
  | { readonly messages: readonly Message[] };

/** A text with its place. */
export interface OwnExample {
  /** The text. */
  readonly text: OwnText;
  /** Zero-based index among the examples that were read. */
  readonly index: number;
  /** Its row; undefined where it was not read from a file. */
  readonly row?: TableRow;
}

const columns = ["prompt", "completion", "text", "messages"] as const;

/**
 * Reads tables as one list, their indices counted through.
 *
 * @param answered Whether each text must have something to learn: a completion, or an assistant's turn
 * @throws {FileError} If a file is missing or malformed, or a row lacks what the task requires
 */
export async function readOwnTexts(
  task: OwnTextName,
  paths: readonly string[],
  answered: boolean,
): Promise<OwnExample[]> {
  const examples: OwnExample[] = [];
  for (const path of paths) {
    const rows = await readTable(path, { required: [], optional: columns });
    if (rows.length === 0) {
      throw new FileError("Cannot read table as at least 1 row is required: found 0", path);
    }
    for (const row of rows) {
      const text = task === "chat" ? chatOf(row, answered) : completionOf(row, answered);
      examples.push({ text, index: examples.length, row });
    }
  }
  return examples;
}

/** Cells by their columns, without those that are null. */
function cellsOf({ cells }: TableRow): Partial<Record<typeof columns[number], unknown>> {
  const present = columns.map((name, i) => [name, cells[i] ?? undefined] as const);
  return Object.fromEntries(present.filter(([, cell]) => cell !== undefined));
}

function completionOf(row: TableRow, answered: boolean): OwnText {
  const cells = cellsOf(row);
  const names = Object.keys(cells).filter((name) => name !== "messages").join(" ");
  const textOf = (name: typeof columns[number]): string => {
    const cell = cells[name];
    if (typeof cell !== "string") throw cellError(row, name, "a text", cell);
    return cell;
  };
  if (names === "text") return { text: textOf("text") };
  if (names === "prompt completion") {
    return { prompt: textOf("prompt"), completion: textOf("completion") };
  }
  if (names === "prompt" && !answered) return { prompt: textOf("prompt"), completion: undefined };
  throw columnsError(row, 'either "text", or "prompt" and "completion",', Object.keys(cells));
}

function chatOf(row: TableRow, answered: boolean): OwnText {
  const cells = cellsOf(row);
  if (cells.messages === undefined) throw columnsError(row, '"messages"', Object.keys(cells));
  const list = listOf(cells.messages);
  if (!Array.isArray(list) || list.length === 0) {
    throw cellError(row, "messages", "a list of at least 1 message", cells.messages);
  }
  const messages = list.map((value, i) => messageOf(value, `messages[${i}]`, row));
  if (answered && !messages.some(({ role }) => role === "assistant")) {
    const roles = messages.map(({ role }) => role).join(", ");
    throw cellError(row, "messages", "a message of the assistant", `messages of ${roles}`);
  }
  return { messages };
}

/** A list, which tables of text have as JSON. */
function listOf(cell: unknown): unknown {
  if (typeof cell !== "string") return cell;
  try {
    return JSON.parse(cell);
  } catch {
    return cell;
  }
}

function messageOf(value: unknown, name: string, row: TableRow): Message {
  if (!isRecord(value)) throw cellError(row, name, "an object with role and content", value);
  const role = chatRoles.find((one) => one === value["role"]);
  if (role === undefined) {
    throw cellError(row, `${name}.role`, `one of ${chatRoles.join(", ")}`, value["role"]);
  }
  const { content } = value;
  if (typeof content !== "string") throw cellError(row, `${name}.content`, "a text", content);
  // Parquet has every key in every message.
  const known = Object.entries(value).filter(([, one]) => one !== null && one !== undefined);
  return { ...Object.fromEntries(known), role, content };
}

function columnsError(
  { path, row, line }: TableRow,
  required: string,
  found: readonly string[],
): FileError {
  const where = line === undefined ? ` ${row}` : "";
  return new FileError(
    `Cannot read row${where} as ${required} is required: found ${quoted(found) || "none of them"}`,
    path,
    line,
  );
}
