import { assert, assertEquals, assertLessOrEqual } from "@std/assert";
import { type Theme, themeRules, themes } from "../../../train/report/palette.ts";

/** Red, green and blue from 0 to 1, linear in light, as WCAG 2.2 defines relative luminance. */
function linear(colour: string): [number, number, number] {
  return [1, 3, 5].map((at) => {
    const value = parseInt(colour.slice(at, at + 2), 16) / 255;
    return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
  }) as [number, number, number];
}

function contrast(one: string, other: string): number {
  const [dark, light] = [one, other].map((colour) => {
    const [r, g, b] = linear(colour);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  }).sort((a, b) => a - b) as [number, number];
  return (light + 0.05) / (dark + 0.05);
}

Deno.test("contrast() is that of WCAG: 21 of black on white, 4.54 of #767676", () => {
  assertEquals(contrast("#000000", "#ffffff"), 21);
  assertEquals(contrast("#767676", "#ffffff").toFixed(2), "4.54");
});

/** Pairs that meet in the page: in front, behind, and the contrast that WCAG 2.2 AA asks for. */
function pairs({ page, panel, text, muted, edge, accent, mark, series, shades }: Theme) {
  return [
    ...[page, panel].flatMap((behind) => [
      ...[text, muted, accent].map((front) => [front, behind, 4.5] as const),
      // Edges of controls and of boxes in figures, and curves, are graphics.
      [edge, behind, 3] as const,
      ...series.map((front) => [front, behind, 3] as const),
    ]),
    ...shades.map((behind) => [text, behind, 4.5] as const),
    [text, mark, 4.5] as const,
  ];
}

for (const [name, theme] of Object.entries(themes)) {
  Deno.test(`every text, curve and edge of the ${name} theme has the contrast of WCAG AA`, () => {
    for (const [front, behind, least] of pairs(theme)) {
      assertLessOrEqual(least, contrast(front, behind), `${front} on ${behind}`);
    }
  });
}

/**
 * What a colour becomes without one kind of cones, linear in light.
 *
 * Source: Machado, Oliveira and Fernandes, "A physiologically-based model for simulation of color
 * vision deficiency", 2009, severity 1
 */
const deficiencies: Readonly<Record<string, readonly (readonly number[])[]>> = {
  none: [[1, 0, 0], [0, 1, 0], [0, 0, 1]],
  protanopia: [
    [0.152286, 1.052583, -0.204868],
    [0.114503, 0.786281, 0.099216],
    [-0.003882, -0.048116, 1.051998],
  ],
  deuteranopia: [
    [0.367322, 0.860646, -0.227968],
    [0.280085, 0.672501, 0.047413],
    [-0.01182, 0.04294, 0.968881],
  ],
};

/** A colour in OKLab, in which distances are about those that are seen. */
function oklab(colour: string, matrix: readonly (readonly number[])[]): number[] {
  const rgb = linear(colour);
  const [r, g, b] = matrix.map((row) => {
    return Math.min(1, Math.max(0, row.reduce((sum, x, i) => sum + x * rgb[i]!, 0)));
  }) as [number, number, number];
  const l = Math.cbrt(0.4122214708 * r + 0.5363325363 * g + 0.0514459929 * b);
  const m = Math.cbrt(0.2119034982 * r + 0.6806995451 * g + 0.1073969566 * b);
  const s = Math.cbrt(0.0883024619 * r + 0.2817188376 * g + 0.6299787005 * b);
  return [
    0.2104542553 * l + 0.793617785 * m - 0.0040720468 * s,
    1.9779984951 * l - 2.428592205 * m + 0.4505937099 * s,
    0.0259040371 * l + 0.7827717662 * m - 0.8086757660 * s,
  ];
}

Deno.test("two series are told apart with every kind of sight, the first four easily", () => {
  for (const { series } of Object.values(themes)) {
    for (const [sight, matrix] of Object.entries(deficiencies)) {
      const labs = series.map((colour) => oklab(colour, matrix));
      for (const [i, one] of labs.entries()) {
        for (const [j, other] of labs.slice(0, i).entries()) {
          const distance = Math.hypot(...one.map((value, axis) => value - other[axis]!));
          const least = i < 4 ? 0.15 : 0.1;
          assertLessOrEqual(least, distance, `${series[i]} ${series[j]} ${sight}`);
        }
      }
    }
  }
});

Deno.test("the rules have both themes: by the system, by choice, and light on paper", () => {
  const rules = themeRules().trim().split("\n");
  assertEquals(rules.map((rule) => rule.includes(themes.dark.page)), [false, true, true, false]);
  assertEquals(rules.map((rule) => rule.includes(themes.light.page)), [true, false, false, true]);
  assert(rules[3]!.startsWith("@media print"));
  assert(rules.every((rule) => rule.includes("--series-7:") && rule.includes("--shades-4:")));
});
