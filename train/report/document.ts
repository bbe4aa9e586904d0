/**
 * The page of a report: one file that opens from a disk and loads nothing.
 *
 * @module
 */

import { chartsSection } from "./charts.ts";
import { type Html, html } from "./html.ts";
import { pageHtml } from "./page.ts";
import { themes } from "./palette.ts";
import pageScript from "./page.js" with { type: "text" };
import { planFigure } from "./plan_figure.ts";
import { isPlain, planTable } from "./plan_words.ts";
import { predictionsSection } from "./predictions_section.ts";
import type { RunRecord } from "./run_record.ts";
import { settingsSection } from "./settings_section.ts";
import { summarySection } from "./summary.ts";

/** First line of every report, by which one is told from other files. */
export const reportMark = "<!doctype html><!-- HiddenKey report -->";

/** Sections by their identifiers, for the links at the top. */
const sections = [
  ["summary", "Figures"],
  ["curves", "Curves"],
  ["dropout", "Dropout"],
  ["examples", "Predictions"],
  ["settings", "Settings"],
] as const;

/**
 * The page of one run, or of several over each other.
 *
 * @param runs At least one
 */
export async function reportPage(runs: readonly RunRecord[]): Promise<string> {
  const { default: plotScript } = await import("uplot-script", {
    with: { type: "text" },
  });
  const { default: plotStyle } = await import("uplot-style", {
    with: { type: "text" },
  });
  const page = await pageHtml({
    title: titleOf(runs),
    subtitle: subtitle(runs),
    skipTo: "figures",
    sections,
    main: html`
      ${summarySection(runs)} ${chartsSection(runs)} ${dropoutSection(runs)} ${predictionsSection(
        runs,
      )} ${settingsSection(runs)}
    `,
    footer:
      "Written by HiddenKey. Curves by uPlot (MIT licence). This page loads nothing from elsewhere.",
    styles: { before: plotStyle, rules: seriesRules() },
    scripts: [plotScript, pageScript],
  });
  return reportMark + page.text;
}

/** Colours of runs and shades of matrices as classes, as the policy allows no attributes of style. */
function seriesRules(): string {
  const { series, shades } = themes.light;
  return [
    ...series.map((_, i) => `.s${i}{fill:var(--series-${i});background:var(--series-${i})}`),
    ...shades.map((_, i) => `.shade${i}{background:var(--shades-${i})}`),
  ].join("");
}

function titleOf(runs: readonly RunRecord[]): string {
  if (runs.length > 1) return `${runs.length} runs: ${runs.map(({ name }) => name).join(", ")}`;
  return runs[0]!.name;
}

/** Task, method and base model of the runs, each once. */
function subtitle(runs: readonly RunRecord[]): string {
  const each = (name: string) => {
    const values = runs.map(({ config }) => config[name]).filter((one) => typeof one === "string");
    return [...new Set(values)].join(", ");
  };
  // Of a folder's path the last name says enough; the settings have all of it.
  const model = each("model").replace(/(?:^|(?<=, ))[./][^,]*\//g, "");
  return `Task ${each("task")} · method ${each("method")} · model ${model}`;
}

/** A figure and a table for each plan, and the runs that have it. */
function dropoutSection(runs: readonly RunRecord[]): Html {
  const plans = [...Map.groupBy(runs, ({ plan }) => JSON.stringify(plan) ?? "").values()];
  const parts = plans.map((members, i) => {
    const [{ plan, facts: { layers } }] = members as [RunRecord];
    const names = members.map(({ name }) => name).join(", ");
    const title = runs.length === 1 ? undefined : html`<h3>${names}</h3>`;
    if (plan === undefined) {
      return html`${title}<p class="missing">The plan of dropout is not known yet: it is saved with the
adapter.</p>`;
    }
    const count = typeof layers === "number" ? layers : undefined;
    const figure = isPlain(plan) ? undefined : planFigure(plan, `plan-${i}`, count);
    return html`${title}${figure}${planTable(plan)}`;
  });
  return html`<section aria-labelledby="dropout"><h2 id="dropout">Dropout</h2>${parts}</section>`;
}
