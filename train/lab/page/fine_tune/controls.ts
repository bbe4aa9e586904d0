/**
 * Controls with their labels.
 *
 * @module
 */

import { element, setAttributes } from "../dom.ts";
import type { NumberField } from "../fields.ts";

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
  /** Step of the arrow keys; numbers between are numbers too. */
  readonly step: number | "any";
}

/** A number with its label. */
export interface NumberInput {
  /** Element to put into the page. */
  readonly root: HTMLElement;
  /** Shows a value. */
  show(value: number): void;
  /** What is wrong with the text that stands in it, if anything. */
  fault(): string | undefined;
}

/** A number with its label; `onChange` is told of a number that fits, or of none. */
export function numberControl(
  { label, step }: NumberControl,
  field: NumberField,
  onChange: (value: number | undefined) => void,
): NumberInput {
  const { min, max, whole } = field.bounds;
  const input = element("input", { type: "number", min, max, step });
  const follow = () => {
    const value = field.read(input.value);
    setAttributes(input, { "aria-invalid": value === undefined && "true" });
    return value;
  };
  input.addEventListener("input", () => onChange(follow()));
  return {
    root: element("label", { class: "field" }, element("span", {}, label), input),
    show(value) {
      input.value = `${value}`;
      follow();
    },
    fault() {
      if (field.read(input.value) !== undefined) return undefined;
      return `${label}: a ${whole ? "whole " : ""}number from ${min} to ${max} is required.`;
    },
  };
}

/** A button. */
export function button(text: string, onPress: () => void): HTMLButtonElement {
  const made = element("button", { type: "button" }, text);
  made.addEventListener("click", onPress);
  return made;
}

/** Something that may be wider than the page, with the name by which screen readers call it. */
export function scrolled(name: string, content: HTMLElement): HTMLElement {
  // Who has no mouse scrolls it by arrow keys, once it has the focus.
  const attributes = { class: "scroll", tabindex: 0, role: "region", "aria-label": name };
  return element("div", attributes, content);
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
