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

/** The same product, transposed where the result's rows lie together in memory, batches folded. */
export function canonical(binding: Binding): Binding {
  const { space, inputs, outputs } = binding;
  const plain = { space, operands: [...inputs, ...outputs] };
  const rank = space.length - 1;
  const [m, n] = space.slice(rank - 2) as [number, number];
  const together = m > 1 && n > 1 && outputs[0]!.strides[rank - 2] === 1;
  const product = foldBatches(together ? transposed(plain) : plain);
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
  const [m, n, k] = space.slice(-3) as [number, number, number];
  const [a, b, ...others] = operands.map((bound) => {
    const { strides } = bound;
    return { ...bound, strides: [...strides.slice(0, -2), strides.at(-1)!, strides.at(-2)!] };
  });
  return { space: [...space.slice(0, -3), n, m, k], operands: [b!, a!, ...others] };
}

/** Batches that share B become rows of one product, where every other operand allows it. */
export function foldBatches(product: ProductSpace): ProductSpace {
  const { space, operands } = product;
  const axis = space.length - 4;
  if (axis < 0) return product;
  const [count, m] = space.slice(axis) as [number, number];
  const fits = count === 1 ||
    operands.every(({ strides }, o) =>
      o === 1 ? strides[axis] === 0 : m === 1 || strides[axis] === strides[axis + 1]! * m
    );
  if (!fits) return product;
  return foldBatches({
    space: [...space.slice(0, axis), count * m, ...space.slice(axis + 2)],
    operands: operands.map((bound, o) => {
      const { strides } = bound;
      const row = o === 1
        ? strides.slice(axis + 1)
        : m === 1
        ? [strides[axis]!, ...strides.slice(axis + 2)]
        : strides.slice(axis + 1);
      return { ...bound, strides: [...strides.slice(0, axis), ...row] };
    }),
  });
}
