import { assert } from "@std/assert";
import fc from "fast-check";
import { runs } from "../../support/noise_cases.ts";
import { checkDrawn, drawnCases, operations, type Tally } from "../../support/noise_drawn.ts";
import { withDevice } from "../../support/with_device.ts";

for (const name of Object.keys(operations) as (keyof typeof operations)[]) {
  Deno.test(`${name} of masks drawn in the kernel: Eq. 5 and the Jacobian`, () =>
    withDevice("f64", async (device) => {
      const tally: Tally = { rows: 0, dropping: 0 };
      const limits = { weights: 1e-12, jacobian: 1e-12 };
      await fc.assert(
        fc.asyncProperty(drawnCases, (c) => checkDrawn(device, c, name, limits, tally)),
        runs,
      );
      assert(tally.dropping > tally.rows / 4, `${tally.dropping} of ${tally.rows} rows drop`);
    }));
}
