// The golden cases with activations in bf16, beside what PyTorch's own bf16 makes of them.
import { assert, assertEquals } from "@std/assert";
import { Device } from "../../../core/device.ts";
import { runParity } from "../../../train/parity/parity.ts";
import type { ParityRow } from "../../../train/parity/parity_rows.ts";
import { interpretedCuda } from "../../support/ptx/interpreted_driver.ts";
import { shared, sharedRoot, sharedTest } from "../../support/shared.ts";

/**
 * Distances from float64 of PyTorch 2.11 with transformers 5.17 and peft 0.21 on a CPU: the model in
 * bf16 with eager attention, LoRA in 32 bits. Logits with the adapter, and the mean over all gradients.
 */
const yardstick: Readonly<Record<string, { logits: number; gradients: number }>> = {
  "bert-classification": { logits: 0.0255, gradients: 0.0188 },
  "gpt2-lm": { logits: 0.0183, gradients: 0.0915 },
  "llama-classification": { logits: 0.0159, gradients: 0.0226 },
  "llama-lm": { logits: 0.013, gradients: 0.0253 },
  "roberta-classification": { logits: 0.00564, gradients: 0.0105 },
  "roberta-regression": { logits: 0.0655, gradients: 0.0137 },
};

const mean = (rows: readonly ParityRow[]) =>
  rows.reduce((sum, { distance }) => sum + distance!, 0) / rows.length;

sharedTest(
  "activations in bf16 are at most 1.5 times as far from float64 as PyTorch's",
  async () => {
    await using device = new Device(interpretedCuda("bf16").backend);
    for (const [name, { logits, gradients }] of Object.entries(yardstick)) {
      const rows = await runParity([shared(`fixtures/${name}`)], { root: sharedRoot, device });
      const found = rows.filter(({ quantity }) => quantity.startsWith("grad."));
      const own = rows.find(({ quantity }) => quantity === "adapter.logits")!;
      assert(own.distance! <= 1.5 * logits, `logits of ${name}: ${own.distance}`);
      assert(mean(found) <= 1.5 * gradients, `gradients of ${name}: ${mean(found)}`);
      // What was rounded nowhere would be a hundred times nearer.
      assert(own.distance! > 1e-4, `logits of ${name}: ${own.distance}`);
      assertEquals(rows.filter(({ ok }) => ok === false).map(({ quantity }) => quantity), []);
    }
  },
);
