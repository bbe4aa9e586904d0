/**
 * What can be chosen of a run, each with its place in the address.
 *
 * @module
 */

import { type Method, methods } from "../../../../nn/dropout/methods.ts";
import { choiceField, type Field, numberField } from "../fields.ts";
import type { SectionState } from "../state.ts";
import type { RunSettings } from "./protocol.ts";

/** Most methods that are trained at once. */
export const mostMethods = 4;

/** Some of the methods, in the order of the paper. */
const methodsField: Field<readonly Method[]> = {
  default: ["lora", "hiddenkey"],
  read(text) {
    const named = text === "" ? [] : text.split(",");
    const found = methods.filter((method) => named.includes(method));
    return found.length === named.length && found.length <= mostMethods ? found : undefined;
  },
  write: (chosen) => chosen.join(","),
};

/** A text of any kind. */
const textField: Field<string> = { default: "", read: (text) => text, write: (text) => text };

/** The section's part of the address. */
export const choices = {
  model: choiceField(["demo", "folder", "hub"], "demo"),
  folder: textField,
  hub: textField,
  data: choiceField(["demo", "own"], "demo"),
  methods: methodsField,
  rate: numberField(0.1, { min: 0, max: 0.9 }),
  kl: numberField(1, { min: 0, max: 100 }),
  rank: numberField(8, { min: 1, max: 256, whole: true }),
  lr: numberField(2e-3, { min: 0, max: 1 }),
  epochs: numberField(15, { min: 0.01, max: 1000 }),
  steps: numberField(0, { min: 0, max: 1_000_000, whole: true }),
  batch: numberField(16, { min: 1, max: 1024, whole: true }),
  seed: numberField(1, { min: 0, max: 2 ** 32 - 1, whole: true }),
  weights: choiceField(["full", "int8", "nf4"], "full"),
  machine: choiceField(["cpu", "webgpu"], "cpu"),
};

/** What the section keeps in the address. */
export type ChoiceState = SectionState<typeof choices>;

/** The settings of a method's run. */
export function chosenSettings(state: ChoiceState, method: Method): RunSettings {
  const [steps, weights] = [state.get("steps"), state.get("weights")];
  return {
    method,
    rate: state.get("rate"),
    kl: state.get("kl"),
    rank: state.get("rank"),
    lr: state.get("lr"),
    epochs: state.get("epochs"),
    batch: state.get("batch"),
    ...(steps > 0 && { maxSteps: steps }),
    seed: state.get("seed"),
    // Who asks for less memory wants the embeddings in the 16 bits of their file too.
    ...(weights !== "full" && { quantize: weights, half: true }),
  };
}

/** What each method drops, in words that need no paper. */
export const methodWords: Readonly<Record<Method, string>> = {
  "lora": "drops nothing",
  "lora-dropout": "drops single numbers of what enters the updates",
  "dropkey": "hides whole words from attention, before it decides",
  "dropattention": "hides whole words from attention, after it has decided",
  "hiddencut": "drops single numbers of what each layer computes",
  "hiddenkey-": "DropKey and HiddenCut together",
  "hiddenkey": "the same, and two passes that must agree (KL)",
};
