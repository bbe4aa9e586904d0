/**
 * The first module of a model whose output is not finite.
 *
 * @module
 */

import { firstNonFinite } from "../../core/finite.ts";
import { Tensor } from "../../core/tensor.ts";
import type { ForwardContext } from "../../nn/layers/forward_context.ts";
import { modules } from "../../nn/layers/module.ts";
import type { Model } from "../../nn/models/model.ts";

/** Where numbers stop to be finite. */
export interface FirstModule {
  /** Path of the module whose output is the first, or what stands behind all modules. */
  readonly path: string;
  /** Rows of the batch whose numbers are not finite; none where only logits of targets are not. */
  readonly rows: readonly number[];
}

type Forward = (...args: unknown[]) => unknown;

/**
 * Runs a model and reads what each module computes, in the order in which they end.
 *
 * @returns The first that is not finite; none where the logits are finite
 */
export async function firstModule(
  model: Model,
  context: ForwardContext,
): Promise<FirstModule | undefined> {
  const { device } = context.batch.ids;
  using scope = device.scope("first module");
  const outputs: [string, Tensor][] = [];
  const watched: { forward?: Forward }[] = [];
  for (const [path, module] of modules(model)) {
    const own = module as { forward?: Forward };
    if (path === "" || own.forward === undefined) continue;
    const forward = own.forward.bind(module);
    own.forward = (...args) => {
      const result = forward(...args);
      if (result instanceof Tensor) {
        scope.adopt(result);
        outputs.push([path, result]);
      }
      return result;
    };
    watched.push(own);
  }
  try {
    const { logits, hidden } = model.forward(context);
    if (firstNonFinite(await logits.read() as Float32Array) < 0) return undefined;
    const { size } = context.batch;
    // Language models compute logits of targets alone, which are no rows of the batch.
    const rows = await rowsOf(logits.shape[0] === size ? logits : hidden);
    for (const [path, output] of outputs) {
      if (firstNonFinite(await output.read() as Float32Array) >= 0) return { path, rows };
    }
    return { path: "the head", rows };
  } finally {
    for (const own of watched) delete own.forward;
  }
}

/** Rows of the first axis that hold a number that is not finite. */
async function rowsOf(x: Tensor): Promise<number[]> {
  const values = await x.read() as Float32Array;
  const size = x.shape[0]!;
  const width = values.length / size;
  return Array.from({ length: size }, (_, row) => row).filter((row) =>
    firstNonFinite(values.subarray(row * width, (row + 1) * width)) >= 0
  );
}
