/**
 * The gradient of what a product ends in, as what another product ends in: that of an activation then
 * costs no program of its own.
 *
 * @module
 */

import { type Float, input, substitute } from "../expr.ts";
import { planGradient } from "./row_gradient.ts";

/** The end of a product by which a cotangent goes on to the product of an operation. */
export interface PlannedEnding {
  /** Inputs of the operation's epilogue that it reads, the product as 0, in the order of the extras. */
  readonly reads: readonly number[];
  /** The end. */
  readonly epilogue: (cotangent: Float, ...extras: Float[]) => Float;
}

/**
 * Plans the end from an epilogue over a product and its extras, whose gradients are not asked for.
 *
 * @param count The product and its extras
 */
export function productEndingOf(count: number, epilogue: Float): PlannedEnding {
  const inputs = Array.from({ length: count }, () => "f32" as const);
  const needsGradient = inputs.map((_, i) => i === 0);
  const plan = planGradient(
    { inputs, outputs: [epilogue], override: undefined },
    { cotangents: [true], needsGradient, carried: [] },
  );
  const given = plan.sources.findIndex(({ from }) => from === "cotangent");
  const others = plan.sources.filter((_, slot) => slot !== given);
  return {
    reads: others.map(({ position }) => position),
    epilogue: (cotangent, ...extras) => {
      const ordered = extras.toSpliced(given, 0, cotangent);
      const leaves = plan.sources.map((_, slot) => input(slot, "f32", 3));
      return substitute(
        plan.outputs[0]!,
        new Map(leaves.map((e, slot) => [e, ordered[slot]!])),
      ) as Float;
    },
  };
}
