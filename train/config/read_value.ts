/**
 * One value of an option, from a flag's text, a file's JSON or a caller's object.
 *
 * @module
 */

import { OptionError } from "../../core/errors.ts";
import { isRecord } from "../../nn/formats/json_record.ts";
import { decimalOf } from "../data/text.ts";
import { unknownName } from "./nearest.ts";
import { readSites } from "./read_sites.ts";
import type { LayerChoice, NumberOption, OptionSpec, RateOption } from "./options.ts";

/** Refuses the value that is being read. */
type Refuse = (required: string) => never;

/**
 * Reads a value; what was read before comes back as it is.
 *
 * @param name What errors call the option
 * @throws {OptionError} If it does not fit
 */
export function readValue(name: string, spec: OptionSpec, raw: unknown): unknown {
  const refuse = (required: string): never => {
    throw new OptionError(
      `Cannot use ${name} as ${required} is required: found ${JSON.stringify(raw)}`,
    );
  };
  switch (spec.kind) {
    case "switch":
      return typeof raw === "boolean" ? raw : refuse("true or false");
    case "text":
      return typeof raw === "string" && raw !== "" ? raw : refuse("a text that is not empty");
    case "texts":
      return readTexts(raw, refuse);
    case "list":
      return words(raw, refuse);
    case "layers":
      return readLayers(raw, refuse);
    case "choice":
      return spec.choices.find((choice) => isScalar(raw) && String(choice) === String(raw)) ??
        refuse(`one of ${spec.choices.join(", ")}`);
    case "rate":
      return readRate(name, spec, raw, refuse);
    case "sites":
      return readSites(name, spec, raw, { refuse, readSetting: readValue });
    case "number":
    case "integer":
      return readNumber(spec, raw, refuse);
  }
}

/** Whether a value is written as one word: in files, a list of one word is not that word. */
function isScalar(raw: unknown): raw is string | number {
  return typeof raw === "string" || typeof raw === "number";
}

function words(raw: unknown, refuse: Refuse): string[] {
  const list: readonly unknown[] = Array.isArray(raw)
    ? raw
    : isScalar(raw)
    ? `${raw}`.split(",")
    : [];
  const trimmed = list.map((item) => isScalar(item) ? `${item}`.trim() : "");
  const complete = trimmed.length > 0 && !trimmed.includes("");
  return complete ? trimmed : refuse("a list of words with commas between them");
}

function readTexts(raw: unknown, refuse: Refuse): string[] {
  const texts: unknown[] = Array.isArray(raw) ? raw : [raw];
  const known = texts.filter((text) => typeof text === "string");
  return known.length > 0 && known.length === texts.length ? known : refuse("a text or several");
}

function readLayers(raw: unknown, refuse: Refuse): LayerChoice {
  const required = () => refuse("all, latter-half or a list of layers");
  const list = words(raw, required);
  const [first] = list;
  if (list.length === 1 && (first === "all" || first === "latter-half")) return first;
  return list.map((word) => /^\d{1,15}$/.test(word) ? Number(word) : required());
}

function readNumber(spec: NumberOption, raw: unknown, refuse: Refuse): number {
  const { kind, min = -Infinity, above = -Infinity, below = Infinity } = spec;
  const value = finite(raw);
  const whole = kind === "number" || Number.isSafeInteger(value);
  if (whole && value >= min && value > above && value < below) return value;
  const bounds = [
    ...(spec.min === undefined ? [] : [`of at least ${min}`]),
    ...(spec.above === undefined ? [] : [`above ${above}`]),
    ...(spec.below === undefined ? [] : [`below ${below}`]),
  ].join(" and ");
  return refuse(`${kind === "integer" ? "an integer" : "a number"} ${bounds}`.trimEnd());
}

/** A finite number, in decimal digits where it is a text; or NaN. */
function finite(raw: unknown): number {
  const value = typeof raw === "string" ? decimalOf(raw) : raw;
  return typeof value === "number" && Number.isFinite(value) ? value : NaN;
}

/** `0.1`, or `logits=0.1,hidden=0.05`; in files, an object of numbers. */
function readRate(name: string, { positions }: RateOption, raw: unknown, refuse: Refuse): unknown {
  const byPosition = (pairs: readonly (readonly [string, number])[]) => {
    if (new Set(pairs.map(([position]) => position)).size < pairs.length) {
      refuse("each position at most once");
    }
    for (const [position, rate] of pairs) {
      if (!positions.includes(position)) throw unknownName(position, positions, ` in ${name}`);
      inUnit(`${position} in ${name}`, rate);
    }
    return Object.fromEntries(pairs);
  };
  if (isRecord(raw)) {
    return byPosition(
      Object.entries(raw).map(([position, rate]) => {
        return [position, typeof rate === "number" ? rate : refuse("a number for each position")];
      }),
    );
  }
  const text = isScalar(raw) ? String(raw) : refuse("a number");
  if (!text.includes("=")) {
    const rate = finite(raw);
    return inUnit(name, Number.isNaN(rate) ? refuse("a number") : rate);
  }
  return byPosition(
    text.split(",").map((pair) => {
      const [, position = "", number = ""] = /^([^=]*)=(.*)$/s.exec(pair) ?? [];
      const rate = finite(number.trim());
      return [
        position.trim(),
        position.trim() === "" || Number.isNaN(rate) ? refuse("POSITION=NUMBER,…") : rate,
      ];
    }),
  );
}

function inUnit(name: string, rate: number): number {
  if (rate >= 0 && rate < 1) return rate;
  throw new OptionError(`Cannot use ${name} as a rate in [0, 1) is required: found ${rate}`);
}
