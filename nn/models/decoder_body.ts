/**
 * What the heads of decoders need of the body below them.
 *
 * @module
 */

import type { Device } from "../../core/device.ts";
import type { Tensor } from "../../core/tensor.ts";
import { Module, type Parameter } from "../layers/module.ts";
import type { ForwardContext } from "../layers/forward_context.ts";

/** Embedding, layers and the last norm of a decoder. */
export abstract class DecoderBody extends Module {
  /** Token embedding, `[vocabulary, width]`. */
  abstract readonly embedding: Parameter;

  /** Normalised hidden states, `[batch, tokens, width]`. */
  abstract forward(context: ForwardContext): Tensor;

  /** Computes tables that are not parameters; the open scope owns them. */
  prepare(_device: Device): void {}
}
