/**
 * Which parameters of a classifier are its head.
 *
 * @module
 */

import { type Module, parameters } from "../layers/module.ts";

/** Classification heads, which are trained and saved whole, as PEFT does whether told or not. */
export const heads = ["classifier", "score"] as const;

/** Whether a path lies in a classification head. */
export function isHead(path: string): boolean {
  return heads.some((name) => path.startsWith(`${name}.`));
}

/** Marks the head of a classifier as trainable. */
export function trainHead(model: Module): void {
  for (const [path, parameter] of parameters(model)) {
    if (isHead(path)) parameter.trainable = true;
  }
}
