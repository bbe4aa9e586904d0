/**
 * One panel of a figure: axes, lines, markers and interval bars, as SVG.
 *
 * @module
 */

/** How a line looks; shapes and dashes keep lines apart in greyscale. */
export interface LineStyle {
  /** Colour of line and marker, as SVG writes it. */
  readonly colour: string;
  /** SVG dash pattern, which keeps lines apart in greyscale. */
  readonly dash: string;
  /** Marker. */
  readonly marker: "circle" | "square" | "triangle" | "diamond";
}

/** A point of a line, with the interval of its ordinate. */
export interface Point {
  /** Value on the horizontal axis. */
  readonly x: number;
  /** Value on the vertical axis. */
  readonly y: number;
  /** Lower end of the interval, in the units of `y`. */
  readonly low: number;
  /** Upper end of the interval, in the units of `y`. */
  readonly high: number;
}

/** A line with a marker and an interval bar at each point. */
export interface Line {
  /** Colour, dash and marker. */
  readonly style: LineStyle;
  /** Points, left to right; those that are not finite are left out. */
  readonly points: readonly Point[];
}

/** Titles, axes and lines of a panel. */
export interface Panel {
  /** Letter of the panel and what it measures. */
  readonly title: string;
  /** Title of the y axis, with its unit. */
  readonly label: string;
  /** Whether the y axis is logarithmic. */
  readonly logarithmic: boolean;
  /** Least and greatest value of a linear axis that must be visible. */
  readonly span: readonly number[];
  /** Lines. */
  readonly lines: readonly Line[];
  /** Ticks of the x axis, which is logarithmic. */
  readonly rates: readonly number[];
  /** Colours of axes and markers; default those of paper. */
  readonly paint?: PanelPaint;
}

/** Colours of what is no line. */
export interface PanelPaint {
  /** Axes. */
  readonly ink: string;
  /** Lines across the plot. */
  readonly grid: string;
  /** Inside of markers. */
  readonly ground: string;
}

/** On white paper. */
export const paper: PanelPaint = { ink: "#000", grid: "#ddd", ground: "#fff" };

/** Where a panel lies, in user units. */
export interface PanelFrame {
  /** Left end of the x axis. */
  readonly left: number;
  /** Upper end of the y axis. */
  readonly top: number;
  /** Length of the x axis. */
  readonly width: number;
  /** Length of the y axis. */
  readonly height: number;
}

const round = (x: number) => Number(x.toFixed(2));
const escaped = (text: string) => text.replace(/&/g, "&amp;").replace(/</g, "&lt;");

/** An SVG text element; `x` and `y` in user units. */
export function label(x: number, y: number, words: string, attributes = ""): string {
  return `<text x="${round(x)}" y="${round(y)}"${attributes && ` ${attributes}`}>${
    escaped(words)
  }</text>`;
}

/** An SVG marker around a point in user units. */
export function marker(
  { marker, colour }: LineStyle,
  x: number,
  y: number,
  { ground }: PanelPaint = paper,
): string {
  const [cx, cy, r] = [round(x), round(y), 3.4];
  const paint = `fill="${ground}" stroke="${colour}" stroke-width="1.5"`;
  if (marker === "circle") return `<circle cx="${cx}" cy="${cy}" r="${r}" ${paint}/>`;
  const corners = {
    square: [[-1, -1], [1, -1], [1, 1], [-1, 1]],
    triangle: [[0, -1.25], [1.2, 0.9], [-1.2, 0.9]],
    diamond: [[0, -1.4], [1.4, 0], [0, 1.4], [-1.4, 0]],
  }[marker];
  const at = corners.map(([dx, dy]) => `${round(x + dx! * 3)},${round(y + dy! * 3)}`).join(" ");
  return `<polygon points="${at}" ${paint}/>`;
}

