/** `--gradient-checkpointing` from flags to files: what a run saves is the same, so its work must tell. */

import { assertEquals, assertLess } from "@std/assert";
import { openCpu } from "../../kernels/cpu/backend.ts";
import { train } from "../../train/train.ts";
import { filesIn, readAdapter, readTimeless, Workspace } from "../support/workspace.ts";

const workspace = await Workspace.open();
Deno.test.afterAll(() => workspace[Symbol.asyncDispose]());

/** Programs that the CPU's backend runs meanwhile. */
async function programsOf(work: () => Promise<unknown>): Promise<number> {
  await using backend = openCpu({ kernels: "javascript" });
  const prototype = Object.getPrototypeOf(backend);
  const { run } = prototype;
  let count = 0;
  prototype.run = function (...given: unknown[]) {
    count++;
    return run.apply(this, given);
  };
  try {
    await work();
  } finally {
    prototype.run = run;
  }
  return count;
}

for (const task of ["rte", "e2e"] as const) {
  Deno.test(`--gradient-checkpointing of ${task} saves the same adapter, metrics and checkpoints`, async () => {
    const trained = async (gradientCheckpointing: boolean) => {
      const out = workspace.out(`${task}-${gradientCheckpointing}`);
      const said: string[] = [];
      const config = workspace.config(task, {
        ...{ backend: "cpu", kernels: "javascript", generate: 0, devLimit: 2, method: "hiddenkey" },
        ...{ batch: 3, accumulate: 2, maxSteps: 3, saveEvery: 1, out, gradientCheckpointing },
      });
      const onMessage = (line: string) => void said.push(line);
      const programs = await programsOf(() => train(config, { onMessage }));
      // Settings are written down too, and differ.
      const checkpoint = Object.entries(await filesIn(`${out}/checkpoint-2`))
        .filter(([name]) => name.endsWith(".safetensors"));
      assertLess(1, checkpoint.length);
      const lines = said.filter((line) => line.includes("keep their input alone"));
      return {
        programs,
        lines,
        checkpoint,
        adapter: await readAdapter(out),
        metrics: await readTimeless(out),
      };
    };
    const [again, once] = [await trained(true), await trained(false)];
    assertEquals(again.adapter, once.adapter);
    assertEquals(again.metrics, once.metrics);
    assertEquals(again.checkpoint, once.checkpoint);
    assertEquals([again.lines.length, once.lines.length], [1, 0]);
    assertLess(once.programs, again.programs);
  });
}
