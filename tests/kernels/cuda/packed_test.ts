// Examples that share rows, on an interpreted card whose attention is one program where they do not.
import { assert } from "@std/assert";
import { dropoutPlan } from "../../../nn/dropout/methods.ts";
import { assertClose } from "../../support/differences.ts";
import { withInterpreted } from "../../support/interpreted_device.ts";
import { adaptedState, stepOf } from "../../support/packed.ts";
import { tinyExamples } from "../../support/tiny_models.ts";

Deno.test("packed examples have the losses and gradients that they have alone on a card", () =>
  withInterpreted({}, async (device) => {
    const state = await adaptedState(device, "llama", { hidden_size: 16 });
    const examples = tinyExamples([5, 9, 2, 4], true);
    const plan = dropoutPlan("hiddenkey", false, { rate: 0.3 });
    const alone = await stepOf(device, state, examples, { plan, pack: false });
    const packed = await stepOf(device, state, examples, { plan, pack: true });
    const largest = Math.max(...alone.gradients.map(Math.abs));
    assert(largest > 1e-3);
    assertClose(packed.gradients, alone.gradients, 1e-4 * largest);
    const losses = ({ loss, task, compensation }: typeof alone) => [loss, task, compensation!];
    assertClose(losses(packed), losses(alone), 1e-4, 1e-4);
  }));
