// Row-wise kernels: milliseconds and effective bandwidth. deno task bench rowwise --backend webgpu
import { gelu } from "../core/ops/elementwise.ts";
import type { Command } from "../train/commands/command.ts";
import { bench } from "./bench.ts";
import { milliseconds, report } from "./measure.ts";
import { fill, rowwiseCases } from "./rowwise_cases.ts";

/** Measures softmax, layer norm, GELU, AdamW and cross-entropy. */
export const rowwiseBench: Command = bench({
  summary: "Measure row-wise kernels: milliseconds and effective bandwidth",
  usage: "  deno task bench rowwise --backend webgpu",
  options: {},
  async run(options, { device, reason }) {
    const cpu = device.backend.name === "cpu";
    using _scope = device.scope("rowwise");
    const weight = fill(device, 768);
    const rows: Record<string, unknown>[] = [];
    for (const [name, elements, run] of await rowwiseCases(device)) {
      const settle = async () => {
        using _scope = device.scope("settle");
        await gelu(weight).read();
      };
      const ms = await milliseconds(device, () => void run(), settle, cpu ? 1 : 50);
      rows.push({
        name,
        ms: Number(ms.toFixed(4)),
        gigabytesPerSecond: Number((4 * elements / ms / 1e6).toFixed(1)),
      });
    }
    report(rows, options.json, reason);
  },
});
