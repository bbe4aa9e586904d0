import { assertEquals } from "@std/assert";
import { Device } from "../../../core/device.ts";
import { openCpu } from "../../../kernels/cpu/backend.ts";
import { baseFile } from "../../../train/demo/base_file.ts";
import { measureNoise, type NoisePoint } from "../../../train/lab/page/noise/measure.ts";
import type { NoiseRow } from "../../../train/noise/study.ts";
import { task } from "../../support/cli.ts";

Deno.test("the page's noise is that of deno task noise to the last bit, rate by rate", async () => {
  const settings = { rates: [0.1, 0.3], masks: 4, batch: 2, seed: 3 };
  await using device = new Device(openCpu({ kernels: "simd" }));
  const points: NoisePoint[] = [];
  const rates: number[] = [];
  for await (const some of measureNoise(device, await Deno.readFile(baseFile), settings)) {
    assertEquals(new Set(some.map(({ rate }) => rate)).size, 1);
    rates.push(some[0]!.rate);
    points.push(...some);
  }
  assertEquals(rates, settings.rates);
  const flags = "--kernels simd --masks 4 --batch 2 --seed 3 --rates 0.1,0.3 --backend cpu --json";
  const { code, out, err } = await task("noise", ...flags.split(" "));
  assertEquals([code, err], [0, ""]);
  const { rows } = JSON.parse(out) as { rows: (NoiseRow & { mean: NoisePoint["figures"] })[] };
  assertEquals(rows.length, 8);
  for (const { variant, rate, masks, mean } of rows) {
    const point = points.find((point) => point.variant === variant && point.rate === rate);
    assertEquals(point, { variant, rate, masks, figures: mean }, `${variant} ${rate}`);
  }
});
