// The cost of one small program, dependent on the last. deno task bench dispatch --backend webgpu
import { scale } from "../core/ops/elementwise.ts";
import { type Tensor, tensor } from "../core/tensor.ts";
import type { Command } from "../train/commands/command.ts";
import { bench } from "./bench.ts";
import { median, milliseconds, report } from "./measure.ts";

/** Measures chains of scalings and a read-back. */
export const dispatchBench: Command = bench({
  summary: "Measure the cost of one small program, dependent on the last",
  usage: "  deno task bench dispatch --backend webgpu",
  options: {},
  async run(options, { device, reason }) {
    using _scope = device.scope("dispatch");
    const x = tensor(device, new Float32Array(1024));
    const chain = 500;
    let last: Tensor | undefined;
    const host: number[] = [];
    const run = () => {
      const start = performance.now();
      let y = x;
      for (let i = 0; i < chain; i++) y = scale(y, 1.0001);
      host.push(performance.now() - start);
      last = device.innermost!.keep(y);
    };
    const settle = async () => {
      await last!.read();
      last![Symbol.dispose]();
    };
    const ms = await milliseconds(device, run, settle, 1, 15);
    const read = await milliseconds(device, () => {}, () => x.read(), 1, 15);
    const rows = [{
      microsecondsPerDispatch: Number((1000 * ms / chain).toFixed(2)),
      // Until it is recorded, submissions included, while the device works on earlier ones.
      microsecondsOnHost: Number((1000 * median(host) / chain).toFixed(2)),
      microsecondsPerRead: Number((1000 * read).toFixed(1)),
    }];
    report(rows, options.json, reason);
  },
});
