/**
 * The colours of a report, for light and for dark pages.
 *
 * Runs have the hues of Okabe and Ito, which are told apart with every kind of sight, darkened or
 * lightened until they have a contrast of 4.5 to 1 with the page (WCAG 2.2 AA asks 3 of graphics).
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
      "#0067a8",
      "#b34700",
      "#007a58",
      "#a3407c",
      "#7a6200",
      "#33679e",
      "#5c5c5c",
      "#8a3324",
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
      "#5cb8ee",
      "#ff9d57",
      "#2bc79a",
      "#ee9dcb",
      "#e6d34a",
      "#a9bdf5",
      "#c4c4c4",
      "#ff8f7d",
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
