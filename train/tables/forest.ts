/**
 * Paired differences as dots with their intervals, around the line where nothing differs.
 *
 * @module
 */

import { type Html, html } from "../report/html.ts";
import type { Decided } from "./comparisons.ts";
import { at, clipped, linearScale, type Scale } from "./plot.ts";
import { decimalsOf, signedText, type Unit } from "./units.ts";

/** A method's difference to the baseline. */
export type ForestRow = Pick<Decided, "difference" | "interval" | "verdict"> & {
  /** Name of the method. */
  readonly label: string;
};

/** What a figure of differences shows. */
export interface Forest {
  /** Identifier in the page. */
  readonly id: string;
  /** What it shows, in a line. */
  readonly title: string;
  /** Name of the axis, with its unit. */
  readonly axis: string;
  /** Unit of the differences. */
  readonly unit: Unit;
  /** A method a row. */
  readonly rows: readonly ForestRow[];
}

const width = 360;
const edges = [18, width - 18] as const;
const rowHeight = 38;

/** Draws differences: a filled dot is one that the adjusted test supports, a hollow one is not. */
export function drawForest({ id, title, axis, unit, rows }: Forest): Html {
  const { factor } = unit;
  const decimals = decimalsOf(rows.map(({ interval: { low, high } }) => (high - low) / 2), unit);
  const signed = (value: number) => signedText(value, decimals, factor);
  const texts = rows.map(({ difference, interval: { low, high } }) =>
    Number.isNaN(low)
      ? signed(difference)
      : `${signed(difference)} (${signed(low)} to ${signed(high)})`
  );
  const values = rows.flatMap(({ difference, interval: { low, high } }) => [difference, low, high]);
  const scale = linearScale([0, ...values.map((value) => factor * value)], edges);
  const bottom = 8 + rowHeight * rows.length;
  const zero = at(scale.place(0));
  const description = rows.map(({ label, verdict }, i) => `${label}: ${texts[i]}, ${verdict}`);
  return html`
    <svg viewBox="0 0 ${width} ${bottom + 62}" role="img"
      aria-labelledby="${id}-title ${id}-desc"><title id="${id}-title">${title}</title>
    <desc id="${id}-desc">${description.join("; ")}</desc>
    ${axisOf(scale, rows.length)}
    <path class="ideal" d="${besideTexts(zero, rows.length)}"/>
    ${rows.map((row, i) =>
      drawRow({ ...row, text: texts[i]!, top: 8 + rowHeight * i }, scale, factor)
    )}
    <text class="note" x="${width / 2}" y="${bottom + 36}" text-anchor="middle">${axis}</text>
    <circle class="hollow" cx="${edges[0]}" cy="${bottom + 52}" r="4.5"/>
    <text class="note" x="${edges[0] + 10}" y="${bottom + 56}">undecided</text>
    <circle class="decided" cx="${edges[0] + 88}" cy="${bottom + 52}" r="4.5"/>
    <text class="note" x="${edges[0] + 98}" y="${bottom + 56}">the adjusted test decides</text>
    </svg>
  `;
}

/** An upright line that leaves out the texts of so many rows. */
function besideTexts(x: number, rows: number): string {
  return Array.from({ length: rows }, (_, i) => `M${x} ${8 + rowHeight * i + 18}v18`).join("");
}

function axisOf({ ticks, place }: Scale, rows: number): Html {
  const bottom = 8 + rowHeight * rows;
  const marks = ticks.map((tick) => besideTexts(at(place(tick)), rows)).join("");
  return html`
    <path class="grid" d="${marks}" />
    <path class="axis" d="M${edges[0]} ${bottom}H${edges[1]}" />${ticks.map((tick) =>
      html`<text class="note" x="${at(place(tick))}" y="${bottom + 18}" text-anchor="middle">${
        `${tick}`.replace("-", "−")
      }</text>`
    )}
  `;
}

function drawRow(
  { label, difference, interval: { low, high }, verdict, text, top }: ForestRow & {
    readonly text: string;
    readonly top: number;
  },
  { place }: Scale,
  factor: number,
): Html {
  const x = (value: number) => at(place(factor * value));
  const y = top + 26;
  const isDecided = verdict !== "undecided";
  // What the value leaves of the width, at about 6.6 units a character.
  const room = Math.max(8, Math.floor((width - 24) / 6.6) - text.length - 1);
  const bar = Number.isNaN(low) ? undefined : html`
    <path class="whisker"
      d="M${x(low)} ${y}H${x(high)}M${x(low)} ${y - 4}v8M${x(high)} ${y - 4}v8" />
  `;
  const dot = Number.isNaN(difference) ? undefined : html`
    <circle class="${isDecided ? "decided" : "hollow"}" cx="${x(difference)}" cy="${y}" r="4.5" />
  `;
  return html`<g><title>${label}</title>
<text class="${isDecided ? "strong" : "plain"}" x="12" y="${top + 13}">${
    clipped(label, room)
  }</text>
<text class="note" x="${width - 12}" y="${
    top + 13
  }" text-anchor="end">${text}</text>${bar}${dot}</g>`;
}
