/**
 * Memory that waits for gradients: what an operation writes there need not be copied.
 *
 * @module
 */

import { sizeOf } from "./shape.ts";
import { Value } from "./storage.ts";
import type { Tensor } from "./tensor.ts";

/** Memory that the gradient of a value may be written to; each place is given once. */
export type Destination = (value: Value) => Value | undefined;

/** No gradient has a place that waits for it. */
export const noDestination: Destination = () => undefined;

/**
 * Places of gradients that lie as parameters do. Only a view of a whole parameter has one, and only
 * the first that asks: later parts must be added.
 *
 * @param parameters Views of the memory of `flat`
 * @param gradients Memory of the same layout
 */
export function besideParameters(
  parameters: readonly Tensor[],
  flat: Tensor,
  gradients: Tensor,
): Destination {
  const free = new Map(parameters.map(({ value }) => [value.offset, sizeOf(value.shape)]));
  const [from, to] = [flat.value.storage, gradients.value.storage];
  return (value) => {
    const { storage, shape, strides, offset } = value;
    const found = storage === from && free.get(offset) === sizeOf(shape) && value.whole;
    if (!found) return undefined;
    free.delete(offset);
    return new Value(to, shape, strides, offset);
  };
}
