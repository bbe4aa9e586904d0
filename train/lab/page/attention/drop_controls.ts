/**
 * Dropping by rate and seed, as training does, and taking everything back.
 *
 * @module
 */

import { element } from "../dom.ts";

/** What the controls tell. */
export interface DropEvents {
  /** Keys are to be drawn with a rate and a seed. */
  onDraw(rate: number, seed: number): void;
  /** All keys are to be kept. */
  onKeepAll(): void;
  /** Everything is to be as it was at first. */
  onReset(): void;
}

/** The controls as they are drawn. */
export interface DropControls {
  /** What stands in the page. */
  readonly root: HTMLElement;
  /** Shows rate and seed, and says how the keys were dropped. */
  draw(rate: number, seed: number, said: string): void;
}

/** A slider for the rate, a field for the seed, and buttons. */
export function dropControls(events: DropEvents): DropControls {
  const rate = element("input", {
    type: "range",
    min: 0,
    max: 0.9,
    step: 0.05,
    "aria-label": "Dropout rate p",
  });
  const shown = element("output", { class: "number" });
  const seed = element("input", { type: "number", min: 0, max: 999_999, step: 1 });
  const said = element("p", { class: "said", role: "status" });
  const draw = () => events.onDraw(Number(rate.value), Number(seed.value));
  rate.addEventListener("input", draw);
  seed.addEventListener("change", draw);
  const button = (name: string, run: () => void) => {
    const made = element("button", { type: "button" }, name);
    made.addEventListener("click", run);
    return made;
  };
  const root = element(
    "div",
    { class: "drop" },
    element(
      "div",
      { class: "controls", role: "group", "aria-label": "What is dropped" },
      element("label", {}, "Rate p", rate, shown),
      element("label", {}, "Seed", seed),
      button("Next draw", () => events.onDraw(Number(rate.value), Number(seed.value) + 1)),
      button("Keep all", events.onKeepAll),
      button("Reset", events.onReset),
    ),
    said,
  );
  return {
    root,
    draw(p, number, text) {
      rate.value = String(p);
      shown.textContent = p.toFixed(2);
      seed.value = String(number);
      if (said.textContent !== text) said.textContent = text;
    },
  };
}
