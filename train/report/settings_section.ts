/**
 * The settings of runs as tables: what differs between them first.
 *
 * @module
 */

import { kebab, type OptionTable } from "../config/options.ts";
import { trainOptions } from "../config/train_options.ts";
import { type Html, html } from "./html.ts";
import type { RunRecord } from "./run_record.ts";

const table: OptionTable = trainOptions;

/** The section of settings. */
export function settingsSection(runs: readonly RunRecord[]): Html {
  // The folder is the run's name here.
  const names = [
    ...new Set([...Object.keys(table), ...runs.flatMap(({ config }) => Object.keys(config))]),
  ]
    .filter((name) => name !== "out" && runs.some(({ config }) => config[name] !== undefined));
  const differing = names.filter((name) => {
    return new Set(runs.map(({ config }) => JSON.stringify(config[name]))).size > 1;
  });
  const groups = [...Map.groupBy(names, (name) => table[name]?.group ?? "other")];
  const all = settingsTable(runs, groups, "All settings; those that are the default are grey.");
  return html`<section aria-labelledby="settings"><h2 id="settings">Settings</h2>${
    runs.length === 1
      ? all
      : html`${differences(runs, differing)}<details><summary>All settings</summary>
${all}</details>`
  }</section>`;
}

function differences(runs: readonly RunRecord[], names: readonly string[]): Html {
  if (names.length === 0) return html`<p>All settings of the runs are the same.</p>`;
  return settingsTable(runs, [["", names]], "What differs between the runs.");
}

/** A table of settings: a column for each run, or of a single run its values and what they mean. */
function settingsTable(
  runs: readonly RunRecord[],
  groups: readonly (readonly [group: string, names: readonly string[]])[],
  caption: string,
): Html {
  const heads = runs.length === 1 ? ["Value", "What it is"] : runs.map(({ name }) => name);
  const bodies = groups.map(([group, names]) => {
    const head = group === "" ? undefined : html`
      <tr>
        <th scope="rowgroup" colspan="${1 + heads.length}">${group}</th>
      </tr>
    `;
    return html`<tbody>${head}${names.map((name) => settingRow(runs, name))}</tbody>`;
  });
  return html`
    <div class="scroll dense${runs.length === 1 ? " meanings" : ""}">
      <table><caption>${caption}</caption><thead><tr><th scope="col">Setting</th>
    ${heads.map((name) => html`<th scope="col">${name}</th>`)}</tr></thead>${bodies}</table>
    </div>
  `;
}

function settingRow(runs: readonly RunRecord[], name: string): Html {
  const spec = table[name];
  const usual = spec !== undefined && "default" in spec ? JSON.stringify(spec.default) : undefined;
  // Of a switch that is on by default, the flag and its help are of turning it off.
  const isInverted = spec?.kind === "switch" && spec.default === true;
  const cells = runs.map(({ config }) => {
    const kind = JSON.stringify(config[name]) === usual ? "usual" : "set";
    return html`<td class="${kind}">${valueText(isInverted ? !config[name] : config[name])}</td>`;
  });
  const meaning = runs.length === 1 ? html`<td class="small">${spec?.help}</td>` : undefined;
  const flag = `${isInverted ? "no-" : ""}${kebab(name)}`;
  return html`
    <tr><th scope="row"><code>${flag}</code></th>${cells}${meaning}</tr>
  `;
}

function valueText(value: unknown): Html {
  if (value === undefined) return html`–`;
  return html`<code>${typeof value === "string" ? value : JSON.stringify(value)}</code>`;
}