/** The SVG group of a panel. */
export function drawPanel(panel: Panel, frame: PanelFrame): string {
  const { left, top, width, height } = frame;
  const { lines, rates, logarithmic, paint = paper } = panel;
  const [first, last] = [Math.log(rates[0]!), Math.log(rates.at(-1)!)];
  const inset = 14;
  const xOf = (rate: number) =>
    left + inset + (width - 2 * inset) * (Math.log(rate) - first) / (last - first || 1);
  const points = lines.flatMap((line) => line.points.filter(usable(logarithmic)));
  const ticks = logarithmic
    ? decades(points.map(({ y }) => y))
    : steps([...panel.span, ...points.flatMap(({ low, high }) => [low, high])]);
  const scaled = (y: number) => logarithmic ? Math.log(y) : y;
  const [bottomValue, topValue] = [scaled(ticks[0]!), scaled(ticks.at(-1)!)];
  const yOf = (y: number) => {
    const share = (scaled(y) - bottomValue) / (topValue - bottomValue);
    return top + height * (1 - Math.min(1, Math.max(0, share)));
  };
  const parts = [label(left, top - 10, panel.title, 'font-weight="bold"')];
  for (const tick of ticks) {
    const y = round(yOf(tick));
    parts.push(`<path d="M${left} ${y}H${left + width}" stroke="${paint.grid}"/>`);
    parts.push(label(left - 6, y + 3.5, numeral(tick), 'text-anchor="end"'));
  }
  let free = -Infinity;
  for (const rate of rates) {
    const x = xOf(rate);
    parts.push(`<path d="M${round(x)} ${top + height}v4" stroke="${paint.ink}"/>`);
    const half = 3 * `${rate}`.length;
    if (x - half < free) continue;
    free = x + half + 3;
    parts.push(label(x, top + height + 16, `${rate}`, 'text-anchor="middle"'));
  }
  parts.push(
    `<path d="M${left} ${top}V${top + height}H${left + width}" fill="none" stroke="${paint.ink}"/>`,
  );
  const middle = top + height / 2;
  parts.push(
    label(
      left + width / 2,
      top + height + 34,
      "dropout rate p (log scale)",
      'text-anchor="middle"',
    ),
    label(
      left - 38,
      middle,
      panel.label,
      `text-anchor="middle" transform="rotate(-90 ${left - 38} ${middle})"`,
    ),
  );
  lines.forEach((line, i) => {
    // Lines that coincide stay visible side by side.
    const shift = 2.6 * (i - (lines.length - 1) / 2);
    const shown = line.points.filter(usable(logarithmic));
    const place = { xOf: (x: number) => xOf(x) + shift, yOf, least: ticks[0]!, paint };
    parts.push(drawLine({ ...line, points: shown }, place));
  });
  return `<g>\n${parts.filter((part) => part !== "").join("\n")}\n</g>`;
}

function usable(logarithmic: boolean): (point: Point) => boolean {
  return ({ y }) => Number.isFinite(y) && (!logarithmic || y > 0);
}

/** Where the points of a line lie in the plot. */
interface LinePlace {
  readonly xOf: (x: number) => number;
  readonly yOf: (y: number) => number;
  /** Least value of the vertical axis. */
  readonly least: number;
  readonly paint: PanelPaint;
}

function drawLine(
  { style, points }: Line,
  { xOf, yOf, least, paint }: LinePlace,
): string {
  if (points.length === 0) return "";
  const { colour, dash } = style;
  const path = points.map(({ x, y }, i) => `${i ? "L" : "M"}${round(xOf(x))} ${round(yOf(y))}`);
  const bars = points.filter(({ low, high }) => high > low).map(({ x, low, high }) => {
    const [from, to] = [round(yOf(Math.max(low, least))), round(yOf(high))];
    const at = round(xOf(x));
    // A bar that leaves the plot has no lower cap.
    const cap = low < least ? "" : `M${round(at - 2.5)} ${from}h5`;
    return `M${at} ${from}V${to}${cap}M${round(at - 2.5)} ${to}h5`;
  });
  return [
    `<path d="${path.join("")}" fill="none" stroke="${colour}" stroke-width="1.5" ` +
    `stroke-dasharray="${dash}"/>`,
    bars.length > 0 ? `<path d="${bars.join("")}" fill="none" stroke="${colour}"/>` : "",
    ...points.map(({ x, y }) => marker(style, xOf(x), yOf(y), paint)),
  ].filter((part) => part !== "").join("\n");
}

/** Powers of ten around the values. */
function decades(values: readonly number[]): number[] {
  const [from, to] = values.length === 0
    ? [0, 1]
    : [Math.floor(Math.log10(Math.min(...values))), Math.ceil(Math.log10(Math.max(...values)))];
  const end = Math.max(to, from + 1);
  return Array.from({ length: end - from + 1 }, (_, i) => 10 ** (from + i));
}

/** Round numbers that enclose the values. */
function steps(values: readonly number[]): number[] {
  const finite = values.filter(Number.isFinite);
  const [least, most] = [Math.min(...finite), Math.max(...finite)];
  const raw = (most - least || 1) / 5;
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = power * ([1, 2, 5, 10].find((factor) => factor * power >= raw * 0.999) ?? 10);
  const from = Math.floor(least / step + 1e-9);
  const to = Math.max(from + 1, Math.ceil(most / step - 1e-9));
  return Array.from(
    { length: to - from + 1 },
    (_, i) => Number(((from + i) * step).toPrecision(6)),
  );
}

/** A number; powers of ten with many digits by their exponent. */
function numeral(value: number): string {
  const exponent = Math.round(Math.log10(value));
  const short = value === 0 || (value >= 0.01 && value <= 1000);
  if (!short && value === 10 ** exponent) {
    return `10${
      [...`${exponent}`].map((digit) => digit === "-" ? "\u207b" : superscripts[Number(digit)])
        .join("")
    }`;
  }
  return `${Number(value.toPrecision(4))}`.replace("-", "\u2212");
}

const superscripts = [..."\u2070\u00b9\u00b2\u00b3\u2074\u2075\u2076\u2077\u2078\u2079"];
