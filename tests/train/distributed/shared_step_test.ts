// Steps that processes share, also on a card whose work is queued again; the card is interpreted.
import { assertAlmostEquals, assertEquals } from "@std/assert";
import type { Device } from "../../../core/device.ts";
import { foldKey, seedKey } from "../../../core/random.ts";
import { dropoutPlan } from "../../../nn/dropout/methods.ts";
import { toBatch } from "../../../nn/layers/batch.ts";
import { parameters } from "../../../nn/layers/module.ts";
import { applyLora } from "../../../nn/lora/apply.ts";
import { trainHead } from "../../../nn/models/heads.ts";
import { initialize } from "../../../nn/models/initialize.ts";
import { AdamW } from "../../../nn/optim/adamw.ts";
import { Trainable } from "../../../nn/optim/trainable.ts";
import { trainStep } from "../../../nn/optim/train_step.ts";
import { alone, type Group } from "../../../train/distributed/group.ts";
import { cardStep } from "../../../train/distributed/card_step.ts";
import type { DeviceSums } from "../../../train/distributed/device_sums.ts";
import { NcclSums } from "../../../train/distributed/nccl_sums.ts";
import { sharedStep } from "../../../train/distributed/shared_step.ts";
import { SharedStop } from "../../../train/distributed/shared_stop.ts";
import { withInterpreted } from "../../support/interpreted_device.ts";
import { MemoryNccl } from "../../support/nccl/memory_nccl.ts";
import { inGroup } from "../../support/linked_groups.ts";
import { randomModel, tinyConfig } from "../../support/tiny_models.ts";
import { withDevice } from "../../support/with_device.ts";

/** Losses and trained numbers of four steps, whose shapes come again. */
async function course(device: Device, group: Group | undefined, sums?: DeviceSums) {
  using _scope = device.scope("training");
  const config = tinyConfig("bert");
  const model = randomModel(device, config, "classifier");
  applyLora(model, { targets: ["query", "value"], rank: 4, alpha: 8 });
  for (const [path, parameter] of parameters(model)) {
    if (!parameter.filled) initialize(parameter, path, device, seedKey(4));
  }
  trainHead(model);
  const optimiser = new AdamW(await Trainable.of(model, device));
  const state = { model, optimiser };
  const losses: number[] = [];
  for (let step = 0; step < 4; step++) {
    using _step = device.scope("step");
    const examples = [7, 7, 7, 7].map((length, b) => ({
      ids: Array.from({ length }, (_, i) => 2 + (step * 5 + b * 7 + i * 3) % 11),
      label: (step + b) % 2,
    }));
    const { rank, size } = group ?? alone;
    const numbers = [0, 1, 2, 3].filter((position) => position % size === rank);
    const own = numbers.map((position) => examples[position]!);
    const window = own.length === 0 ? [] : [toBatch(device, own, { numbers })];
    const key = foldKey(seedKey(9), step);
    const options = { plan: dropoutPlan("hiddenkey", false, { rate: 0.2 }), lr: 1e-2 };
    if (group === undefined) {
      const { loss, squaredNorm } = trainStep(state, window, key, options);
      losses.push(await loss.item(), Math.sqrt(await squaredNorm.item()));
    } else {
      const processes = { group, stop: new SharedStop(undefined), sums };
      const shared = { ...options, targets: examples.length };
      const make = sums === undefined ? sharedStep : cardStep;
      const { loss, grad_norm } = await make(state, window, key, shared, processes);
      losses.push(loss, grad_norm);
    }
  }
  return { losses, numbers: [...await optimiser.trainable.flat.read()] };
}

/** The same, on an interpreted card of its own. */
async function onCard(group: Group | undefined) {
  let found: Awaited<ReturnType<typeof course>> | undefined;
  await withInterpreted({}, async (device) => void (found = await course(device, group)));
  return found!;
}

Deno.test("two cards make the steps of one, whose work is queued again", async () => {
  const whole = await onCard(undefined);
  const [first, second] = await inGroup(2, onCard);
  assertEquals(first, second);
  whole.losses.forEach((loss, i) => assertAlmostEquals(first!.losses[i]!, loss, 1e-6));
  whole.numbers.forEach((x, i) => assertAlmostEquals(first!.numbers[i]!, x, 1e-4));
});

/** The same, by sums on the cards. */
async function onCards(size: number, nccl = new MemoryNccl(size)) {
  return await inGroup(size, async (group) => {
    let found: Awaited<ReturnType<typeof course>> | undefined;
    await withInterpreted({}, async (device, { state }) => {
      const library = nccl.of(group.rank, state);
      await using sums = await NcclSums.open(library, group, device, { timeout: 50 });
      found = await course(device, group, sums);
      await sums.finish();
    });
    return found!;
  });
}

Deno.test("sums on two cards make the steps of sums by messages, to the bit", async () => {
  const nccl = new MemoryNccl(2);
  const [first, second] = await onCards(2, nccl);
  const [byMessages] = await inGroup(2, onCard);
  assertEquals(first, second);
  assertEquals(first, byMessages);
  for (
    const [name, times] of [["uniqueId", 1], ["sum", 18], ["destroy", 2], ["abort", 0]] as const
  ) {
    assertEquals(nccl.calls.filter((call) => call.endsWith(` ${name}`)).length, times, name);
  }
});

Deno.test("a card without examples sums with those that have some", async () => {
  const whole = await onCard(undefined);
  for (const { losses, numbers } of await onCards(5)) {
    losses.forEach((loss, i) => assertAlmostEquals(loss, whole.losses[i]!, 1e-5));
    numbers.forEach((x, i) => assertAlmostEquals(x, whole.numbers[i]!, 1e-4));
  }
});

Deno.test("a process without examples has the step of those that have some", async () => {
  const run = async (group: Group | undefined) => {
    let found: Awaited<ReturnType<typeof course>> | undefined;
    await withDevice("f64", async (device) => void (found = await course(device, group)));
    return found!;
  };
  const whole = await run(undefined);
  const shared = await inGroup(5, run);
  for (const { losses, numbers } of shared) {
    losses.forEach((loss, i) => assertAlmostEquals(loss, whole.losses[i]!, 1e-12));
    numbers.forEach((x, i) => assertAlmostEquals(x, whole.numbers[i]!, 1e-9));
  }
});
