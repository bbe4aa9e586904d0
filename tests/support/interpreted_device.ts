// A device on an interpreted card, which owes the card everything back.
import { assertEquals } from "@std/assert";
import { Device } from "../../core/device.ts";
import type { CardFacts } from "../../kernels/cuda/driver/driver.ts";
import { attentionInOne, capturedGradients, captureGeneration } from "../../nn/for_cards.ts";
import { fuseAttention } from "../../nn/layers/attention.ts";
import { captureSteps } from "../../nn/optim/train_step.ts";
import type { Precision } from "../../kernels/cuda/product/product_shape.ts";
import {
  type InterpretedBackend,
  interpretedCard,
  interpretedCuda,
  type InterpretedQueue,
} from "./ptx/interpreted_driver.ts";

fuseAttention(attentionInOne);
captureSteps(capturedGradients);
captureGeneration();

/** What differs from the usual card and backend. */
export interface InterpretedOptions extends InterpretedQueue {
  readonly precision?: Precision;
  readonly facts?: Partial<CardFacts>;
}

/** Runs a body on a device of its own; fails if buffers or anything of the driver's is left. */
export async function withInterpreted(
  { precision, facts, ...options }: InterpretedOptions,
  body: (device: Device, card: InterpretedBackend) => Promise<void> | void,
): Promise<void> {
  const card = interpretedCuda(precision, options, { ...interpretedCard, ...facts });
  const device = new Device(card.backend);
  {
    using _scope = device.scope("test");
    await body(device, card);
  }
  assertEquals(card.backend.statistics.buffers, 0, "buffers left");
  await device[Symbol.asyncDispose]();
  assertEquals([...card.state.open], [], "left open");
}
