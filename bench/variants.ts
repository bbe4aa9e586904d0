// Products by variant: what the policy in kernels/webgpu/product/matmul_policy.ts is made from.
// deno task bench variants --m 512 --n 1024 --k 4096
import { matmul } from "../core/ops/matmul.ts";
import { transpose } from "../core/ops/view.ts";
import { Device } from "../core/device.ts";
import { WebGpuBackend } from "../kernels/webgpu/backend.ts";
import type { MatmulDispatch } from "../kernels/webgpu/product/matmul_policy.ts";
import { direct, type MatmulVariant, tiled } from "../kernels/webgpu/product/variant.ts";
import type { Command } from "../train/commands/command.ts";
import { bench, size } from "./bench.ts";
import { milliseconds, report } from "./measure.ts";
import { fill } from "./rowwise_cases.ts";

type Shape = readonly [batch: number, m: number, n: number, k: number];

/** Products of training steps: squares, layers, attention, LoRA, output layers, decoding. */
const shapes: readonly Shape[] = [
  [1, 4096, 4096, 4096],
  [1, 1024, 1024, 1024],
  [1, 512, 4096, 1024],
  [1, 512, 1024, 4096],
  [1, 512, 3072, 1024],
  [1, 512, 1024, 3072],
  [1, 512, 1024, 1024],
  [1, 1024, 4096, 1024],
  [1, 1024, 384, 384],
  [1, 1024, 384, 1536],
  [1, 424, 576, 576],
  [1, 424, 1536, 576],
  [1, 424, 576, 1536],
  [1, 256, 50257, 1024],
  [128, 64, 64, 64],
  [256, 64, 64, 64],
  [1, 320, 576, 576],
  [1, 320, 49152, 576],
];

const narrow: readonly Shape[] = [
  [1, 512, 4, 1024],
  [1, 1024, 8, 1024],
  [1, 512, 4, 3072],
  [1, 4, 1024, 512],
  [1, 8, 1024, 1024],
  [1, 3072, 4, 512],
  [1, 32, 576, 576],
  [1, 32, 1536, 576],
];

const wideTiles: readonly MatmulVariant[] = [
  tiled(128, 128, 8, 8),
  tiled(128, 64, 8, 8),
  tiled(64, 128, 8, 8),
  tiled(64, 64, 8, 8),
  tiled(64, 64, 8, 8, 32),
  tiled(64, 32, 8, 4),
  tiled(64, 64, 4, 8),
  tiled(32, 64, 4, 8),
  tiled(32, 32, 4, 4),
  tiled(32, 32, 4, 4, 32),
];

const lanes: readonly MatmulVariant[] = [
  tiled(32, 32, 4, 4),
  ...[16, 32, 64].flatMap((l) => [direct(4, 4, l), direct(8, 8, l / 4), direct(4, 8, l / 2)]),
  ...[8, 16, 32].flatMap((l) => [direct(4, 32, l), direct(8, 32, l / 2), direct(32, 4, l)]),
];

/** Measures every variant and number of chunks on each shape, best first. */
export const variantsBench: Command = bench({
  summary: "Measure products by variant, which the policy of WebGPU is made from",
  usage: "  deno task bench variants --m 512 --n 1024 --k 4096",
  options: {
    m: size("rows; n and k are the same where they are not given"),
    n: size("columns"),
    k: size("inner size"),
    top: size("plans to show for each shape", 6),
    narrow: { kind: "switch", help: "measure products with a narrow side" },
    straight: { kind: "switch", help: "measure A·B, not A·Bᵀ as in linear layers" },
  },
  async run(options, { device, reason }) {
    if (!(device.backend instanceof WebGpuBackend)) throw new TypeError("WebGPU is required");
    const { device: gpu, facts } = device.backend;
    const { m, n, k, narrow: isNarrow } = options;
    const list: readonly Shape[] = m !== undefined
      ? [[1, m, n ?? m, k ?? m]]
      : isNarrow
      ? narrow
      : shapes;
    const rows: Record<string, unknown>[] = [];
    for (const [batch, m, n, k] of list) {
      const flop = 2 * batch * m * n * k;
      const repeats = Math.max(4, Math.min(60, Math.round(2e11 / flop)));
      const measured: { plan: string; us: number }[] = [];
      const measure = async (name: string, plan: MatmulDispatch | undefined) => {
        // A backend remembers how a shape is computed, so each plan has its own.
        const own = new Device(new WebGpuBackend(gpu, facts, plan && (() => plan)));
        await (own.backend as WebGpuBackend).prepare();
        using _scope = own.scope("plan");
        const batches = batch === 1 ? [] : [batch];
        const a = fill(own, ...batches, m, k);
        const b = options.straight
          ? fill(own, ...batches, k, n)
          : transpose(fill(own, ...batches, n, k));
        const last = fill(own, 1, 1);
        const ms = await milliseconds(own, () => void matmul(a, b), () => last.read(), repeats, 3);
        measured.push({ plan: name, us: Number((1000 * ms).toFixed(1)) });
      };
      await measure("usual", undefined);
      for (const variant of isNarrow ? lanes : wideTiles) {
        const groups = batch * Math.ceil(m / variant.tile[0]) * Math.ceil(n / variant.tile[1]);
        for (const split of [1, 2, 3, 4, 6, 8]) {
          if (split > 1 && (groups * split > 2500 || k / split < 128 || variant.depth === 0)) {
            continue;
          }
          const { tile, own, depth, lanes } = variant;
          await measure(
            `${tile.join("x")} ${own.join("x")} d${depth} l${lanes} /${split}`,
            {
              variant,
              split,
            },
          );
        }
      }
      measured.sort((x, y) => x.us - y.us);
      const usual = measured.findIndex(({ plan }) => plan === "usual");
      const shown = measured.slice(0, options.top);
      if (usual >= shown.length) shown.push(measured[usual]!);
      for (const { plan, us } of shown) {
        rows.push({
          shape: [batch, m, n, k].join(" "),
          plan,
          us,
          tflops: Number((flop / us / 1e6).toFixed(2)),
        });
      }
    }
    report(rows, options.json, reason);
  },
});
