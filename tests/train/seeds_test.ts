import { assert, assertEquals, assertNotEquals } from "@std/assert";
import type { GivenConfig } from "../../train/config/config.ts";
import { train } from "../../train/train.ts";
import { filesIn, readMetrics, Workspace } from "../support/workspace.ts";

const workspace = await Workspace.open();
Deno.test.afterAll(() => workspace[Symbol.asyncDispose]());

let runs = 0;

/** What a run without learning rate logs and saves: its losses, and the numbers it began with. */
async function run(changes: GivenConfig) {
  const out = workspace.out(`run-${++runs}`);
  const config = workspace.config("rte", { lr: 0, maxSteps: 4, dtype: "f64", out, ...changes });
  await train(config);
  const losses = (await readMetrics(out)).filter((line) => "loss" in line).map(({ loss }) => loss!);
  return { losses, adapter: (await filesIn(out))["adapter_model.safetensors"]! };
}

const masked = { method: "hiddenkey", rate: 0.3, seed: 5 } as const;

Deno.test("seeds that are that of the run change nothing", async () => {
  const apart = { orderSeed: 5, initSeed: 5, maskSeed: 5 };
  assertEquals(await run({ ...masked, ...apart }), await run(masked));
});

Deno.test("the seed of the run has no say where three others are given", async () => {
  const apart = { orderSeed: 1, initSeed: 2, maskSeed: 3 };
  assertEquals(await run({ ...masked, ...apart, seed: 9 }), await run({ ...masked, ...apart }));
});

Deno.test("--mask-seed moves masks alone", async () => {
  const [usual, other] = [await run(masked), await run({ ...masked, maskSeed: 6 })];
  for (const [i, loss] of other.losses.entries()) assertNotEquals(loss, usual.losses[i]);
  assertEquals(other.adapter, usual.adapter);
  // Nothing is dropped, and nothing moves.
  assertEquals(await run({ seed: 5, maskSeed: 6 }), await run({ seed: 5 }));
});

Deno.test("--order-seed moves the order alone", async () => {
  const [usual, other] = [await run({ seed: 5 }), await run({ seed: 5, orderSeed: 6 })];
  assertNotEquals(other.losses, usual.losses);
  assertEquals(other.adapter, usual.adapter);
  // Four steps are one pass: the same examples in another order.
  const mean = (losses: number[]) => losses.reduce((sum, x) => sum + x, 0) / losses.length;
  assert(Math.abs(mean(other.losses) - mean(usual.losses)) < 1e-12);
  // One window holds all of them: the masks are those of places in it, which the order fills.
  const whole = { seed: 5, batch: 32, bucket: false, maxSteps: 1 };
  const [one, two] = [await run(whole), await run({ ...whole, orderSeed: 6 })];
  assert(Math.abs(one.losses[0]! - two.losses[0]!) < 1e-12);
});

Deno.test("--init-seed moves the initial numbers alone", async () => {
  const [usual, other] = [await run({ seed: 5 }), await run({ seed: 5, initSeed: 6 })];
  assertNotEquals(other.adapter, usual.adapter);
  assertEquals(other.adapter, (await run({ seed: 6 })).adapter);
  const orderOf = async (changes: GivenConfig) => {
    const { losses } = await run({ ...changes, initSeed: 7 });
    return losses;
  };
  assertEquals(await orderOf({ seed: 5 }), await orderOf({ seed: 5 }));
  assertNotEquals(await orderOf({ seed: 5 }), await orderOf({ seed: 6 }));
});
