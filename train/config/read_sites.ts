/**
 * Places with settings of their own, from the texts of flags or the objects of files.
 *
 * @module
 */

import { isRecord } from "../../nn/formats/json_record.ts";
import { unknownName } from "./nearest.ts";
import { camel, kebab, type OptionTable, type OptionValues, type SitesOption } from "./options.ts";

/** Refuses the value that is being read. */
type Refuse = (required: string) => never;
/** Reads the value of one setting. */
type ReadSetting = (name: string, setting: OptionTable[string], raw: unknown) => unknown;

const form = "POSITION=STRUCTURE,RATE,…";

/**
 * Reads a list of places, each a text such as `hidden=span,0.1,span-length=3,no-rescale` or an
 * object of the same names in camel case.
 *
 * @param name What errors call the option
 * @param readSetting Reads one setting's value
 * @throws {OptionError} If a place or a setting is unknown, given twice, or does not fit
 */
export function readSites(
  name: string,
  spec: SitesOption,
  raw: unknown,
  { refuse, readSetting }: { readonly refuse: Refuse; readonly readSetting: ReadSetting },
): OptionValues[] {
  const list: readonly unknown[] = Array.isArray(raw) ? raw : [raw];
  const sites = list.map((one) => {
    const [position, fields] = typeof one === "string"
      ? fieldsOf(one, spec, name, refuse)
      : isRecord(one)
      ? [one.position, Object.entries(one).filter(([key]) => key !== "position")] as const
      : refuse(form);
    if (typeof position !== "string") return refuse("a position for each place");
    if (!spec.positions.includes(position)) {
      throw unknownName(position, spec.positions, ` in ${name}`);
    }
    // A name is told as it would be written here.
    const written = typeof one === "string" ? kebab : String;
    const read: OptionValues = { position };
    for (const [key, value] of fields) {
      const setting = Object.hasOwn(spec.settings, key) ? spec.settings[key] : undefined;
      if (setting === undefined) {
        throw unknownName(written(key), Object.keys(spec.settings).map(written), ` in ${name}`);
      }
      if (Object.hasOwn(read, key)) refuse(`${written(key)} of ${position} at most once`);
      read[key] = readSetting(`${written(key)} of ${position} in ${name}`, setting, value);
    }
    return read;
  });
  const positions = new Set(sites.map(({ position }) => position));
  return positions.size === sites.length ? sites : refuse("each position at most once");
}

/** The position of a text, and its fields by the names of files. */
function fieldsOf(
  text: string,
  { settings }: SitesOption,
  name: string,
  refuse: Refuse,
): readonly [string, readonly (readonly [string, unknown])[]] {
  const [, position, list] = /^([^=]+)=(.+)$/s.exec(text) ?? [];
  if (position === undefined || list === undefined) return refuse(form);
  const words = list.split(",").map((word) => word.trim());
  const fields = words.map((word) => fieldOf(word, settings, name) ?? refuse(form));
  // The comma of other lists: its second number would be a rate, and 0 would drop nothing.
  const cut = fields.some(([key], i) => key === "layers" && /^\d+$/.test(words[i + 1] ?? ""));
  return cut ? refuse("layers with + between them") : [position.trim(), fields];
}

/** One word of a text: its field and value; undefined for no word. */
function fieldOf(word: string, settings: OptionTable, name: string): [string, unknown] | undefined {
  const [, key, value] = /^([^=]+)=(.+)$/s.exec(word) ?? [];
  if (key !== undefined && value !== undefined) {
    const field = camel(key.trim());
    const isSwitch = Object.hasOwn(settings, field) && settings[field]!.kind === "switch";
    if (isSwitch && (value === "true" || value === "false")) return [field, value === "true"];
    return [field, field === "layers" ? value.replaceAll("+", ",") : value];
  }
  if (word === "") return undefined;
  if (/^[-+.\d]/.test(word)) return ["rate", word];
  const known = Object.entries(settings).flatMap(([key, setting]): [string, string, unknown][] => {
    const flag = kebab(key);
    if (setting.kind === "switch") return [[flag, key, true], [`no-${flag}`, key, false]];
    if (key !== "structure" || setting.kind !== "choice") return [];
    return setting.choices.map((choice) => [String(choice), key, choice]);
  });
  const found = known.find(([text]) => text === word);
  if (found === undefined) throw unknownName(word, known.map(([text]) => text), ` in ${name}`);
  return [found[1], found[2]];
}
