// Row-wise kernels: milliseconds and effective bandwidth. deno task bench rowwise --backend webgpu
import { gelu } from "../core/ops/elementwise.ts";
import { milliseconds, prepare, report } from "./measure.ts";
import { fill, rowwiseCases } from "./rowwise_cases.ts";

/** Measures softmax, layer norm, GELU, AdamW and cross-entropy. */
export async function rowwiseBench(args: string[]): Promise<void> {
  const { values, device, reason } = await prepare({}, args);
  await using _device = device;
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
  report(rows, values["json"], reason);
}
