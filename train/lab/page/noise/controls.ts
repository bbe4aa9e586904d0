/**
 * What is measured: fields of the address, controls, and the command that measures the same.
 *
 * @module
 */

import { element } from "../dom.ts";
import { ascendingField, numberField } from "../fields.ts";
import type { SectionState } from "../section.ts";
import type { NoiseSettings } from "./measure.ts";

/** What the section keeps in the address. */
export const noiseFields = {
  seed: numberField(1, { min: 0, max: 999_999, whole: true }),
  masks: numberField(32, { min: 4, max: 192, whole: true }),
  batch: numberField(8, { min: 1, max: 16, whole: true }),
  rates: ascendingField([0.05, 0.1, 0.2, 0.3, 0.5], { min: 0.01, max: 0.9, fewest: 2, most: 12 }),
} as const;

/** The command that prints the same numbers. */
export function commandOf({ rates, masks, batch, seed }: NoiseSettings): Node[] {
  const words = [
    "deno task noise",
    "--kernels simd",
    `--masks ${masks}`,
    `--batch ${batch}`,
    `--seed ${seed}`,
    `--rates ${rates.join(",")}`,
  ];
  // Options stay on one line with their values.
  return words.flatMap((word) => [element("span", {}, word), document.createTextNode(" ")]);
}

/** The controls as they are drawn. */
export interface NoiseControls {
  /** What stands in the page. */
  readonly root: HTMLElement;
  /** Shows what is set. */
  draw(): void;
}

/** Seed and number of masks, which change the state. */
export function noiseControls(
  state: SectionState<typeof noiseFields>,
  onChange: () => void,
): NoiseControls {
  const seed = element("input", { type: "number", min: 0, max: 999_999, step: 1 });
  const masks = element(
    "select",
    {},
    ...[8, 16, 32, 64, 192].map((count) => element("option", { value: count }, String(count))),
  );
  const next = element("button", { type: "button" }, "Next seed");
  const change = (value: number) => {
    state.set("seed", value);
    onChange();
  };
  seed.addEventListener("change", () => change(Number(seed.value)));
  next.addEventListener("click", () => change(state.get("seed") + 1));
  masks.addEventListener("change", () => {
    state.set("masks", Number(masks.value));
    onChange();
  });
  return {
    root: element(
      "div",
      { class: "controls", role: "group", "aria-label": "What is measured" },
      element("label", {}, "Seed", seed),
      next,
      element("label", {}, "Masks", masks),
    ),
    draw() {
      seed.value = String(state.get("seed"));
      const count = String(state.get("masks"));
      if (![...masks.options].some(({ value }) => value === count)) {
        masks.append(element("option", { value: count }, count));
      }
      masks.value = count;
    },
  };
}
