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
    const given = typeof one === "string" ? fieldsOf(one, spec, name, refuse) : one;
    if (!isRecord(given)) return refuse(form);
    const { position, ...settings } = given;
    if (typeof position !== "string" || !spec.positions.includes(position)) {
      throw unknownName(String(position), spec.positions, ` in ${name}`);
    }
    const read = Object.entries(settings).map(([key, value]) => {
      const setting = Object.hasOwn(spec.settings, key) ? spec.settings[key] : undefined;
      if (setting === undefined) {
        throw unknownName(kebab(key), Object.keys(spec.settings).map(kebab), ` in ${name}`);
      }
      return [key, readSetting(`${kebab(key)} of ${position} in ${name}`, setting, value)];
    });
    return { position, ...Object.fromEntries(read) };
  });
  const positions = sites.map(({ position }) => position);
  return new Set(positions).size === sites.length ? sites : refuse("each position at most once");
}

/** The fields of a text, by the names of files. */
function fieldsOf(
  text: string,
  { settings }: SitesOption,
  name: string,
  refuse: Refuse,
): OptionValues {
  const [, position, list] = /^([^=]+)=(.+)$/s.exec(text) ?? [];
  if (position === undefined || list === undefined) return refuse(form);
  const fields: OptionValues = { position: position.trim() };
  for (const word of list.split(",").map((word) => word.trim())) {
    const [key, value] = fieldOf(word, settings, name) ?? refuse(form);
    if (Object.hasOwn(fields, key)) refuse(`${kebab(key)} of ${position} at most once`);
    fields[key] = value;
  }
  return fields;
}

/** One word of a text: its field and value; undefined for no word. */
function fieldOf(word: string, settings: OptionTable, name: string): [string, unknown] | undefined {
  const [, key, value] = /^([^=]+)=(.+)$/s.exec(word) ?? [];
  if (key !== undefined && value !== undefined) {
    return [camel(key.trim()), key.trim() === "layers" ? value.replaceAll("+", ",") : value];
  }
  if (word === "") return undefined;
  if (/^[-+.\d]/.test(word)) return ["rate", word];
  const known = Object.entries(settings).flatMap(([key, setting]): [string, string, unknown][] => {
    const flag = kebab(key);
    if (setting.kind === "switch") return [[flag, key, true], [`no-${flag}`, key, false]];
    if (setting.kind !== "choice") return [];
    return setting.choices.map((choice) => [String(choice), key, choice]);
  });
  const found = known.find(([text]) => text === word);
  if (found === undefined) throw unknownName(word, known.map(([text]) => text), ` in ${name}`);
  return [found[1], found[2]];
}
