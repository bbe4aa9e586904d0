import { logitBounds } from "./row.ts";

const { min, max } = logitBounds;
const steps = 35;

/** Logits at which the curve of k is computed, from the least to the largest. */
export const kLogits: readonly number[] = Array.from(
  { length: steps + 1 },
  (_, i) => min + i * (max - min) / steps,
);
