/**
 * Help texts, from the same tables that flags are read by.
 *
 * @module
 */

import { kebab, type OptionSpec, type OptionTable } from "./options.ts";

/** Columns of flags, before what they do; longer flags have a line of their own. */
const widest = 34;
/** Columns of a line. */
const page = 100;

/** Help text of a command: usage, then its options by group, in the order of the table. */
export function helpText(usage: string, table: OptionTable): string {
  const groups = Object.groupBy(Object.entries(table), ([, { group }]) => group ?? "options");
  const flags = Object.entries(table).map(([name, spec]) => flagOf(name, spec).length);
  const width = Math.min(widest, Math.max(...flags));
  const sections = Object.entries(groups).map(([group, rows = []]) => {
    const lines = rows.map(([name, spec]) =>
      row(flagOf(name, spec), spec.help + remark(spec), width)
    );
    return `${heading(group)}:\n${lines.join("\n")}`;
  });
  return [usage, ...sections].join("\n\n");
}

/** Names with what they stand for, in two columns. */
export function listText(rows: readonly (readonly [name: string, text: string])[]): string {
  const width = Math.max(...rows.map(([name]) => name.length)) + 2;
  return rows.map(([name, text]) => row(`  ${name}`, text, width)).join("\n");
}

function row(left: string, right: string, width: number): string {
  const gap = " ".repeat(width + 2);
  const text = wrap(right, page - gap.length).join(`\n${gap}`);
  return left.length > width ? `${left}\n${gap}${text}` : `${left.padEnd(width)}  ${text}`;
}

/** Lines of at most `width` columns, broken at spaces. */
function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(" ")) {
    if (line !== "" && line.length + 1 + word.length > width) {
      lines.push(line);
      line = word;
    } else line += line === "" ? word : ` ${word}`;
  }
  return [...lines, line];
}

function heading(group: string): string {
  return group[0]!.toUpperCase() + group.slice(1);
}

function flagOf(name: string, spec: OptionSpec): string {
  if (spec.kind === "switch") return `  --${spec.default === true ? "no-" : ""}${kebab(name)}`;
  return `  --${kebab(name)} ${placeholder(spec)}`;
}

function placeholder(spec: Exclude<OptionSpec, { kind: "switch" }>): string {
  if (spec.kind === "choice") return spec.choices.join("|");
  return {
    text: "TEXT",
    number: "NUMBER",
    integer: "N",
    list: "A,B,…",
    texts: "TEXT",
    layers: "all|latter-half|N,…",
    rate: "RATE",
    sites: "POSITION=STRUCTURE,RATE,…",
  }[spec.kind];
}

/** What holds where the option is not given. */
function remark(spec: OptionSpec): string {
  if (spec.required) return " (required)";
  const usual = "default" in spec && spec.kind !== "switch" ? spec.default?.toString() : undefined;
  const shown = spec.defaultText ?? usual;
  return shown === undefined ? "" : ` (default: ${shown})`;
}
