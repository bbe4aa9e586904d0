/** How the examples of a step are laid out in batches. */

import { assert, assertEquals, assertNotEquals } from "@std/assert";
import type { TrainConfig } from "../../train/config/config.ts";
import { Checkpoint } from "../../train/files/checkpoint.ts";
import { train } from "../../train/train.ts";
import { readAdapter, Workspace } from "../support/workspace.ts";

const workspace = await Workspace.open();
Deno.test.afterAll(() => workspace[Symbol.asyncDispose]());

function hiddenKey(changes: Partial<TrainConfig> = {}): TrainConfig {
  return workspace.config("rte", { method: "hiddenkey", ...changes });
}

async function tensorsOf(run: string): Promise<Map<string, Float64Array>> {
  using file = await Checkpoint.open(`${run}/adapter_model.safetensors`);
  const entries = file.names().map(async (name) => [name, await file.readFloat(name, "f64")]);
  return new Map(await Promise.all(entries) as [string, Float64Array][]);
}

for (const bucket of [true, false]) {
  const order = bucket ? "with" : "without";
  Deno.test(`Two batches of four make the step of one of eight, ${order} buckets`, async () => {
    // 28 examples end in a window of four.
    const shared = { bucket, dtype: "f64", trainLimit: 28, maxSteps: 4 } as const;
    const layouts = { whole: { batch: 8 }, halves: { batch: 4, accumulate: 2 } };
    const read: Map<string, Float64Array>[] = [];
    for (const [name, layout] of Object.entries(layouts)) {
      const out = workspace.out(`${name} ${order}`);
      await train(hiddenKey({ ...shared, ...layout, out }));
      read.push(await tensorsOf(out));
    }
    const [whole, halves] = read as [Map<string, Float64Array>, Map<string, Float64Array>];
    assertEquals([...halves.keys()], [...whole.keys()]);
    for (const [name, values] of whole) {
      const apart = values.map((value, i) => Math.abs(value - halves.get(name)![i]!));
      assert(Math.max(...apart) < 1e-6, `${name}: ${Math.max(...apart)}`);
      if (name.includes("lora_B")) assert(values.some((value) => value !== 0), name);
    }
  });
}

Deno.test("Buckets change what a step sees", async () => {
  const [a, b] = [workspace.out("bucket a"), workspace.out("bucket b")];
  await train(hiddenKey({ out: a }));
  await train(hiddenKey({ out: b, bucket: false }));
  assertNotEquals(await readAdapter(a), await readAdapter(b));
});
