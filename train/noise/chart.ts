/**
 * The study as a figure of six panels: one for each figure, by rate.
 *
 * @module
 */

import type { FigureName } from "./figures.ts";
import { drawPanel, label, type Line, type LineStyle, marker } from "./panel.ts";
import { estimate } from "./statistics.ts";
import type { NoiseRow } from "./study.ts";
import { titles, type Variant, variants } from "./variants.ts";

/** Colours of Okabe and Ito: distinct for every kind of sight, and in grey with their dashes. */
const styles: Readonly<Record<Variant, LineStyle>> = {
  "dropkey": { colour: "#0072b2", dash: "none", marker: "circle" },
  "dropattention-nograd": { colour: "#b3400a", dash: "none", marker: "square" },
  "dropattention": { colour: "#000000", dash: "5 3", marker: "triangle" },
  "hiddencut": { colour: "#777777", dash: "1.5 2.5", marker: "diamond" },
};

const size = { width: 940, height: 610 };

/** A panel's words, in the order of the figure. */
const layout: readonly {
  readonly name: FigureName;
  readonly title: string;
  readonly label: string;
  readonly logarithmic: boolean;
  readonly span: readonly number[];
}[] = [
  {
    name: "share",
    title: "a  Share on dropped logits",
    label: "of squared gradient (%)",
    logarithmic: false,
    span: [0],
  },
  {
    name: "dropped",
    title: "b  E|dL/dg_m| on dropped logits",
    label: "over mean |dL/dg|, clean",
    logarithmic: false,
    span: [0],
  },
  {
    name: "variance",
    title: "c  Variance over masks",
    label: "over clean squared norm",
    logarithmic: true,
    span: [],
  },
  {
    name: "bias",
    title: "d  Squared bias of the mean",
    label: "over clean squared norm",
    logarithmic: true,
    span: [],
  },
  {
    name: "mean",
    title: "e  Squared norm of the mean",
    label: "over clean squared norm",
    logarithmic: true,
    span: [],
  },
  {
    name: "cosine",
    title: "f  Agreement with no dropout",
    label: "cosine (dimensionless)",
    logarithmic: false,
    span: [0, 1],
  },
];

/**
 * Draws the means over layers, with intervals of 95 % over masks.
 *
 * @param subject Model and data, for the caption
 */
export function chart(rows: readonly NoiseRow[], subject: string): string {
  const rates = [...new Set(rows.map(({ rate }) => rate))];
  const drawn = layout.map(({ name, ...panel }, i) =>
    drawPanel(
      { ...panel, rates, lines: linesOf(rows, name) },
      { left: 62 + 312 * (i % 3), top: 68 + 262 * Math.floor(i / 3), width: 240, height: 190 },
    )
  );
  const masks = rows.map((row) => row.masks);
  const captions = [
    `${subject}. Means over ${rows[0]!.layers.length} layers and ${Math.min(...masks)} to ` +
    `${Math.max(...masks)} masks; bars: 95 % intervals over masks.`,
    "Clean: without dropout. Logarithmic axes leave out what is not above 0.",
  ];
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${size.width} ${size.height}" ` +
    `width="${size.width}" height="${size.height}" font-family="Helvetica, Arial, sans-serif" ` +
    `font-size="11" role="img" aria-label="Gradient noise of dropout by rate">`,
    `<rect width="${size.width}" height="${size.height}" fill="#fff"/>`,
    legend(),
    ...drawn,
    ...captions.map((line, i) => label(62, size.height - 28 + 16 * i, line, 'fill="#333"')),
    "</svg>",
    "",
  ].join("\n");
}

/** Lines of the variants that have the figure. */
function linesOf(rows: readonly NoiseRow[], name: FigureName): Line[] {
  const factor = name === "share" ? 100 : 1;
  return variants.map((variant) => ({
    style: styles[variant],
    points: rows.filter((row) => row.variant === variant).flatMap(({ rate, mean }) => {
      const figure = mean[name];
      if (figure === undefined) return [];
      const { value, low, high } = estimate(figure);
      return [{ x: rate, y: factor * value, low: factor * low, high: factor * high }];
    }),
  }));
}

function legend(): string {
  const lefts = [60, 180, 395, 625];
  const entries = variants.map((variant, i) => {
    const [x, style] = [lefts[i]!, styles[variant]];
    return `<path d="M${x} 22h30" stroke="${style.colour}" stroke-width="1.5" ` +
      `stroke-dasharray="${style.dash}"/>\n${marker(style, x + 15, 22)}\n` +
      label(x + 37, 26, titles[variant]);
  });
  return `<g>\n${entries.join("\n")}\n</g>`;
}
