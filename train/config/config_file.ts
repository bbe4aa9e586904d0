/**
 * Configuration files: JSON, JSON with comments, YAML or TOML, by the ending of their name.
 *
 * @module
 */

import { FileError } from "../../core/errors.ts";
import { isRecord } from "../../nn/formats/json_record.ts";
import { readText, requireFile } from "../files/files.ts";
import type { ConfigDocument } from "./config_document.ts";
import type { Given, OptionTable } from "./options.ts";
import { parseObject } from "./parse.ts";

/** Reads a file's text. */
type Parse = (text: string, path: string) => ConfigDocument;

/** Most bytes of a configuration file. */
const mostBytesOfConfig = 1_000_000;

const yaml = async () => (await import("./yaml_config.ts")).parseYamlConfig;

/** Parsers by ending; each is loaded where it is needed. */
const parsers: Readonly<Record<string, () => Promise<Parse>>> = {
  json: async () => (await import("./json_config.ts")).parseJsonConfig,
  jsonc: async () => (await import("./json_config.ts")).parseJsoncConfig,
  yaml,
  yml: yaml,
  toml: async () => (await import("./toml_config.ts")).parseTomlConfig,
};

/**
 * Reads the options of a configuration file, or what `--print-config` printed. The key `$schema`, by
 * which editors find the schema, is left out.
 *
 * @throws {FileError} If it cannot be read, its name has another ending, or it is malformed
 * @throws {OptionError} If an option is unknown or its value does not fit; the message names the line
 */
export async function readConfigFile<T extends OptionTable>(
  table: T,
  path: string,
): Promise<Given<T>> {
  const { value, lineOf } = await readConfigDocument(path);
  return parseObject(table, printedValues(value), path, lineOf);
}

/**
 * Reads what a configuration file holds, without `$schema`.
 *
 * @throws {FileError} If it cannot be read, its name has another ending, or it is malformed
 */
export async function readConfigDocument(path: string): Promise<ConfigDocument> {
  const ending = /\.([^./\\]+)$/.exec(path)?.[1]?.toLowerCase() ?? "";
  const parser = Object.hasOwn(parsers, ending) ? parsers[ending] : undefined;
  if (parser === undefined) {
    const endings = Object.keys(parsers).map((name) => `.${name}`).join(", ");
    throw new FileError(
      `Cannot read configuration as a name that ends in one of ${endings} is required`,
      path,
    );
  }
  await requireFile(path, mostBytesOfConfig, "read configuration");
  const { value, lineOf } = parsed(await parser(), await readText(path), path);
  return { value: withoutSchema(value), lineOf };
}

/** What is nested too deeply for a parser is refused as all malformed text is. */
function parsed(parse: Parse, text: string, path: string): ConfigDocument {
  try {
    return parse(text, path);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new FileError("Cannot parse file as it is nested too deeply", path);
  }
}

function withoutSchema(value: unknown): unknown {
  if (typeof value !== "object" || value === null || !("$schema" in value)) return value;
  const { $schema, ...options } = value;
  return typeof $schema === "string" ? options : value;
}

/** The values of what `--print-config` printed, which has a source for each; all else as it is. */
function printedValues(value: unknown): unknown {
  const rows = isRecord(value) ? Object.entries(value) : [];
  const values = rows.flatMap(([name, row]) =>
    isRecord(row) && "value" in row && typeof row["source"] === "string"
      ? [[name, row["value"]] as const]
      : []
  );
  if (rows.length === 0 || values.length < rows.length) return value;
  return Object.fromEntries(values.filter(([, given]) => given !== null));
}
