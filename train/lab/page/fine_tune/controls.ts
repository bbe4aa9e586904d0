/**
 * Controls with their labels.
 *
 * @module
 */

import { element } from "../dom.ts";

/** A group of radio buttons of which one is chosen. */
export interface RadioGroup<T extends string> {
  /** Element to put into the page. */
  readonly root: HTMLFieldSetElement;
  /** Chooses one without telling. */
  choose(value: T): void;
}

/** Radio buttons under a heading, each with what belongs to it while it is chosen. */
export function radioGroup<T extends string>(
  legend: string,
  options: readonly { readonly value: T; readonly label: string; readonly body?: HTMLElement }[],
  onChoose: (value: T) => void,
): RadioGroup<T> {
  const name = legend.replace(/\W+/g, "-");
  const inputs = options.map(({ value }) => element("input", { type: "radio", name, value }));
  const choose = (value: T) => {
    options.forEach((option, i) => {
      inputs[i]!.checked = option.value === value;
      if (option.body !== undefined) option.body.hidden = option.value !== value;
    });
  };
  const rows = options.flatMap(({ value, label, body }, i) => {
    inputs[i]!.addEventListener("change", () => {
      choose(value);
      onChoose(value);
    });
    const words = element("span", {}, label);
    return [element("label", { class: "choice" }, inputs[i]!, words), ...body ? [body] : []];
  });
  const root = element("fieldset", {}, element("legend", {}, legend), ...rows);
  return { root, choose };
}

/** How a number is asked for. */
export interface NumberControl {
  /** What it is called. */
  readonly label: string;
  /** Least value. */
  readonly min: number;
  /** Largest value. */
  readonly max: number;
  /** Step of the arrows. */
  readonly step: number | "any";
}

/** A number with its label, told when it is one that fits. */
export function numberControl(
  { label, min, max, step }: NumberControl,
  onChange: (value: number) => void,
): { readonly root: HTMLElement; readonly input: HTMLInputElement } {
  const input = element("input", { type: "number", min, max, step, required: true });
  input.addEventListener("input", () => {
    if (input.checkValidity()) onChange(input.valueAsNumber);
  });
  return { root: element("label", { class: "field" }, element("span", {}, label), input), input };
}

/** A button. */
export function button(text: string, onPress: () => void): HTMLButtonElement {
  const made = element("button", { type: "button" }, text);
  made.addEventListener("click", onPress);
  return made;
}

/** A line that screen readers speak when it changes. */
export function statusLine(): {
  readonly root: HTMLElement;
  say(text: string, isError?: boolean): void;
} {
  const root = element("p", { role: "status", class: "status" });
  return {
    root,
    say(text, isError = false) {
      if (root.textContent !== text) root.textContent = text;
      root.classList.toggle("error", isError);
    },
  };
}
