/**
 * Tables and figures as a page: one file that loads nothing and runs nothing.
 *
 * @module
 */

import { type Fragment, type Html, html } from "../report/html.ts";
import { pageHtml } from "../report/page.ts";
import { themes } from "../report/palette.ts";
import type { Tables } from "./contents.ts";
import { type Figure, sweepFigures } from "./figures.ts";
import { sectionsOf } from "./sections.ts";
import { type Cell, type Section, sectionsHeading, type Sheet } from "./sheets.ts";

/** First line of every page of tables. */
const pageMark = "<!doctype html><!-- HiddenKey tables -->";

/** The page. */
export async function tablesPage(tables: Tables): Promise<string> {
  const sections = sectionsOf(tables);
  const figures = sweepFigures(tables);
  const { title, facts } = sectionsHeading(tables);
  const page = await pageHtml({
    title,
    subtitle: facts,
    skipTo: "tables",
    sections: sections.map(({ id, title }) => [id, title] as const),
    main: [
      warningsBox(tables.warnings),
      ...sections.map((section) =>
        sectionHtml(section, figures.filter((figure) => figure.section === section.id))
      ),
    ],
    footer: "Written by HiddenKey. This page loads nothing from elsewhere.",
    styles: { rules: figureRules() },
    scripts: [],
  });
  return pageMark + page.text;
}

/** What limits the conclusions, before everything else. */
function warningsBox(warnings: readonly string[]): Html | undefined {
  if (warnings.length === 0) return undefined;
  return html`
    <div class="missing"
      role="note"><strong>Before you read on</strong><ul class="notes">${warnings.map((warning) =>
        html`<li>${warning}</li>`
      )}</ul></div>
  `;
}

function sectionHtml({ id, title, sheets }: Section, figures: readonly Figure[]): Html {
  const [first, ...others] = sheets.map(sheetHtml);
  const drawn = figures.map(figureHtml);
  // A single figure stands beside the figures that it is of.
  const shown: Fragment = drawn.length === 1
    ? html`<div class="beside">${drawn}<div>${first}</div></div>`
    : [drawn.length === 0 ? undefined : html`<div class="panels">${drawn}</div>`, first];
  return html`
    <section
      aria-labelledby="${id}"><h2 id="${id}">${title}</h2>${shown}${others}</section>
  `;
}

function figureHtml({ title, caption, svg }: Figure): Html {
  return html`<figure class="panel plot-panel"><figcaption><h3>${title}</h3><p>${
    unbroken(caption)
  }</p>
</figcaption>${svg}</figure>`;
}

/** Rows beyond which a table is set closer. */
const mostSpacious = 12;

function sheetHtml({ id, caption, notes = [], columns, rows }: Sheet): Html {
  const cell = ({ text, strong = false }: Cell, column: number) => {
    const { isNumber } = columns[column]!;
    if (column === 0) {
      return html`<th scope="row">${strong ? html`<strong>${text}</strong>` : text}</th>`;
    }
    const names = [...isNumber ? ["number"] : [], ...strong ? ["best"] : []].join(" ");
    return html`<td class="${names}">${text}</td>`;
  };
  return html`
    <div class="scroll" role="region" aria-labelledby="${id}" tabindex="0">
      <table class="${rows.length > mostSpacious ? "dense" : ""}">
        <caption id="${id}">${unbroken(caption)}</caption>
        <thead>
          <tr>${columns.map(({ title, isNumber }) =>
            html`<th scope="col" class="${isNumber ? "number" : ""}">${title}</th>`
          )}</tr>
        </thead>
        <tbody>${rows.map((row) => html`<tr>${row.map(cell)}</tr>\n`)}</tbody>
      </table>
    </div>${notes.length === 0
      ? undefined
      : html`<ul class="notes small">${notes.map((note) => html`<li>${note}</li>`)}</ul>`}
  `;
}

/** Text whose percent signs stay with their numbers. */
function unbroken(text: string): string {
  return text.replace(/(\d) %/g, "$1\u00a0%");
}

/** Styles of figures, beside those of every page. */
function figureRules(): string {
  const { series } = themes.light;
  return [
    ...series.map((_, i) => `.l${i}{stroke:var(--series-${i})}.f${i}{fill:var(--series-${i})}`),
    "tbody th{font-weight:400;position:sticky;left:0;background:var(--panel)}",
    ".notes{margin:.25rem 0 .5rem;padding-left:1.25rem}.scroll+.notes{list-style:none;padding-left:.75rem}main>.missing{margin-top:1rem}",
    ".plot-panel svg{display:block;width:100%;height:auto;max-width:26rem;margin:0 auto}",
    ".scroll thead th{white-space:nowrap}.scroll .dense td{overflow-wrap:normal}.panels{margin-bottom:1rem;align-items:start}",
    ".beside{display:grid;gap:1rem;margin-bottom:1rem;align-items:start;grid-template-columns:minmax(0,1fr)}",
    ".beside .scroll{margin:0}",
    "@media (min-width:62rem){.beside{grid-template-columns:minmax(0,23rem) minmax(0,1fr)}}",
    plotRules,
  ].join("");
}

/** Rules of what is drawn inside of figures. */
const plotRules = "svg path[class^=l]{fill:none;stroke-width:1.6}" +
  "svg .dashed{stroke-dasharray:6 3}svg path.level{stroke-dasharray:2 3}svg .band{fill-opacity:.13}" +
  "svg path.marker{fill:var(--panel)}" +
  "svg .whisker{stroke:var(--text);stroke-width:1.4;fill:none}" +
  "svg .decided{fill:var(--text);stroke:var(--text);stroke-width:1.6}" +
  "svg .hollow{fill:var(--panel);stroke:var(--text);stroke-width:1.6}";

/** A figure as a file of its own, in the colours of a light page, for papers and slides. */
export function standaloneSvg({ svg }: Figure): string {
  const colours = new Map(
    Object.entries(themes.light).flatMap(([name, value]): (readonly [string, string])[] =>
      typeof value === "string"
        ? [[name, value]]
        : (value as readonly string[]).map((one, i) => [`${name}-${i}`, one])
    ),
  );
  const rules = `${figureRules()}svg{background:var(--panel)}
svg text{fill:var(--text);font:13px Helvetica,Arial,sans-serif}svg .strong{font-weight:650}
svg .note{font-size:11.5px;fill:var(--muted)}svg .axis{stroke:var(--edge);fill:none}
svg .grid{stroke:var(--rule);fill:none}svg .ideal{stroke:var(--muted);stroke-dasharray:5 4}`
    .replace(/var\(--([\w-]+)\)/g, (_, name) => colours.get(name)!);
  return svg.text.trim()
    .replace(/viewBox="0 0 (\d+) (\d+)"/, '$& width="$1" height="$2"')
    .replace("<svg ", '<svg xmlns="http://www.w3.org/2000/svg" ')
    .replace(">", `><style>${rules}</style>`) + "\n";
}
