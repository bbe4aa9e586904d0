/**
 * The study as a figure of three panels: share on dropped logits, noise, and cosine.
 *
 * @module
 */

import { drawPanel, label, type Line, type LineStyle, marker } from "./panel.ts";
import type { Estimate } from "./statistics.ts";
import { type NoiseMetrics, type NoiseRow, titles, type Variant, variants } from "./study.ts";

/** Colours of Okabe and Ito: distinct for every kind of sight, and in grey with their dashes. */
const styles: Readonly<Record<Variant, LineStyle>> = {
  "dropkey": { colour: "#0072b2", dash: "none", marker: "circle" },
  "dropattention-nograd": { colour: "#b3400a", dash: "none", marker: "square" },
  "dropattention": { colour: "#000000", dash: "5 3", marker: "triangle" },
  "hiddencut": { colour: "#777777", dash: "1.5 2.5", marker: "diamond" },
};

const size = { width: 940, height: 360 };

/**
 * Draws the means over layers, with intervals of 95 % over masks.
 *
 * @param subject Model and data, for the caption
 */
export function chart(rows: readonly NoiseRow[], subject: string): string {
  const rates = [...new Set(rows.map(({ rate }) => rate))];
  const lines = (pick: (metrics: NoiseMetrics) => Estimate | undefined, factor = 1): Line[] =>
    variants.map((variant) => ({
      style: styles[variant],
      points: rows.filter((row) => row.variant === variant).flatMap(({ rate, mean }) => {
        const figure = pick(mean);
        if (figure === undefined) return [];
        const { value, low, high } = figure;
        return [{ x: rate, y: factor * value, low: factor * low, high: factor * high }];
      }),
    }));
  const panels = [
    {
      title: "a  Gradient on dropped logits",
      label: "share of squared norm (%)",
      logarithmic: false,
      span: [0],
      lines: lines(({ share }) => share, 100),
    },
    {
      title: "b  Noise of the gradient",
      label: "variance / squared mean (ratio)",
      logarithmic: true,
      span: [],
      lines: lines(({ noise }) => noise),
    },
    {
      title: "c  Agreement with no dropout",
      label: "cosine (dimensionless)",
      logarithmic: false,
      span: [0, 1],
      lines: lines(({ cosine }) => cosine),
    },
  ];
  const drawn = panels.map((panel, i) =>
    drawPanel({ ...panel, rates }, { left: 60 + 312 * i, top: 68, width: 240, height: 220 })
  );
  const { masks, layers } = rows[0]!;
  const caption =
    `Means over ${layers.length} layers and ${masks} masks, bars: 95 % intervals over ` +
    `masks. ${subject}.`;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${size.width} ${size.height}" ` +
    `width="${size.width}" height="${size.height}" font-family="Helvetica, Arial, sans-serif" ` +
    `font-size="11" role="img" aria-label="Gradient noise of dropout by rate">`,
    `<rect width="${size.width}" height="${size.height}" fill="#fff"/>`,
    legend(),
    ...drawn,
    label(60, size.height - 12, caption, 'fill="#333"'),
    "</svg>",
    "",
  ].join("\n");
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
