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

/** How often a timer of 1 ms fires while something runs, and how long that is in milliseconds. */
async function timed(run: () => Promise<unknown>): Promise<{ ticks: number; elapsed: number }> {
  let ticks = 0;
  const timer = setInterval(() => ticks++, 1);
  const start = performance.now();
  await run();
  const elapsed = performance.now() - start;
  clearInterval(timer);
  return { ticks, elapsed };
}

Deno.test("a loop that reads results on the CPU gives timers a turn every 10 ms", async () => {
  await using device = new Device(openCpu());
  using _scope = device.scope("loop");
  const x = tensor(device, new Float32Array(64 * 64), [64, 64]);
  const { ticks } = await timed(async () => {
    for (const end = performance.now() + 300; performance.now() < end;) await matmul(x, x).read();
  });
  assertGreater(ticks, 10);
});

Deno.test("generation on the CPU gives timers a turn", async () => {
  await using device = new Device(openCpu());
  using _scope = device.scope("texts");
  const model = randomModel(device, tinyConfig("gpt2"), "language", 3);
  const options = { newTokens: 14, positions: 16, beams: 4 };
  const { ticks } = await timed(async () => {
    for (const end = performance.now() + 200; performance.now() < end;) {
      await generate(model, device, [[1, 2], [3, 4]], options);
    }
  });
  assertGreater(ticks, 5);
});

Deno.test("training on the CPU gives timers a turn, and a signal with a timeout ends it", async () => {
  const config = workspace.config("rte", { epochs: 5000 });
  let result: Awaited<ReturnType<typeof train>>;
  const { ticks, elapsed } = await timed(async () => {
    result = await train(config, { signal: AbortSignal.timeout(400) });
  });
  assert(result!.aborted);
  assertLess(result!.step, 20_000);
  assertLess(elapsed, 5000);
  assertGreater(ticks, 3);
});
