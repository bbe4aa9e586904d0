/**
 * The canonical form of a product: rows of the result apart, columns together, as few batches as can
 * be. Kernels then meet few layouts.
 *
 * @module
 */

import type { Binding, Bound } from "../../core/backend.ts";

/** A product's space `[…batch, M, N, K]`, and its operands A, B, extras and results. */
export interface ProductSpace {
  /** Size of each axis. */
  readonly space: readonly number[];
  /** Seen over `[…batch, M, K]`, `[…batch, K, N]` and `[…batch, M, N]`. */
  readonly operands: readonly Bound[];
}

/** Whether the result's rows lie together in memory, not its columns. */
export function liesTransposed({ space, outputs }: Binding): boolean {
  const rows = space.length - 3;
  return space[rows]! > 1 && space[rows + 1]! > 1 && outputs[0]!.strides[rows] === 1;
}

/** The same product, transposed where the result lies so, batches folded. */
export function canonical(binding: Binding): Binding {
  const { space, inputs, outputs } = binding;
  const plain = { space, operands: [...inputs, ...outputs] };
  const product = foldBatches(liesTransposed(binding) ? transposed(plain) : plain);
  if (product === plain) return binding;
  return {
    ...binding,
    space: product.space,
    inputs: product.operands.slice(0, inputs.length),
    outputs: product.operands.slice(inputs.length),
  };
}

/** Cᵀ = Bᵀ·Aᵀ: for results whose columns lie apart in memory. */
export function transposed({ space, operands }: ProductSpace): ProductSpace {
  const turned = operands.map((bound) => ({ ...bound, strides: exchanged(bound.strides, 1) }));
  [turned[0], turned[1]] = [turned[1]!, turned[0]!];
  return { space: exchanged(space, 2), operands: turned };
}

/** An axis, counted from the end, and the one before it change places. */
function exchanged(list: readonly number[], fromEnd: number): number[] {
  const copy = list.slice();
  const axis = list.length - fromEnd;
  copy[axis] = list[axis - 1]!;
  copy[axis - 1] = list[axis]!;
  return copy;
}

/** Batches that share B become rows of one product, where every other operand allows it. */
export function foldBatches(product: ProductSpace): ProductSpace {
  const { space, operands } = product;
  const rows = space.length - 3;
  const steps = operands.map(({ strides }) => strides[rows]!);
  let count = space[rows]!;
  let batches = rows;
  for (; batches > 0; batches--) {
    const axis = batches - 1;
    const fits = space[axis] === 1 ||
      operands.every(({ strides }, o) =>
        o === 1 ? strides[axis] === 0 : count === 1 || strides[axis] === steps[o]! * count
      );
    if (!fits) break;
    if (count === 1) operands.forEach(({ strides }, o) => steps[o] = strides[axis]!);
    count *= space[axis]!;
  }
  if (batches === rows) return product;
  return {
    space: [...space.slice(0, batches), count, ...space.slice(rows + 1)],
    operands: operands.map((bound, o) => {
      const { strides } = bound;
      const row = o === 1 ? strides[rows]! : steps[o]!;
      return { ...bound, strides: [...strides.slice(0, batches), row, strides[rows + 1]!] };
    }),
  };
}
