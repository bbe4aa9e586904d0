/**
 * LoRA of queries, keys or values apart in a layer that computes all three, as GPT-2's `c_attn` does.
 *
 * @module
 */

import { scale } from "../../core/ops/elementwise.ts";
import { concatenate, slice, split } from "../../core/ops/slice.ts";
import type { Tensor } from "../../core/tensor.ts";
import type { ForwardContext } from "../layers/forward_context.ts";
import type { Linear } from "../layers/linear.ts";
import { LoraLinear, type LoraLinearOptions, type Part } from "./lora.ts";

/** The thirds of the outputs, in their order. */
const order = ["q", "k", "v"] as const;
/** A third of the outputs: queries, keys or values. */
export type Third = typeof order[number];

/** The layer that a target names and, behind a dot, a third of it: `c_attn.q`. */
const pattern = /^(.*c_attn)\.([qkv])$/;

/** Splits a target into the layer's name and the third; no third where the whole layer is meant. */
export function thirdOf(target: string): { name: string; third: Third | undefined } {
  const [, name = target, letter] = pattern.exec(target) ?? [];
  return { name, third: order.find((third) => third === letter) };
}

/** A fused layer of which some thirds have a low-rank update each. */
export class FusedQkvLora extends LoraLinear {
  /** Wraps a layer; the updates have no numbers yet. */
  constructor(base: Linear, options: LoraLinearOptions, thirds: readonly Third[]) {
    const size = base.outputs / 3;
    const spans = order.map((name, i) => ({ name, start: i * size, size }));
    super(base, options, spans.filter(({ name }) => thirds.includes(name)));
  }

  protected override updated(base: Tensor, x: Tensor, context: ForwardContext): Tensor {
    const size = this.outputs / 3;
    const thirds = split(base, -1, [size, size, size]);
    return concatenate(
      thirds.map((third, i) => {
        const part = this.#part(i);
        return part === undefined ? third : this.updatedPart(part, third, x, context);
      }),
      -1,
    );
  }

  protected override matrix(): Tensor {
    const thirds = order.map((_, i) => this.#part(i));
    const none = scale(slice(this.base.matrix(), 1, 0, this.outputs / 3), 0);
    return concatenate(thirds.map((part) => part === undefined ? none : this.partMatrix(part)), 1);
  }

  /** The update of a third, counted from 0; none where it stays as it is. */
  #part(third: number): Part | undefined {
    return this.parts.find(({ name }) => name === order[third]);
  }
}
