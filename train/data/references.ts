/**
 * Readers of reference texts: the files of E2E and WebNLG, the blank-line blocks of e2e-metrics, and
 * the reference files of the WebNLG challenge 2017.
 *
 * @module
 */

import { FileError } from "../../core/errors.ts";
import { exists, readText } from "../files/files.ts";
import { parseCsv } from "./csv.ts";
import { parseE2e } from "./e2e.ts";
import { linesOf } from "./text.ts";
import { groupByContext } from "./text_example.ts";
import { parseWebnlg } from "./webnlg.ts";

/** The references of one input. */
export interface Segment {
  /** The input, where the file names it: an E2E meaning representation, or triples as text. */
  readonly input?: string;
  /** Part of the data, where the file names it: `seen` or `unseen`. */
  readonly part?: string;
  /** Every text of the input, none of them empty. */
  readonly references: readonly string[];
  /** One-based line of the first text, where known. */
  readonly line?: number;
}

/** One text of one segment. */
interface Text {
  /** What the texts of a segment have in common. */
  readonly key: string;
  readonly input?: string;
  readonly text: string;
  readonly line: number;
}

/**
 * Reads references. What a file is follows from its name or its first line:
 *
 * - a CSV with the header `mr,ref`: equal inputs form a segment;
 * - `NAME.xml` or `NAME.json` of WebNLG: equal triples form a segment, of the texts marked good;
 * - `NAME0.lex`: of each line and the same line of `NAME1.lex`, `NAME2.lex`, … those with text;
 * - `NAME-3ref.meteor`: 3 lines a segment, of which some may be empty;
 * - `NAME.ter`: `text (id)` on each line, equal identifiers form a segment;
 * - any other: one text a line and an empty line between segments, or one segment a line.
 *
 * @param path Path of the file, of several the first
 * @throws {FileError} If a file is missing or malformed, or a segment has no text
 */
export async function readReferences(path: string): Promise<Segment[]> {
  const segments = await parse(await readText(path), path);
  const empty = segments.find(({ references }) => references.length === 0);
  if (empty === undefined) return segments;
  const input = empty.input === undefined ? "" : ` for ${JSON.stringify(empty.input)}`;
  const message = `Cannot read references as every segment requires a text: found none${input}`;
  throw new FileError(message, path, empty.line);
}

async function parse(text: string, path: string): Promise<Segment[]> {
  if (path.endsWith(".lex")) return await parseParallel(text, path);
  if (path.endsWith(".meteor")) return parseGroups(text, path);
  if (path.endsWith(".ter")) return gather(parseTer(text, path));
  if (/\.(xml|json)$/.test(path)) return parseCorpus(text, path);
  const isTable = /^"?mr"?\s*(,|$)/i.test(text.split("\n", 1)[0]!);
  return isTable ? gather(parseTable(text, path)) : parseBlocks(text, path);
}

/** The lines of a text, without spaces around them and the end behind the last one; at least one. */
export function lineBlocks(text: string, path: string): string[] {
  const lines = linesOf(text, path).map((line) => line.trim());
  return lines.length === 0 ? [""] : lines;
}

function parseTable(text: string, name: string): Text[] {
  const lines = parseCsv(text, name).slice(1).map(({ line }) => line);
  return parseE2e(text, name).map(({ mr, context, reference = "" }, row) => {
    const line = lines[row]!;
    if (reference.trim() !== "") return { key: context, input: mr, text: reference, line };
    const message = "Cannot read references as every row requires a text in ref: found none";
    throw new FileError(message, name, line);
  });
}

function parseCorpus(text: string, name: string): Segment[] {
  return groupByContext(parseWebnlg(text, name)).map(({ context, references, part }) => ({
    input: context,
    references,
    ...(part === undefined ? {} : { part }),
  }));
}

function parseTer(text: string, name: string): Text[] {
  return lineBlocks(text, name).map((line, i) => {
    // At least one character stands between the brackets.
    const open = line.endsWith(")") ? line.lastIndexOf("(", line.length - 3) : -1;
    const [words, key] = [line.slice(0, Math.max(0, open)).trimEnd(), line.slice(open + 1, -1)];
    if (words !== "" && !/\s/.test(key)) return { key, text: words, line: i + 1 };
    const found = JSON.stringify(line);
    throw new FileError(
      `Cannot read references as text and (identifier) are required: found ${found}`,
      name,
      i + 1,
    );
  });
}

/** Segments of equal keys, in the order in which keys first occur. */
function gather(texts: readonly Text[]): Segment[] {
  return [...Map.groupBy(texts, ({ key }) => key).values()].map((group) => ({
    ...(group[0]!.input === undefined ? {} : { input: group[0]!.input }),
    references: group.map(({ text }) => text),
    line: group[0]!.line,
  }));
}

function parseGroups(text: string, path: string): Segment[] {
  const size = Number(/(\d+)ref\.meteor$/.exec(path)?.[1] ?? 3);
  const lines = lineBlocks(text, path);
  if (lines.length % size !== 0) {
    throw new FileError(
      `Cannot read references as ${size} lines a segment are required: found ${lines.length} lines`,
      path,
      lines.length,
    );
  }
  return Array.from({ length: lines.length / size }, (_, segment) => {
    const group = lines.slice(segment * size, (segment + 1) * size);
    return segmentOf(group, segment * size + 1);
  });
}

async function parseParallel(text: string, path: string): Promise<Segment[]> {
  const [, stem, first] = /^(.*?)(\d+)\.lex$/.exec(path) ?? [];
  const columns = [lineBlocks(text, path)];
  for (let next = Number(first) + 1; stem !== undefined; next++) {
    const other = `${stem}${next}.lex`;
    if (!await exists(other)) break;
    const lines = lineBlocks(await readText(other), other);
    const [required, found] = [columns[0]!.length, lines.length];
    if (found !== required) {
      throw new FileError(
        `Cannot read references as ${required} lines are required as in ${path}: found ${found}`,
        other,
        Math.min(required, found) + 1,
      );
    }
    columns.push(lines);
  }
  return columns[0]!.map((_, row) => segmentOf(columns.map((lines) => lines[row]!), row + 1));
}

function parseBlocks(text: string, path: string): Segment[] {
  const lines = lineBlocks(text.trimEnd(), path);
  if (lines.every((line) => line !== "")) {
    return lines.map((line, row) => segmentOf([line], row + 1));
  }
  const segments: Segment[] = [];
  let start = 0;
  for (const [row, line] of [...lines, ""].entries()) {
    if (line !== "") continue;
    segments.push(segmentOf(lines.slice(start, row), start + 1));
    start = row + 1;
  }
  return segments;
}

function segmentOf(texts: readonly string[], line: number): Segment {
  return { references: texts.filter((text) => text !== ""), line };
}
