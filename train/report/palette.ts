/**
 * The colours of a report, for light and for dark pages.
 *
 * Runs have colours that differ in lightness as well as in hue: they were searched for the largest
 * distance (OKLab) of any two, with full sight and without one kind of cones, at a contrast with the
 * page of at least 3 to 1, which WCAG 2.2 AA asks of graphics. The tests measure both.
 *
 * @module
 */

/** Colours of one theme, by their names in the style sheet. */
export interface Theme {
  /** Behind everything. */
  readonly page: string;
  /** Behind panels and tables. */
  readonly panel: string;
  /** Text. */
  readonly text: string;
  /** Text that says less. */
  readonly muted: string;
  /** Edges of controls. */
  readonly edge: string;
  /** Lines that only separate. */
  readonly rule: string;
  /** Links, and what has the focus. */
  readonly accent: string;
  /** Behind places of the figure where something is dropped. */
  readonly mark: string;
  /** Runs, or the curves of a single run. */
  readonly series: readonly string[];
  /** Behind the cells of a matrix, from the least share to the most. */
  readonly shades: readonly string[];
}

/** Both themes. */
export const themes: Readonly<Record<"light" | "dark", Theme>> = {
  light: {
    page: "#f6f7f9",
    panel: "#ffffff",
    text: "#16191d",
    muted: "#565d66",
    edge: "#7d858f",
    rule: "#d9dde2",
    accent: "#0b5cad",
    mark: "#fdeedb",
    series: [
      "#3367c3",
      "#823b07",
      "#449d85",
      "#53064d",
      "#a87d08",
      "#4122a2",
      "#62696c",
      "#581800",
    ],
    shades: ["#ffffff", "#e6f0f8", "#c6deef", "#a3cae5", "#7fb5da"],
  },
  dark: {
    page: "#14171b",
    panel: "#1c2026",
    text: "#e9ecef",
    muted: "#a9b1ba",
    edge: "#7c8590",
    rule: "#343a42",
    accent: "#79b8ff",
    mark: "#4a331b",
    series: [
      "#9bc8fe",
      "#eb963f",
      "#b6fec9",
      "#ba6ca6",
      "#e4d64f",
      "#bd86f5",
      "#a5acb0",
      "#cb6f57",
    ],
    shades: ["#1c2026", "#1d3040", "#1e4058", "#1f5070", "#206088"],
  },
};

/** The themes as rules of a style sheet: the system's choice, unless the page has its own. */
export function themeRules(): string {
  const [light, dark] = [declarations(themes.light), declarations(themes.dark)];
  return `:root{color-scheme:light;${light}}
@media (prefers-color-scheme:dark){:root:not([data-theme]){color-scheme:dark;${dark}}}
:root[data-theme=dark]{color-scheme:dark;${dark}}
@media print{:root,:root:not([data-theme]),:root[data-theme=dark]{color-scheme:light;${light}}}
`;
}

function declarations(theme: Theme): string {
  return Object.entries(theme).flatMap(([name, value]) =>
    typeof value === "string"
      ? [`--${name}:${value};`]
      : (value as readonly string[]).map((colour, i) => `--${name}-${i}:${colour};`)
  ).join("");
}
