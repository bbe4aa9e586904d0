/**
 * Predicted scores against labels, as SVG.
 *
 * @module
 */

import type { ScorePrediction } from "../tasks/prediction.ts";
import { type Html, html } from "./html.ts";

/** Most points that are drawn: more are not told apart. */
const mostDots = 2000;

const size = 420;
const edge = 48;

/**
 * Draws scores that were predicted against their labels.
 *
 * @param number Of the run, whose colour the points have
 */
export function scatter(predictions: readonly ScorePrediction[], number: number): Html {
  const every = Math.ceil(predictions.length / mostDots);
  const drawn = predictions.filter((_, i) => i % every === 0);
  const values = predictions.flatMap(({ label, predicted }) => [label, predicted]);
  const [low, high] = [
    values.reduce((a, b) => Math.min(a, b)),
    values.reduce((a, b) => Math.max(a, b)),
  ];
  const ticks = ticksOf(low, high);
  const [first, last] = [Math.min(low, ticks[0]!), Math.max(high, ticks.at(-1)!)];
  const along = (value: number) => {
    return edge + (value - first) / (last - first || 1) * (size - edge - 16);
  };
  const [x, y] = [along, (value: number) => size - along(value)];
  const dots = drawn.map(({ label, predicted }) =>
    html`
      <circle class="dot s${number % 8}" cx="${x(label).toFixed(1)}" cy="${y(predicted).toFixed(
        1,
      )}" r="3.5" />
    `
  );
  const note = every === 1 ? "" : ` Every ${every}th example is drawn.`;
  return html`
    <figure class="figure">
      <figcaption>
        <p class="small">Predicted scores by label,
    ${predictions.length} examples; on the dashed line both are the same.${note}</p>
      </figcaption>
      <svg viewBox="0 0 ${size} ${size}" role="img"
        aria-label="Scatter of predicted scores by label" class="square">
    ${ticks.map((tick) => gridLines(tick, x(tick), y(tick)))}
    <path class="ideal" d="M${x(first)} ${y(first)}L${x(last)} ${y(last)}"/>${dots}
    <text class="note" x="${size / 2 + 16}" y="${size - 6}" text-anchor="middle">label</text>
    <text class="note" transform="translate(12 ${size / 2 -
      16}) rotate(-90)" text-anchor="middle">predicted</text>
      </svg>
    </figure>
  `;
}

function gridLines(tick: number, x: number, y: number): Html {
  return html`
    <path class="grid" d="M${edge} ${y}H${size - 16}M${x} ${size - edge}V16" />
    <text class="note" x="${edge - 6}" y="${y + 4}" text-anchor="end">${tick}</text>
    <text class="note" x="${x}" y="${size - edge + 16}" text-anchor="middle">${tick}</text>
  `;
}

/** About five round numbers that cover a range. */
export function ticksOf(low: number, high: number): number[] {
  const rough = (high - low || 1) / 5;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = power * [1, 2, 5, 10].find((factor) => factor * power >= rough)!;
  const start = Math.floor(low / step);
  const count = Math.max(1, Math.ceil(high / step) - start);
  return Array.from({ length: count + 1 }, (_, i) => Number(((start + i) * step).toPrecision(12)));
}
