/**
 * What the last evaluation says of single examples: confusion of classes or scatter of scores, and the
 * examples with the highest loss.
 *
 * @module
 */

import type { ClassPrediction, Prediction, ScorePrediction } from "../tasks/prediction.ts";
import { figureText } from "./figures.ts";
import { Html, html } from "./html.ts";
import type { RunRecord } from "./run_record.ts";
import { scatter } from "./scatter.ts";

/** Examples in the table of the highest losses. */
const mostExamples = 20;
/** Classes that a matrix shows; of more, the mistakes that are made most. */
const mostShown = 20;
/** Characters of a text in the table. */
const mostCharacters = 600;
/** Steps of shade in a matrix. */
const shades = 5;

/** The section of a report about single examples: pictures side by side, then the hardest of each run. */
export function predictionsSection(runs: readonly RunRecord[]): Html {
  const isAlone = runs.length === 1;
  const pictures = runs.map((run, i) => {
    const title = isAlone ? undefined : html`<h3>${run.name}</h3>`;
    return html`<div>${title}${run.predictions?.length ? picture(run, i) : missing(run)}</div>`;
  });
  const tables = runs.filter(({ predictions }) => predictions?.length).map(
    ({ name, predictions }) => {
      const count = Math.min(mostExamples, predictions!.length);
      const summary = `${isAlone ? "The" : `${name}: the`} ${count} examples with the highest loss`;
      const start = new Html(isAlone ? "<details open>" : "<details>");
      return html`${start}<summary>${summary}</summary>${hardest(predictions!)}</details>`;
    },
  );
  return html`<section aria-labelledby="examples"><h2 id="examples">Predictions</h2>
<div class="pair">${pictures}</div>${tables}</section>`;
}

function missing({ name }: RunRecord): Html {
  return html`<p class="missing">${name} has no dev_predictions.jsonl: it is written at each
evaluation, and older runs have none.</p>`;
}

/** What was predicted of all examples; nothing of texts. */
function picture({ predictions = [], classes }: RunRecord, number: number): Html | undefined {
  const chosen = predictions.filter((one): one is ClassPrediction => "probabilities" in one);
  if (chosen.length > 0) return confusion(chosen, classes);
  const scores = predictions.filter((one): one is ScorePrediction => {
    return "label" in one && typeof one.label === "number";
  });
  return scores.length > 0 ? scatter(scores, number) : undefined;
}

/** Counts of labels by what was predicted, of all classes or of those most confused. */
function confusion(predictions: readonly ClassPrediction[], known: readonly string[]): Html {
  const found = predictions.flatMap(({ label, predicted }) => [label, predicted]);
  const classes = [...new Set([...known, ...found])];
  if (classes.length > mostShown) return mistakes(predictions, classes.length);
  const count = (label: string, predicted: string) =>
    predictions.filter((one) => one.label === label && one.predicted === predicted).length;
  const rows = classes.map((label) => {
    const counts = classes.map((predicted) => count(label, predicted));
    const total = counts.reduce((sum, value) => sum + value, 0);
    const cells = counts.map((value, c) => cell(value, total, classes[c] === label));
    const recall = total === 0 ? "–" : percent(count(label, label) / total);
    return html`
      <tr><th scope="row">${label}</th>${cells}<td>${total}</td><td>${recall}</td></tr>
    `;
  });
  return html`
    <div class="scroll fit matrix">
      <table>
        <caption>Confusion of classes: rows are labels,
    columns are predictions; counts, and shares of the row. ${predictions
      .length} examples.</caption>
        <thead>
          <tr><th scope="col">Label</th>${classes.map((name) =>
            html`<th scope="col">${name}</th>`
          )}<th scope="col">All</th><th scope="col">Recall</th></tr>
        </thead>
        <tbody>${rows}</tbody>
      </table>
    </div>
  `;
}

function cell(count: number, total: number, isRight: boolean): Html {
  const share = total === 0 ? 0 : count / total;
  const shade = Math.min(shades - 1, Math.floor(share * shades));
  return html`<td class="shade${shade}${isRight ? " right" : ""}">${count}<small>${
    total === 0 ? "" : percent(share)
  }</small></td>`;
}

function mistakes(predictions: readonly ClassPrediction[], classes: number): Html {
  const wrong = predictions.filter(({ label, predicted }) => label !== predicted);
  const pairs = Map.groupBy(wrong, ({ label, predicted }) => JSON.stringify([label, predicted]));
  const most = [...pairs.values()].sort((a, b) => b.length - a.length).slice(0, mostShown);
  const rows = most.map((list) =>
    html`
      <tr>
        <td>${list[0]!.label}</td>
        <td>${list[0]!.predicted}</td>
        <td class="number">${list.length}</td>
      </tr>
    `
  );
  return html`
    <div class="scroll fit">
      <table>
        <caption>The mistakes that are made most, as ${classes}
    classes are too many for a matrix.</caption>
        <thead>
          <tr>
            <th scope="col">Label</th>
            <th scope="col">Predicted</th>
            <th scope="col" class="number">Examples</th>
          </tr>
        </thead>
        <tbody>${rows}</tbody>
      </table>
    </div>
  `;
}

function percent(share: number): string {
  return `${(100 * share).toFixed(1)} %`;
}

function hardest(predictions: readonly Prediction[]): Html {
  const sorted = predictions.toSorted((a, b) => b.loss - a.loss).slice(0, mostExamples);
  const isText = "input" in predictions[0]!;
  const note = isText
    ? "inputs are numbered from 0."
    : "the number is that of the row in the data.";
  const heads = isText ? ["Input, texts"] : ["Label", "Predicted", "Text"];
  return html`
    <div class="scroll examples">
      <table>
        <caption>Of ${predictions.length}; ${note}</caption>
        <thead>
          <tr><th scope="col" class="number">Number</th><th scope="col" class="number">Loss</th>
    ${heads.map((head) => html`<th scope="col">${head}</th>`)}</tr>
        </thead>
        <tbody>${sorted.map(row)}</tbody>
      </table>
    </div>
  `;
}

function row(one: Prediction): Html {
  const start = html`
    <th scope="row" class="number">${one.index}</th>
    <td class="number">${figureText(one.loss)}</td>
  `;
  if ("input" in one) {
    const { input, references, generated } = one;
    return html`
      <tr>${start}<td class="text">${part("input", input)}${part(
        "written",
        generated ?? "nothing: it was not asked to write",
      )}${references.slice(0, 3).map((text) => part("reference", text))}</td></tr>
    `;
  }
  const { label, predicted, texts } = one;
  const [right, found] = typeof label === "number"
    ? [figureText(label), figureText(predicted as number)]
    : [label, withShare(one as ClassPrediction)];
  return html`
    <tr>${start}<td>${right}</td><td>${found}</td><td class="text">${texts.map((text) =>
      html`<bdi dir="auto">${cut(text)}</bdi>`
    )}</td></tr>
  `;
}

function withShare({ predicted, probabilities }: ClassPrediction): string {
  return `${predicted} (${percent(Math.max(...probabilities))})`;
}

function part(name: string, text: string): Html {
  return html`<span>${name}</span><bdi dir="auto">${cut(text)}</bdi>`;
}

function cut(text: string): string {
  return text.length > mostCharacters ? `${text.slice(0, mostCharacters)}…` : text;
}
