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

/**
 * Marks the head of a classifier as trainable.
 *
 * @param drawn Parameters that no checkpoint holds, such as BERT's pooler: they are trained with it
 */
export function trainHead(model: Module, drawn: readonly string[] = []): void {
  for (const [path, parameter] of parameters(model)) {
    if (isHead(path) || drawn.includes(path)) parameter.trainable = true;
  }
}
