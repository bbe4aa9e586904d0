// Matrix products: GFLOP/s by shape, on the CPU beside the processor's peak.
// deno task bench product --backend webgpu --m 4096 --n 4096 --k 4096
import { matmul } from "../core/ops/matmul.ts";
import { transpose } from "../core/ops/view.ts";
import { tensor } from "../core/tensor.ts";
import type { Command } from "../train/commands/command.ts";
import { bench, size } from "./bench.ts";
import { milliseconds, report } from "./measure.ts";
import { Peak } from "./peak.ts";
import { fill } from "./rowwise_cases.ts";

type Shape = readonly [m: number, n: number, k: number];

/** What the CPU is measured at: squares, a layer's product, LoRA's, attention's, one row. */
export const cpuShapes: readonly Shape[] = [
  [256, 256, 256],
  [512, 512, 512],
  [1024, 1024, 1024],
  [512, 768, 3072],
  [512, 768, 8],
  [512, 8, 768],
  [512, 64, 512],
  [1, 768, 768],
];

/** Squares, and the products of a training step (A·B, or A·Bᵀ as linear layers have it). */
const gpuShapes: readonly Shape[] = [
  [1024, 1024, 1024],
  [2048, 2048, 2048],
  [4096, 4096, 4096],
  [512, 4096, 1024],
  [512, 50304, 1024],
  [1024, 3072, 1024],
  [512, 1024, 1024],
  [512, 1024, 4096],
  [1024, 384, 384],
  [512, 8, 1024],
  [8, 1024, 512],
];

/** Measures one shape, or all of them. */
export const productBench: Command = bench({
  summary: "Measure matrix products by shape, on the CPU beside the processor's peak",
  usage: "  deno task bench product --backend webgpu --m 4096 --n 4096 --k 4096",
  options: {
    m: size("rows; n and k are the same where they are not given"),
    n: size("columns"),
    k: size("inner size"),
  },
  async run(options, { device, reason }) {
    const { m, n, k } = options;
    const cpu = device.backend.name === "cpu";
    const shapes = cpu ? cpuShapes : gpuShapes;
    const list = m === undefined ? shapes : [[m, n ?? m, k ?? m] as const];
    const threads = options.threads ?? navigator.hardwareConcurrency;
    using loop = cpu ? new Peak(options.kernels === "javascript" ? 1 : threads) : undefined;
    const rows: Record<string, unknown>[] = [];
    for (const [m, n, k] of list) {
      const flop = 2 * m * n * k;
      using _scope = device.scope("shape");
      const [a, b, bt] = [fill(device, m, k), fill(device, k, n), fill(device, n, k)];
      const repeats = Math.max(1, Math.min(cpu ? 2000 : 50, Math.round((cpu ? 1e9 : 1e12) / flop)));
      const one = tensor(device, [0]);
      const settle = async () => {
        if (cpu) return;
        using _scope = device.scope("settle");
        await matmul(tensor(device, [1], [1, 1]), tensor(device, [1], [1, 1])).read();
        await one.read();
      };
      const nn = await milliseconds(device, () => void matmul(a, b), settle, repeats, 9);
      const peak = loop?.measure();
      const nt = await milliseconds(
        device,
        () => void matmul(a, transpose(bt)),
        settle,
        repeats,
        9,
      );
      const gflops = (ms: number) => Number((flop / ms / 1e6).toFixed(1));
      rows.push({
        m,
        n,
        k,
        ms: Number(nn.toFixed(4)),
        gflops: gflops(nn),
        gflopsTransposed: gflops(nt),
        ...(peak !== undefined && {
          peak: Number(peak.toFixed(1)),
          ratio: Number((flop / nn / 1e6 / peak).toFixed(3)),
        }),
      });
    }
    report(rows, options.json, reason);
  },
});
