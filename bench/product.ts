// Matrix products: GFLOP/s by shape. deno task bench product --backend webgpu --m 4096 --n 4096 --k 4096
import { matmul } from "../core/ops/matmul.ts";
import { transpose } from "../core/ops/view.ts";
import { tensor } from "../core/tensor.ts";
import { milliseconds, prepare, report } from "./measure.ts";

/** Squares, and the products of a training step (A·B, or A·Bᵀ as linear layers have it). */
const shapes: readonly (readonly [number, number, number])[] = [
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
export async function productBench(args: string[]): Promise<void> {
  const size = (help: string) => ({ kind: "integer", help, least: 1 }) as const;
  const { values, device, reason } = await prepare({
    m: size("rows"),
    n: size("columns"),
    k: size("inner size"),
  }, args);
  await using _device = device;
  const [m, n, k] = ["m", "n", "k"].map((name) => values[name] as number | undefined);
  const list = m === undefined ? shapes : [[m, n ?? m, k ?? m] as const];
  const cpu = device.backend.name === "cpu";
  const rows: Record<string, unknown>[] = [];
  for (const [m, n, k] of list) {
    const flop = 2 * m * n * k;
    if (cpu && flop > 1e10 && list.length > 1) continue;
    using _scope = device.scope("shape");
    const fill = (count: number) =>
      Float32Array.from({ length: count }, (_, i) => (i * 7 % 13) / 13 - 0.5);
    const a = tensor(device, fill(m * k), [m, k]);
    const b = tensor(device, fill(k * n), [k, n]);
    const bt = tensor(device, fill(k * n), [n, k]);
    const repeats = Math.max(1, Math.min(50, Math.round((cpu ? 2e9 : 1e12) / flop)));
    const one = tensor(device, [0]);
    const settle = async () => {
      if (cpu) return;
      using _scope = device.scope("settle");
      await matmul(tensor(device, [1], [1, 1]), tensor(device, [1], [1, 1])).read();
      await one.read();
    };
    const nn = await milliseconds(device, () => void matmul(a, b), settle, repeats);
    const nt = await milliseconds(device, () => void matmul(a, transpose(bt)), settle, repeats);
    const gflops = (ms: number) => Number((flop / ms / 1e6).toFixed(1));
    rows.push({
      m,
      n,
      k,
      ms: Number(nn.toFixed(4)),
      gflops: gflops(nn),
      gflopsTransposed: gflops(nt),
    });
  }
  report(rows, values["json"], reason);
}
