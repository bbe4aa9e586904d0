/**
 * What classifiers of the BERT family read of the first token.
 *
 * @module
 */

import { Module } from "../layers/module.ts";
import { Linear, type Projection } from "../layers/linear.ts";
import type { ModelConfig } from "./model.ts";

/** A dense layer over the first token, which checkpoints may lack: `BertPooler`, `ContextPooler`. */
export class Pooler extends Module {
  readonly dense: Projection;

  constructor({ hiddenSize, initializerRange: deviation }: ModelConfig) {
    super();
    this.dense = new Linear(hiddenSize, hiddenSize, { deviation });
  }
}
