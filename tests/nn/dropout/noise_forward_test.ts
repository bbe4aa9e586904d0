import fc from "fast-check";
import {
  close,
  dropAttentionWeights,
  dropKeyWeights,
  oneRow,
  runs,
} from "../../support/noise_cases.ts";
import { allForms, weights } from "../../support/noise_forms.ts";
import { withDevice } from "../../support/with_device.ts";

Deno.test("Eq. 13: the closed forms of Eq. 5 and Eq. 6 are the same weights", () => {
  fc.assert(
    fc.property(oneRow, (c) => {
      close("weights", dropAttentionWeights(c), dropKeyWeights(c), 1e-12);
    }),
    runs,
  );
});

for (const [name, form] of allForms) {
  Deno.test(`Eq. 5 and 13: the weights are those of DropKey (${name})`, () =>
    withDevice("f64", (device) =>
      fc.assert(
        fc.asyncProperty(oneRow, async (c) => {
          const [actual] = await weights(device, [c], form);
          close("weights", actual!, dropKeyWeights(c), 1e-12);
          close("sum", [actual!.reduce((a, b) => a + b)], [1], 1e-12);
          c.keep.forEach((kept, key) => {
            if (!kept && actual![key] !== 0) throw new Error(`Key ${key} has ${actual![key]}`);
            if (kept && !(actual![key]! > 0)) throw new Error(`Key ${key} has ${actual![key]}`);
          });
        }),
        runs,
      )));
}
