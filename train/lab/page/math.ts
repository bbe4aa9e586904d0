/**
 * Formulas as MathML, which browsers set and read aloud by themselves.
 *
 * @module
 */

import type { Child } from "./dom.ts";

function made(name: string, ...children: readonly Child[]): Element {
  const node = document.createElementNS("http://www.w3.org/1998/Math/MathML", name);
  node.append(...children);
  return node;
}

/** A part of a formula: words are names, operators or numbers by what they hold. */
export type MathPart = Element | string;

function term(part: MathPart): Element {
  if (typeof part !== "string") return part;
  if (/^[\d.]+$/.test(part)) return made("mn", part);
  return made(/^\p{L}+$/u.test(part) ? "mi" : "mo", part);
}

/** Terms beside each other. */
export function row(...parts: readonly MathPart[]): Element {
  return made("mrow", ...parts.map(term));
}

/** A fraction. */
export function fraction(above: MathPart, below: MathPart): Element {
  return made("mfrac", term(above), term(below));
}

/** A name with an index below it. */
export function indexed(name: string, index: string): Element {
  return made("msub", term(name), term(index));
}

/** A name with a prime, and an index below it. */
export function primed(name: string, index: string): Element {
  return made("msub", made("mrow", term(name), made("mi", "′")), term(index));
}

/** Sum over an index. */
export function sumOver(index: MathPart, ...parts: readonly MathPart[]): Element {
  return row(made("munder", made("mo", "∑"), term(index)), ...parts);
}

/** Text inside a formula. */
export function mathText(text: string): Element {
  return made("mtext", text);
}

/** A whole formula. */
export function formula(...parts: readonly MathPart[]): Element {
  const whole = made("math", ...parts.map(term));
  whole.setAttribute("displaystyle", "true");
  return whole;
}
