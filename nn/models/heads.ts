/**
 * Classification heads, which are trained and saved whole beside an adapter.
 *
 * @module
 */

import { type Module, parameters } from "../layers/module.ts";

/** Names of classification heads, which PEFT saves whole whether told or not. */
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
