/**
 * How the runs are made: methods, and the numbers that all of them share.
 *
 * @module
 */

import { type Method, methods } from "../../../../nn/dropout/methods.ts";
import { element } from "../dom.ts";
import { choices, type ChoiceState, methodWords, mostMethods } from "./choices.ts";
import { type NumberControl, numberControl, radioGroup } from "./controls.ts";
import { colourOf } from "./curves.ts";

/** The numbers by their names in the address. */
const numbers = {
  rate: { label: "Dropout rate", step: 0.05 },
  kl: { label: "Weight of KL", step: 0.1 },
  epochs: { label: "Passes over the data", step: "any" },
  lr: { label: "Learning rate", step: "any" },
  rank: { label: "Rank of LoRA", step: 1 },
  steps: { label: "Most steps, 0 for all", step: 1 },
  batch: { label: "Batch size", step: 1 },
  seed: { label: "Seed", step: 1 },
} as const satisfies Record<string, NumberControl>;

type NumberName = keyof typeof numbers;
const names = Object.keys(numbers) as NumberName[];
/** Those that are always shown. */
const first: readonly NumberName[] = ["rate", "kl", "epochs"];

/** The methods, of which a few can be chosen at once. */
function methodBoxes(state: ChoiceState, onChange: () => void) {
  const boxes = methods.map((method) => {
    const input = element("input", { type: "checkbox", value: method });
    const hint = element("span", { class: "hint" }, ` ${methodWords[method]}`);
    const name = element("span", { class: `swatch ${colourOf(method)}` }, method);
    const words = element("span", {}, name, hint);
    return { method, input, root: element("label", { class: "choice" }, input, words) };
  });
  const chosen = () => boxes.filter(({ input }) => input.checked).map(({ method }) => method);
  const limit = () => {
    const isFull = chosen().length >= mostMethods;
    for (const { input } of boxes) input.disabled = isFull && !input.checked;
  };
  for (const { input } of boxes) {
    input.addEventListener("change", () => {
      state.set("methods", chosen());
      limit();
      onChange();
    });
  }
  const legend = element("legend", {}, `Methods, ${mostMethods} at most`);
  return {
    root: element("fieldset", {}, legend, ...boxes.map(({ root }) => root)),
    show(shown: readonly Method[]) {
      for (const { method, input } of boxes) input.checked = shown.includes(method);
      limit();
    },
  };
}

/** The controls of all settings. */
export interface SettingsView {
  /** Element to put into the page. */
  readonly root: HTMLElement;
  /** What is wrong with a number, if anything. */
  fault(): string | undefined;
  /** Shows what the address says. */
  restore(): void;
}

/** Makes the controls; `onChange` is called when one has changed. */
export function settingsView(state: ChoiceState, onChange: () => void): SettingsView {
  const boxes = methodBoxes(state, onChange);
  const controls = names.map((name) => ({
    name,
    ...numberControl(numbers[name], choices[name], (value) => {
      if (value !== undefined) state.set(name, value);
      onChange();
    }),
  }));
  const of = (isFirst: boolean) =>
    controls.filter(({ name }) => first.includes(name) === isFirst).map(({ root }) => root);
  const weights = radioGroup("Weights of the layers", [
    { value: "full", label: "as floats of 32 bits" },
    { value: "int8", label: "in 8 bits, a quarter of the memory" },
    { value: "nf4", label: "in 4 bits, an eighth" },
  ], (value) => {
    state.set("weights", value);
    onChange();
  });
  const machine = radioGroup("Computed on", [
    { value: "cpu", label: "the processor" },
    { value: "webgpu", label: "the graphics card (WebGPU)" },
  ], (value) => {
    state.set("machine", value);
    onChange();
  });
  const root = element(
    "div",
    {},
    boxes.root,
    element("div", { class: "fields" }, ...of(true)),
    element(
      "details",
      {},
      element("summary", {}, "More settings"),
      element("div", { class: "fields" }, ...of(false)),
      weights.root,
      machine.root,
    ),
  );
  return {
    root,
    fault: () => controls.map(({ fault }) => fault()).find((one) => one !== undefined),
    restore() {
      boxes.show(state.get("methods"));
      for (const { name, show } of controls) show(state.get(name));
      weights.choose(state.get("weights"));
      machine.choose(state.get("machine"));
    },
  };
}
