// Where a mask begins and ends: at the rate itself, and on rows without tokens.
import { assertEquals } from "@std/assert";
import type { Device } from "../../../core/device.ts";
import { type Key, threefry } from "../../../core/random.ts";
import { tensor } from "../../../core/tensor.ts";
import { dropHidden } from "../../../nn/dropout/drop_hidden.ts";
import type { Site } from "../../../nn/dropout/plan.ts";
import { withDevice } from "../../support/with_device.ts";

const counters = [1, 4, 6, 9];

/** Which of some ones a site drops, by rows of the last axis. */
async function dropped(device: Device, site: Site, key: Key, shape: readonly number[]) {
  using _scope = device.scope("mask");
  const rows = shape[0]!;
  const words = (data: number[]) => tensor(device, data, [data.length], "u32");
  const plan = { sites: [site], compensation: { kind: "none", weight: 1, branches: 1 } } as const;
  const dropout = {
    plan,
    key,
    examples: words(counters.slice(0, rows)),
    lengths: words(new Array<number>(rows).fill(1)),
  };
  const size = shape.reduce((a, b) => a * b);
  const ones = tensor(device, new Float64Array(size).fill(1), shape);
  const y = [...await dropHidden(ones, { site, key, dropout }).read()].map((x) => x === 0);
  return Array.from({ length: rows }, (_, b) => y.slice(b * size / rows, (b + 1) * size / rows));
}

Deno.test("an element is dropped where its word is below the rate, and kept where it is the rate", () =>
  withDevice("f64", async (device) => {
    for (let k = 1; k < 20; k++) {
      const key: Key = [k, 3];
      const [word] = threefry(key, counters[0]!, 0);
      const at = (rate: number) => {
        const site: Site = { position: "hidden", structure: "element", rate, layers: "all" };
        return dropped(device, site, key, [1, 1]);
      };
      assertEquals(await at(word / 2 ** 32), [[false]]);
      assertEquals(await at((word + 1) / 2 ** 32), [[true]]);
    }
  }));

Deno.test("of rows without tokens a column is the whole row, and a feature or an element a number", () =>
  withDevice("f64", async (device) => {
    const [rate, width] = [0.5, 6];
    for (let k = 1; k < 8; k++) {
      const key: Key = [k, 5];
      for (const structure of ["column", "feature", "element"] as const) {
        const site: Site = { position: "output", structure, rate, layers: "all" };
        const expected = counters.map((counter) =>
          Array.from({ length: width }, (_, i) => {
            const place = structure === "column" ? 0 : i;
            return threefry(key, counter, place >>> 1)[place & 1]! < rate * 2 ** 32;
          })
        );
        assertEquals(await dropped(device, site, key, [4, width]), expected, structure);
      }
    }
  }));
