/**
 * The paper's k while the logit of a dropped word grows: a curve, and a slider that moves along it.
 *
 * @module
 */

import { element, setAttributes, svg } from "../dom.ts";
import type { RowResults } from "./compute.ts";
import { kLogits } from "./k_logits.ts";
import { logitBounds, rowWords } from "./row.ts";

/** Which k is shown: of a kept word's weight, by a dropped word's logit. */
export interface KPlace {
  /** Number of the kept word. */
  readonly of: number;
  /** Number of the dropped word. */
  readonly moved: number;
}

/** The curve as it is drawn. */
export interface KCurve {
  /** What stands in the page. */
  readonly root: HTMLElement;
  /** Shows the curve; nothing where no word is dropped. */
  draw(
    results: RowResults,
    logits: readonly number[],
    place?: KPlace,
    curve?: readonly number[],
  ): void;
}

const { min, max } = logitBounds;
const frame = { left: 60, top: 14, width: 540, height: 190 } as const;
const x = (logit: number) => frame.left + frame.width * (logit - min) / (max - min);
const y = (k: number) => frame.top + frame.height * (1 - k);

/** The curve of k, whose slider moves the logit. */
export function kCurve(onMove: (key: number, logit: number) => void): KCurve {
  const line = svg("path", { class: "line dropkey", fill: "none" });
  const dot = svg("circle", { class: "dot", r: 7 });
  const plot = svg(
    "svg",
    { viewBox: "0 0 620 266", role: "img", "aria-labelledby": "k-reading" },
    ...axes(),
    line,
    dot,
  );
  const slider = element("input", { type: "range", min, max, step: 0.1, id: "k-logit" });
  const name = element("label", { for: "k-logit" });
  const large = element("p", { class: "large number", "aria-hidden": "true" });
  const spoken = element("p", { class: "reading", id: "k-reading", role: "status" });
  let place: KPlace | undefined;
  slider.addEventListener("input", () => {
    if (place !== undefined) onMove(place.moved, Number(slider.value));
  });
  const moves = element("div", { class: "controls" }, name, slider);
  const drawn = element("div", { class: "chart" }, plot, moves);
  return {
    root: element("div", { class: "panel k" }, drawn, element("div", {}, large, spoken)),
    draw(results, logits, next, curve = []) {
      place = next;
      drawn.hidden = next === undefined;
      large.hidden = next === undefined;
      if (next === undefined) {
        spoken.textContent = "Drop a word, and keep two, to see k.";
        return;
      }
      const k = quotient(results, next.of);
      const logit = logits[next.moved]!;
      setAttributes(line, { d: pathOf(curve), "data-k": curve.join() });
      setAttributes(dot, { cx: x(logit), cy: y(k) });
      large.textContent = `k = ${k.toFixed(3)}`;
      slider.value = String(logit);
      name.textContent = `Logit of “${rowWords[next.moved]}”`;
      spoken.textContent = sentence(k, rowWords[next.of]!);
    },
  };
}

/** The slope of a weight by its own logit under DropKey, over that with NoGrad. */
function quotient({ dropkey, nograd }: RowResults, of: number): number {
  const own = (rowWords.length + 1) * of;
  return dropkey.jacobian[own]! / nograd.jacobian[own]!;
}

const pathOf = (curve: readonly number[]) =>
  curve.map((k, i) => `${i === 0 ? "M" : "L"}${x(kLogits[i]!).toFixed(1)} ${y(k).toFixed(2)}`).join(
    "",
  );

function sentence(k: number, word: string): string {
  return `With NoGrad the weight of “${word}” answers its own logit ${(1 / k).toFixed(2)} times ` +
    "as strongly as it truly does.";
}

function axes(): SVGElement[] {
  const grid = [0, 0.25, 0.5, 0.75, 1].flatMap((k) => [
    svg("line", {
      class: "grid",
      x1: frame.left,
      x2: frame.left + frame.width,
      y1: y(k),
      y2: y(k),
    }),
    svg("text", { class: "tick", x: frame.left - 8, y: y(k) + 4, "text-anchor": "end" }, String(k)),
  ]);
  const ticks = [-3, -2, -1, 0, 1, 2, 3, 4].map((logit) =>
    svg(
      "text",
      { class: "tick", x: x(logit), y: frame.top + frame.height + 22, "text-anchor": "middle" },
      String(logit).replace("-", "−"),
    )
  );
  const title = svg(
    "text",
    {
      class: "tick",
      x: frame.left + frame.width / 2,
      y: frame.top + frame.height + 50,
      "text-anchor": "middle",
    },
    "logit of the dropped word",
  );
  return [...grid, ...ticks, title];
}
