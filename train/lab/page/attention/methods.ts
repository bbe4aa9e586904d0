/**
 * How the methods are called on the page, and the colours they have.
 *
 * @module
 */

import { type Child, element } from "../dom.ts";
import type { RowMethod } from "./compute.ts";
import { methodTitles } from "./method_titles.ts";

/** Something for each method. */
export function byMethod<T>(make: (method: RowMethod) => T): Readonly<Record<RowMethod, T>> {
  return {
    dropkey: make("dropkey"),
    dropattention: make("dropattention"),
    nograd: make("nograd"),
  };
}

/** The name of a method beside a sample of its colour. */
export function methodName(method: RowMethod): HTMLElement {
  const sample = element("span", { class: `sample ${method}`, "aria-hidden": "true" });
  return element("span", { class: "method" }, sample, methodTitles[method]);
}

/** What a figure shows, with what to look for in bold. */
export function caption(look: string, ...rest: readonly Child[]): HTMLElement {
  return element("figcaption", {}, element("span", { class: "look" }, look), " ", ...rest);
}

/** A number to three places, with a true minus sign. */
export function threePlaces(value: number): string {
  const text = value.toFixed(3);
  return (Number(text) === 0 ? "0.000" : text).replace("-", "−");
}
