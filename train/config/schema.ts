/**
 * JSON schema of configuration files, from the table that they are read by. What fits the schema is
 * read; beside it, files may have numbers and sites as the texts that flags have.
 *
 * @module
 */

import type { NumberOption, OptionSpec, OptionTable, SitesOption } from "./options.ts";

/** A JSON schema, or a part of one. */
export type JsonSchema = { readonly [key: string]: unknown };

/** Schema of an object with some options of a table, each at most once. */
export function schemaOf(table: OptionTable, title: string): JsonSchema {
  const rows = Object.entries(table).map(([name, spec]) => [
    name,
    { ...describe(spec), ...valueSchema(spec) },
  ]);
  return {
    $schema: "https://json-schema.org/draft/2020-12/schema",
    title,
    type: "object",
    additionalProperties: false,
    properties: { $schema: { type: "string" }, ...Object.fromEntries(rows) },
  };
}

function describe(spec: OptionSpec): JsonSchema {
  const { help, defaultText } = spec;
  const usual = "default" in spec ? spec.default : undefined;
  const flag = spec.kind === "switch" ? `${usual === true ? "false" : "true"}: ${help}` : help;
  const rest = defaultText === undefined ? "" : ` (default: ${defaultText})`;
  return { description: flag + rest, ...(usual !== undefined && { default: usual }) };
}

/** One word or number of a list. */
const word: JsonSchema = { anyOf: [{ type: "number" }, { type: "string", pattern: "\\S" }] };
const rate: JsonSchema = { type: "number", minimum: 0, exclusiveMaximum: 1 };
const layerNumber: JsonSchema = { type: "integer", minimum: 0, exclusiveMaximum: 1e15 };
const layer: JsonSchema = {
  anyOf: [layerNumber, { type: "string", pattern: "^\\s*\\d{1,15}\\s*$" }],
};
const namedLayers: JsonSchema = { type: "string", pattern: "^\\s*(all|latter-half)\\s*$" };

function valueSchema(spec: OptionSpec): JsonSchema {
  switch (spec.kind) {
    case "switch":
      return { type: "boolean" };
    case "text":
      return { type: "string", minLength: 1 };
    case "number":
    case "integer":
      return numberSchema(spec);
    case "choice":
      return {
        enum: [...new Set(spec.choices.flatMap((choice) => [choice, String(choice)]))],
      };
    case "texts":
      return {
        anyOf: [{ type: "string" }, { type: "array", minItems: 1, items: { type: "string" } }],
      };
    case "list":
      return {
        anyOf: [
          { type: "array", minItems: 1, items: word },
          { type: "number" },
          { type: "string", pattern: "^[^,]*[^,\\s][^,]*(,[^,]*[^,\\s][^,]*)*$" },
        ],
      };
    case "layers":
      return {
        anyOf: [
          namedLayers,
          { type: "array", minItems: 1, maxItems: 1, items: namedLayers },
          { type: "array", minItems: 1, items: layer },
          layerNumber,
          { type: "string", pattern: "^\\s*\\d{1,15}\\s*(,\\s*\\d{1,15}\\s*)*$" },
        ],
      };
    case "rate":
      return {
        anyOf: [rate, {
          type: "object",
          additionalProperties: false,
          properties: Object.fromEntries(spec.positions.map((position) => [position, rate])),
        }],
      };
    case "sites":
      return sitesSchema(spec);
  }
}

function numberSchema({ kind, min, above, below }: NumberOption): JsonSchema {
  const whole = kind === "integer";
  const most = Number.MAX_SAFE_INTEGER;
  const least = min ?? (whole && above === undefined ? -most : undefined);
  return {
    type: kind,
    ...(least !== undefined && { minimum: least }),
    ...(above !== undefined && { exclusiveMinimum: above }),
    ...(below !== undefined && { exclusiveMaximum: below }),
    ...(whole && below === undefined && { maximum: most }),
  };
}

/** One site or a list of them, of which each has a position of its own. */
function sitesSchema({ positions, settings }: SitesOption): JsonSchema {
  const rows = Object.entries(settings).map(([name, spec]) => [
    name,
    { ...describe(spec), ...valueSchema(spec) },
  ]);
  const site = {
    type: "object",
    required: ["position"],
    additionalProperties: false,
    properties: { position: { enum: positions }, ...Object.fromEntries(rows) },
  };
  const once = positions.map((position) => ({
    contains: {
      type: "object",
      required: ["position"],
      properties: { position: { const: position } },
    },
    minContains: 0,
    maxContains: 1,
  }));
  return { anyOf: [site, { type: "array", items: site, allOf: once }] };
}
