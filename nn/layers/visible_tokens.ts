/**
 * Which tokens are attended to where input cutoff hides those that it drops.
 *
 * **Source**: Shen et al. 2020, "A Simple but Tough-to-Beat Data Augmentation Approach".
 *
 * @module
 */

import { apply } from "../../core/apply.ts";
import type { Inputs } from "../../core/arguments.ts";
import { index, input, select, word } from "../../core/expr.ts";
import { type RowOp, rowwise } from "../../core/ops/rowwise.ts";
import { reshape } from "../../core/ops/view.ts";
import type { Tensor } from "../../core/tensor.ts";
import { dropped, inExample, maskNumbers, passOf } from "../dropout/mask.ts";
import type { ActiveSite } from "../dropout/site.ts";
import type { Batch } from "./batch.ts";
import { byStructure } from "./by_structure.ts";

/** Which program: everything here is structure, no number. */
interface Structure {
  readonly masked: boolean;
  readonly span: boolean;
  readonly shared: boolean;
  readonly packed: boolean;
}

const operationOf = byStructure(build);

function build({ masked, span, shared, packed }: Structure): RowOp {
  const first = masked ? 1 : 0;
  // Where examples share rows, each token has its own example.
  const given = (slot: number) => input(slot, "u32", packed ? 3 : 1);
  const counter = given(first);
  const offset = given(first + (span ? 2 : 1));
  const drop = dropped(span, {
    example: shared ? passOf(counter) : counter,
    length: given(first + 1),
    position: packed ? inExample(index(0, 3), offset, word(1)) : index(0, 3),
    run: word(0),
    slot: 0,
  });
  const visible = masked ? input(0, "u32", 3) : word(1);
  const taken: Inputs = {
    ...(masked && { mask: "u32" }),
    examples: "u32",
    ...(span && { lengths: "u32" }),
    ...(packed && { offsets: "u32" }),
  };
  return rowwise("visibleTokens", taken, [select(drop, word(0), visible)]);
}

/**
 * Which tokens are attended to where a site drops whole ones of the input and hides them: 1 for each,
 * `[batch, tokens]`; undefined where it hides none. A query that is left with no visible key attends
 * to nothing.
 */
export function visibleTokens(
  { size, width, mask }: Pick<Batch, "size" | "width" | "mask">,
  active: ActiveSite | undefined,
): Tensor | undefined {
  if (active === undefined) return undefined;
  const { site: { structure, hide = true, perExample }, dropout } = active;
  const span = structure === "span";
  if (!hide || !(span || structure === "column")) return undefined;
  const { examples, lengths, offsets } = dropout;
  const packed = offsets !== undefined;
  const words = [examples, ...span ? [lengths] : [], ...packed ? [offsets] : []]
    .map((list) => reshape(list, [size, packed ? width : 1]));
  const inputs = [...mask ? [mask] : [], ...words];
  const op = operationOf({
    masked: mask !== undefined,
    span,
    shared: perExample === false,
    packed,
  });
  return apply(op, inputs, {
    space: [size, width],
    scalars: maskNumbers(active),
    indices: [{ offset: 0, strides: [0, 1] }],
  })[0]!;
}
