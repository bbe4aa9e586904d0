// This library as a contender: deno run bench/peers/ours.ts --backend cpu --threads 1 --blas off
import { matmul } from "../../core/ops/matmul.ts";
import { loraStep, stepOptions } from "../lora_step.ts";
import { openDevice } from "../../train/device/backend.ts";
import { parseFlags, resolveOptions } from "../../train/config/parse.ts";
import { common } from "../bench.ts";
import { peakResidentMebibytes, ProductClock } from "../product_clock.ts";
import { fill, rowwiseCases } from "../rowwise_cases.ts";
import { type Run, serve } from "./serve.ts";

const table = { ...stepOptions, ...common };
const options = resolveOptions(table, "measure", parseFlags(table, Deno.args));
const { device } = await openDevice({ ...options, dtype: "f32" });
device.scope("contender");
const clock = new ProductClock(device.backend);

/** Work in a scope of its own. */
function scoped(run: Run): Run {
  return () => {
    using _scope = device.scope("run");
    run();
  };
}

await serve(async ({ name, sizes }) => {
  const [m, n, k] = sizes as [number, number, number];
  if (name === "step") {
    return await loraStep(device, { ...options, batch: m, length: n });
  }
  if (name.startsWith("product")) {
    const [a, b] = [fill(device, m, k), fill(device, k, n)];
    return scoped(() => matmul(a, b));
  }
  const run = (await rowwiseCases(device)).find(([title]) => title === name)?.[2];
  return run && scoped(run);
}, (runs) => {
  const products = clock.milliseconds / runs;
  clock.milliseconds = 0;
  return { products, residentMebibytes: peakResidentMebibytes() };
});
