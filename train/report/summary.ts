/**
 * The figures that a report begins with: of a single run as cards, of several as a table.
 *
 * @module
 */

import { isRecord } from "../../nn/formats/json_record.ts";
import { repeatsLoss } from "./charts.ts";
import { bestOf, countText, durationText, figureText, titleOf } from "./figures.ts";
import { type Html, html } from "./html.ts";
import type { MetricLine, RunRecord } from "./run_record.ts";

/** A value under a name, and what is said of it in small letters. */
type Card = readonly [name: string, value: string, note?: string];

/** The section of final figures. */
export function summarySection(runs: readonly RunRecord[]): Html {
  const only = runs.length === 1 ? runs[0] : undefined;
  return html`<section aria-labelledby="summary"><h2 id="summary">Figures</h2>
${only && html`<dl class="cards">${cardsOf(only).map(card)}</dl>`}${figuresTable(runs)}</section>`;
}

function card([name, value, note]: Card): Html {
  return html`
    <div>
      <dt>${name}</dt>
      <dd>${value}${note && html`<small>${note}</small>`}</dd>
    </div>
  `;
}

function cardsOf(run: RunRecord): Card[] {
  const { facts, seconds, evaluations, steps } = run;
  const primary = primaryOf(run);
  const best = primary === undefined ? undefined : evaluations[bestPlace(run, primary)];
  const done = Math.max(0, ...[...steps, ...evaluations].map(({ step }) => step!));
  const planned = isRecord(facts["result"]) ? facts["result"]["steps"] : undefined;
  const epoch = [...steps, ...evaluations].findLast((line) => line["step"] === done)?.["epoch"];
  const { trainable, parameters } = facts;
  const share = typeof trainable === "number" && typeof parameters === "number"
    ? `${(100 * trainable / parameters).toFixed(2)} % of ${countText(parameters)} parameters`
    : undefined;
  return [
    ...(best === undefined ? [] : [
      [
        `Best ${titleOf(primary!).toLowerCase()}`,
        figureText(best[primary!]!),
        `dev data, ${placeText(best)}`,
      ] as const,
    ]),
    ...(evaluations.at(-1)?.["loss"] === undefined
      ? []
      : [["Dev loss", figureText(evaluations.at(-1)!["loss"]!), "last evaluation"] as const]),
    [
      "Steps",
      countText(done),
      [
        ...(typeof planned === "number" && planned > done ? [`of ${countText(planned)}`] : []),
        ...(epoch === undefined ? [] : [`${Number(epoch.toFixed(2))} epochs`]),
        ...(facts["result"] === undefined ? ["not finished"] : []),
      ].join(", "),
    ],
    ...(seconds === undefined ? [] : [timeCard(seconds, done, facts["backend"])]),
    ...(typeof trainable === "number" ? [["Trained", countText(trainable), share] as Card] : []),
  ];
}

function timeCard(seconds: number, steps: number, backend: unknown): Card {
  const rate = seconds > 0 ? `${(steps / seconds).toPrecision(3)} steps a second; ` : "";
  return ["Time", durationText(seconds), `${rate}${typeof backend === "string" ? backend : ""}`];
}

/** The figure that a task is judged by, which evaluations name first. */
function primaryOf({ evaluations }: RunRecord): string | undefined {
  return Object.keys(evaluations[0] ?? {}).find((name) => name !== "step" && name !== "epoch");
}

/** What no step led to is not the best. */
function bestPlace({ evaluations }: RunRecord, name: string): number {
  return bestOf(name, evaluations.map((line) => line["step"] === 0 ? NaN : line[name] ?? NaN));
}

function placeText({ step, epoch }: MetricLine): string {
  const at = `step ${countText(step!)}`;
  return epoch === undefined ? at : `epoch ${Number(epoch.toFixed(2))}, ${at}`;
}

/** Figures of the evaluations: of a single run the last and the best, of several the last of each. */
function figuresTable(runs: readonly RunRecord[]): Html {
  const evaluated = runs.filter(({ evaluations }) => evaluations.length > 0);
  if (evaluated.length === 0) {
    return html`<p class="missing">Nothing was evaluated yet: there are no figures of the
development data.</p>`;
  }
  const lines = evaluated.map(({ evaluations }) => evaluations.at(-1)!);
  const names = [...new Set(lines.flatMap((line) => Object.keys(line)))]
    .filter((name) => name !== "step" && name !== "epoch")
    .filter((name) => name === "loss" || !repeatsLoss(evaluated, name));
  return runs.length === 1 ? ownTable(runs[0]!, names) : sharedTable(runs, evaluated, names);
}

function ownTable(run: RunRecord, names: readonly string[]): Html {
  const last = run.evaluations.at(-1)!;
  const rows = names.map((name) => {
    const best = run.evaluations[bestPlace(run, name)] ?? run.evaluations.at(-1)!;
    return html`
      <tr><th scope="row">${titleOf(name)}</th>${numberCell(last[name])}${numberCell(
        best[name],
      )}<td class="place">${placeText(best)}</td></tr>
    `;
  });
  return html`
    <div class="scroll fit">
      <table>
        <caption>On the development data; the last evaluation was at
    ${placeText(last)}; the best is after training began.</caption>
        <thead>
          <tr>
            <th scope="col">Figure</th>
            <th scope="col" class="number">Last</th>
            <th scope="col" class="number">Best</th>
            <th scope="col">Best at</th>
          </tr>
        </thead>
        <tbody>${rows}</tbody>
      </table>
    </div>
  `;
}

function sharedTable(
  runs: readonly RunRecord[],
  evaluated: readonly RunRecord[],
  names: readonly string[],
): Html {
  const lasts = (name: string) => evaluated.map((run) => run.evaluations.at(-1)![name] ?? NaN);
  const rows = evaluated.map((run, i) => {
    const cells = names.map((name) => {
      const values = lasts(name);
      return numberCell(values[i], values[i] === values[bestOf(name, values)]);
    });
    const { seconds, evaluations, facts: { trainable } } = run;
    const colour = html`<span class="swatch s${runs.indexOf(run) % 8}"></span>`;
    return html`
      <tr><th scope="row">${colour}${run.name}</th><td class="place">${placeText(
        evaluations.at(-1)!,
      )}</td>
      ${cells}<td class="number">${seconds === undefined
        ? "–"
        : durationText(seconds)}</td><td class="number">${typeof trainable === "number"
        ? countText(trainable)
        : "–"}</td></tr>
    `;
  });
  return html`
    <div class="scroll">
      <table>
        <caption>The last evaluation of each run on the development data; the
    best of each figure is bold.</caption>
        <thead>
          <tr><th scope="col">Run</th><th scope="col">At</th>${names.map((name) =>
            html`<th scope="col" class="number">${titleOf(name)}</th>`
          )}<th scope="col" class="number">Time</th><th scope="col" class="number">Trained</th></tr>
        </thead>
        <tbody>${rows}</tbody>
      </table>
    </div>
  `;
}

function numberCell(value: number | undefined, isBest = false): Html {
  const text = value === undefined || Number.isNaN(value) ? "–" : figureText(value);
  return html`<td class="number${isBest ? " best" : ""}">${text}</td>`;
}
