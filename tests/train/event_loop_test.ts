import { assert, assertGreater, assertLess } from "@std/assert";
import { Device } from "../../core/device.ts";
import { tensor } from "../../core/tensor.ts";
import { openCpu } from "../../kernels/cpu/backend.ts";
import { matmul } from "../../core/ops/matmul.ts";
import { generate } from "../../nn/generation/generate.ts";
import { train } from "../../train/train.ts";
import { randomModel, tinyConfig } from "../support/tiny_models.ts";
import { Workspace } from "../support/workspace.ts";

const workspace = await Workspace.open();
Deno.test.afterAll(() => workspace[Symbol.asyncDispose]());

/** Repeats work until a timer of 1 ms has fired three times, for 20 seconds at most. */
async function firesDuring(work: () => Promise<unknown>): Promise<void> {
  let ticks = 0;
  const timer = setInterval(() => ticks++, 1);
  const end = performance.now() + 20_000;
  while (ticks < 3 && performance.now() < end) await work();
  clearInterval(timer);
  assertGreater(ticks, 2);
}

Deno.test("a loop that reads results on the CPU gives timers a turn", async () => {
  await using device = new Device(openCpu());
  using _scope = device.scope("loop");
  const x = tensor(device, new Float32Array(64 * 64), [64, 64]);
  await firesDuring(() => matmul(x, x).read());
});

Deno.test("generation on the CPU gives timers a turn", async () => {
  await using device = new Device(openCpu());
  using _scope = device.scope("texts");
  const model = randomModel(device, tinyConfig("gpt2"), "language", 3);
  const options = { newTokens: 14, positions: 16, beams: 4 };
  await firesDuring(() => generate(model, device, [[1, 2], [3, 4]], options));
});

Deno.test("a signal with a timeout ends training on the CPU", async () => {
  const config = workspace.config("rte", { epochs: 5000 });
  const result = await train(config, { signal: AbortSignal.timeout(400) });
  assert(result.aborted);
  assertLess(result.step, 20_000);
});
