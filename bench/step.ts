// A whole LoRA step with random weights. deno task bench step --model gpt2-medium --batch 8 --length 64
import { loraStep, stepOptions } from "./lora_step.ts";
import type { Command } from "../train/commands/command.ts";
import { bench, size } from "./bench.ts";
import { report } from "./measure.ts";
import { peakResidentMebibytes, ProductClock } from "./product_clock.ts";

/** Measures steps: milliseconds, dispatches, peak bytes, and on the CPU time outside products. */
export const stepBench: Command = bench({
  summary: "Measure a whole LoRA step with random weights",
  usage: "  deno task bench step --model gpt2-medium --batch 8 --length 64",
  options: { ...stepOptions, steps: size("measured steps", 20) },
  async run(options, { device, reason }) {
    using _scope = device.scope("bench");
    const run = await loraStep(device, options);
    const { steps } = options;
    const clock = new ProductClock(device.backend);
    const rows: { ms: number; queued: number; products: number }[] = [];
    const { statistics } = device.backend;
    let dispatches = 0;
    const live = () => ({ buffers: statistics.buffers, bytes: statistics.bytes });
    let early = live();
    for (let step = -5; step < steps; step++) {
      const [before, products] = [statistics.runs, clock.milliseconds];
      const start = performance.now();
      const queued = await run();
      const ms = performance.now() - start;
      if (step >= 0) rows.push({ ms, queued, products: clock.milliseconds - products });
      dispatches = statistics.runs - before;
      if (step === -1) early = live();
    }
    rows.sort((a, b) => a.ms - b.ms);
    const { ms, queued, products } = rows[Math.floor(steps / 2)]!;
    report(
      [{
        model: options.model,
        method: options.method,
        batch: options.batch,
        length: options.length,
        half: options.half,
        ms: Number(ms.toFixed(2)),
        least: Number(rows[0]!.ms.toFixed(2)),
        queued: Number(queued.toFixed(2)),
        dispatches,
        peakMegabytes: Math.round(statistics.peakBytes / 1e6),
        liveBuffers: [early.buffers, statistics.buffers].join(" to "),
        liveBytes: [early.bytes, statistics.bytes].join(" to "),
        ...(clock.milliseconds > 0 && { outsideProducts: Number((1 - products / ms).toFixed(3)) }),
        peakResidentMebibytes: peakResidentMebibytes(),
      }],
      options.json,
      reason,
    );
  },
});
