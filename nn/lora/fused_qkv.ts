/**
 * LoRA of queries, keys or values apart in a layer that computes all three, as GPT-2's `c_attn` does.
 *
 * @module
 */

import { scale } from "../../core/ops/elementwise.ts";
import { concatenate, slice, split } from "../../core/ops/slice.ts";
import type { Tensor } from "../../core/tensor.ts";
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
    super(base, options, spans.filter((_, i) => thirds.includes(order[i]!)));
  }

  protected override updated(base: Tensor, x: Tensor): Tensor {
    const pieces = this.#pieces();
    const bases = split(base, -1, pieces.map(({ size }) => size));
    return concatenate(
      bases.map((piece, i) => {
        const { part } = pieces[i]!;
        return part === undefined ? piece : this.updatedPart(part, piece, x);
      }),
      -1,
    );
  }

  protected override matrix(): Tensor {
    const zero = scale(this.base.matrix(), 0);
    return concatenate(
      this.#pieces().map(({ start, size, part }) =>
        part === undefined ? slice(zero, 1, start, start + size) : this.partMatrix(part)
      ),
      1,
    );
  }

  /** Runs of outputs, in their order: those of a part, and those between that no part updates. */
  #pieces(): { start: number; size: number; part?: Part }[] {
    const pieces: { start: number; size: number; part?: Part }[] = [];
    let done = 0;
    for (const part of this.parts) {
      const { start, size } = part;
      if (start > done) pieces.push({ start: done, size: start - done });
      pieces.push({ start, size, part });
      done = start + size;
    }
    if (done < this.outputs) pieces.push({ start: done, size: this.outputs - done });
    return pieces;
  }
}
