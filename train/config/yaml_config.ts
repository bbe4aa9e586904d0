/**
 * Configuration files in YAML 1.2. What YAML 1.1, which many tools read, has another value for is
 * refused where it is not in quotes: `no`, `1:30`, `012`, `1_000`, `2024-01-01`.
 *
 * @module
 */

import {
  type Document,
  isMap,
  isScalar,
  LineCounter,
  parse,
  parseAllDocuments,
  type Scalar,
  visit,
} from "yaml";
import { FileError } from "../../core/errors.ts";
import { complaint, type ConfigDocument, plainDocument } from "./config_document.ts";

/** Throws what is wrong with a part of the file. */
type Refuse = (message: string, offset: number | undefined) => never;

/**
 * Reads YAML, with anchors and merge keys.
 *
 * @throws {FileError} If it is malformed, a key occurs twice, there are several documents, or a value is
 * ambiguous, a date or no finite number
 */
export function parseYamlConfig(text: string, path: string): ConfigDocument {
  const lineCounter = new LineCounter();
  const lineAt = (offset: number) => lineCounter.linePos(offset).line;
  const refuse: Refuse = (message, offset) => {
    throw new FileError(message, path, offset === undefined ? undefined : lineAt(offset));
  };
  const rules = { lineCounter, prettyErrors: false, intAsBigInt: true, merge: true } as const;
  const [document, second] = parseAllDocuments(text, rules) as Document[];
  if (second !== undefined) {
    refuse(
      "Cannot read file as one YAML document is required: found several",
      second.contents?.range?.[0],
    );
  }
  if (document === undefined) return plainDocument(null, path, () => undefined);
  const [fault] = [...document.errors, ...document.warnings];
  if (fault !== undefined) {
    const reason = complaint(fault.message);
    refuse(`Cannot parse file as it requires valid YAML: ${reason}`, fault.pos[0]);
  }
  checkScalars(document, refuse);
  const { contents } = document;
  const keys = isMap(contents) ? contents.items.map(({ key }) => key).filter(isScalar) : [];
  const lines = new Map(keys.map((key) => [String(key.value), lineAt(key.range![0])]));
  return plainDocument(valueOf(document, refuse), path, (key) => lines.get(key));
}

function valueOf(document: Document, refuse: Refuse): unknown {
  try {
    return document.toJS();
  } catch (error) {
    const reason = complaint(error instanceof Error ? error.message : String(error));
    return refuse(`Cannot parse file as it requires valid YAML: ${reason}`, undefined);
  }
}

function checkScalars(document: Document, refuse: Refuse): void {
  visit(document, {
    Pair(_, { key }) {
      if (isScalar(key)) return;
      refuse("Cannot read file as a text is required for each key: found another", undefined);
    },
    Scalar(position, node) {
      if (position !== "key") requireOneMeaning(node, refuse);
    },
  });
}

/** Refuses an unquoted scalar that YAML 1.1 and 1.2 read differently. */
function requireOneMeaning({ type, tag, source, value, range }: Scalar, refuse: Refuse): void {
  if (type !== "PLAIN" || tag !== undefined || source === undefined || source.includes("\n")) {
    return;
  }
  const other = parse(`x: ${source}`, { schema: "yaml-1.1", intAsBigInt: true }).x;
  if (Object.is(numeric(other), numeric(value))) return;
  const required = typeof other === "boolean"
    ? "true, false or a text in quotes"
    : typeof other === "number" || typeof other === "bigint"
    ? "a number in decimal digits or a text in quotes"
    : "a text in quotes";
  refuse(
    `Cannot read file as ${required} is required where YAML 1.1 and 1.2 differ: found ${source}`,
    range?.[0],
  );
}

function numeric(value: unknown): unknown {
  return typeof value === "bigint" ? Number(value) : value;
}
