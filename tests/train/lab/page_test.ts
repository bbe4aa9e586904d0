import { assert, assertEquals, assertGreater, assertLess, assertNotEquals } from "@std/assert";
import { Device } from "../../../core/device.ts";
import { openCpu } from "../../../kernels/cpu/backend.ts";
import { baseFile } from "../../../train/demo/base_file.ts";
import {
  computeK,
  computeRow,
  drawKeys,
  rowMethods,
} from "../../../train/lab/page/attention/compute.ts";
import { kLogits } from "../../../train/lab/page/attention/k_logits.ts";
import { rowFields, rowWords } from "../../../train/lab/page/attention/row.ts";
import { measureNoise } from "../../../train/lab/page/noise/measure.ts";
import type { LabVisit, RowSeen } from "../../browser/lab_visit.ts";
import { findProgram, outputOf } from "../../support/programs.ts";

const here = (path: string) => decodeURIComponent(new URL(path, import.meta.url).pathname);
const chromium = findProgram("chromium");
const keys = rowWords.length;

/** Asserts that what the page shows is what the library computes here, to the last bit. */
async function assertShown(device: Device, name: string, seen: RowSeen): Promise<void> {
  const dropped = seen.dropped.map((word) => rowWords.findIndex((one) => one === word));
  const results = await computeRow(device, seen.logits, dropped);
  for (const method of rowMethods) {
    assertEquals(seen.weights[method], results[method].weights.join(), `${name} ${method}`);
    assertEquals(seen.jacobians[method], results[method].jacobian.join(), `${name} ${method}`);
  }
}

async function assertRows(device: Device, rows: LabVisit["rows"]): Promise<void> {
  for (const [name, seen] of Object.entries(rows)) await assertShown(device, name, seen);
  const seen = (name: string) => rows[name]!;
  const standard = [...rowFields.logits.default];
  assertEquals(seen("first").logits, standard);
  assertEquals([seen("first").dropped, seen("first").hash], [["cat"], ""]);
  const dragged = seen("dragged").logits;
  assertGreater(dragged[3]!, 3.5);
  assertEquals(dragged.with(3, standard[3]!), standard);
  assertEquals([seen("clicked").dropped, seen("clicked").kind], [["cat", "mice"], "noise"]);
  assertEquals(seen("keyed").dropped, ["mice", "very"]);
  assertEquals(seen("keyed").logits, dragged.with(6, 1.9));
  assertEquals([seen("own").kind, seen("moved").kind], ["own", "other"]);
  for (const [name, seed] of [["drawn", 7], ["next", 8]] as const) {
    const drawn = await drawKeys(device, { keys, rate: 0.5, seed });
    assertEquals(seen(name).dropped, drawn.map((key) => rowWords[key]!));
    assert(seen(name).said.startsWith(`Drawn with rate 0.5 and seed ${seed}: `), seen(name).said);
  }
  assertNotEquals(seen("drawn").dropped, seen("next").dropped);
  const { hash: _, ...linked } = seen("linked");
  const { hash, ...next } = seen("next");
  assertEquals(linked, next);
  assert(hash.includes("seed=8"), hash);
  assertEquals({ ...seen("malformed"), hash: "" }, seen("first"));
}

Deno.test({
  name: "the lab shows in Chromium what the library computes, by mouse, keyboard and link" +
    (chromium === undefined ? " (needs chromium)" : ""),
  ignore: chromium === undefined,
  async fn() {
    // Playwright reads below /proc, which Deno grants with all permissions alone.
    const lock = `--lock=${here("../../../deno.dev.lock")}`;
    const script = here("../../browser/lab_visit.ts");
    const args = ["run", "--allow-all", "--frozen", lock, script, chromium!];
    const found = JSON.parse(await outputOf("deno", args)) as LabVisit;
    assertEquals([found.complaints, found.strangers], [[], []]);
    assertLess(found.compressed, 400_000);
    // A second at most, on a processor that may have other things to do.
    assertLess(found.busy, 1000);
    assertLess(found.ready, 10_000);
    assertLess(found.answered, 1000);
    for (const [name, violations] of Object.entries(found.violations)) {
      assertEquals(violations, [], name);
    }
    assertEquals(found.overflows, [false, false, false, false]);
    assertEquals(found.themes, ["rgb(20, 23, 27)", "rgb(246, 247, 249)"]);
    await using device = new Device(openCpu({ kernels: "simd" }));
    await assertRows(device, found.rows);
    const { logits, k } = found.rows["first"]!;
    const ks = await computeK(device, logits, [1], { of: 4, moved: 1, values: kLogits });
    assertEquals(k, ks.join());
    const base = await Deno.readFile(baseFile);
    const settings = { rates: [0.1, 0.3], masks: 4, batch: 2, seed: 3 };
    for await (const points of measureNoise(device, base, settings)) {
      for (const { variant, rate, figures } of points) {
        assertEquals(found.noise[`${variant} ${rate}`], JSON.stringify(figures));
      }
    }
    assertEquals(Object.keys(found.noise).length, 8);
    // The study takes seconds: on the page's own thread it would be seen here.
    assertLess(found.longest, 500);
  },
});
