// Gradient checkpointing: what it saves and costs. deno task bench checkpointing --model bert-12x256
import process from "node:process";
import { loraStep, stepOptions } from "./lora_step.ts";
import type { Command } from "../train/commands/command.ts";
import { bench, size } from "./bench.ts";
import { median, report } from "./measure.ts";
import { modelShapes } from "./random_model.ts";
import { parseConfig } from "../nn/models/config.ts";

const { model, batch, length, method } = stepOptions;

/** Measures steps with and without by turns: bytes of activations, milliseconds and dispatches. */
export const checkpointingBench: Command = bench({
  summary: "Compare steps with and without gradient checkpointing: memory and time",
  usage: "  deno task bench checkpointing --model minilm --batch 16 --length 128 --threads 1",
  options: { model, batch, length, method, steps: size("measured steps of each", 5) },
  async run({ steps, ...options }, { device, reason }) {
    using _scope = device.scope("bench");
    const run = await loraStep(device, { ...options, half: false, gradientCheckpointing: false });
    const { statistics } = device.backend;
    const held = statistics.bytes;
    // The one that needs less comes first: the peak is that of all steps so far.
    const kinds = [true, false].map((again) => ({
      again,
      peak: 0,
      dispatches: 0,
      ms: [] as number[],
      processor: [] as number[],
    }));
    for (const kind of kinds) {
      const before = statistics.runs;
      await run(kind.again);
      kind.peak = statistics.peakBytes - held;
      kind.dispatches = statistics.runs - before;
    }
    for (let step = 0; step < steps; step++) {
      for (const { again, ms, processor } of kinds) {
        const [start, { user }] = [performance.now(), process.cpuUsage()];
        await run(again);
        ms.push(performance.now() - start);
        processor.push((process.cpuUsage().user - user) / 1000);
      }
    }
    const rows = kinds.reverse().map(({ again, peak, dispatches, ms, processor }) => ({
      gradientCheckpointing: again,
      layers: parseConfig(modelShapes[options.model]).layers,
      peakMegabytes: Number((peak / 1e6).toFixed(1)),
      ms: Math.round(median(ms)),
      leastMs: Math.round(Math.min(...ms)),
      // That of all threads: other processes change it less.
      processorMs: Math.round(median(processor)),
      leastProcessorMs: Math.round(Math.min(...processor)),
      dispatches,
    }));
    report(rows, options.json, `${reason}; held before a step: ${Math.round(held / 1e6)} MB`);
  },
});
