/**
 * How the runs are made: methods, and the numbers that all of them share.
 *
 * @module
 */

import { type Method, methods } from "../../../../nn/dropout/methods.ts";
import { element } from "../dom.ts";
import { type ChoiceState, methodWords, mostMethods } from "./choices.ts";
import { type NumberControl, numberControl, radioGroup } from "./controls.ts";
import { colourOf } from "./curves.ts";

/** The numbers by their names in the address. */
const numbers = {
  rate: { label: "Dropout rate", min: 0, max: 0.9, step: 0.05 },
  kl: { label: "Weight of KL", min: 0, max: 100, step: 0.1 },
  epochs: { label: "Passes over the data", min: 0.01, max: 1000, step: "any" },
  lr: { label: "Learning rate", min: 0, max: 1, step: "any" },
  rank: { label: "Rank of LoRA", min: 1, max: 256, step: 1 },
  steps: { label: "Most steps, 0 for all", min: 0, max: 1_000_000, step: 1 },
  batch: { label: "Batch size", min: 1, max: 1024, step: 1 },
  seed: { label: "Seed", min: 0, max: 2 ** 32 - 1, step: 1 },
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
  const legend = element("legend", {}, `Methods, up to ${mostMethods} beside each other`);
  return {
    root: element("fieldset", {}, legend, ...boxes.map(({ root }) => root)),
    show(shown: readonly Method[]) {
      for (const { method, input } of boxes) input.checked = shown.includes(method);
      limit();
    },
  };
}

/** Controls of all settings; `onChange` is called when one has changed. */
export function settingsView(
  state: ChoiceState,
  onChange: () => void,
): { readonly root: HTMLElement; restore(): void } {
  const boxes = methodBoxes(state, onChange);
  const controls = names.map((name) => ({
    name,
    ...numberControl(numbers[name], (value) => {
      state.set(name, value);
      onChange();
    }),
  }));
  const of = (isFirst: boolean) =>
    controls.filter(({ name }) => first.includes(name) === isFirst).map(({ root }) => root);
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
      machine.root,
    ),
  );
  return {
    root,
    restore() {
      boxes.show(state.get("methods"));
      for (const { name, input } of controls) input.value = `${state.get(name)}`;
      machine.choose(state.get("machine"));
    },
  };
}
