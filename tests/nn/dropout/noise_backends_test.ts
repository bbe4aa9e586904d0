import { assert } from "@std/assert";
import fc from "fast-check";
import type { Device } from "../../../core/device.ts";
import { tensor } from "../../../core/tensor.ts";
import {
  close,
  dropKeyJacobian,
  dropKeyWeights,
  manyRows,
  noGradJacobian,
  type RowCase,
  rowsCancel,
  sumsOf,
} from "../../support/noise_cases.ts";
import { checkDrawn, drawnCases, operations, type Tally } from "../../support/noise_drawn.ts";
import {
  differences,
  dropKeyForms,
  type Form,
  frozenForm,
  jacobians,
  noGradForms,
  weights,
  withGradForms,
} from "../../support/noise_forms.ts";
import { webGpuTest } from "../../support/webgpu_device.ts";
import { withDevice } from "../../support/with_device.ts";

/** Limits of 32 bits: weights and Jacobians are at most 1. */
const limits = { weights: 2e-6, jacobian: 2e-6 } as const;
/** Truncation (h²) and rounding (1e-7 / h) of differences in 32 bits are about this. */
const [step, differenceLimit] = [2 ** -6, 1e-4] as const;
/** 1,000 cases, many at a time. */
const [batch, numRuns] = [25, 40] as const;

type Check = (device: Device) => Promise<void>;

/** Declares a test on each backend of 32 bits. */
function everywhere(name: string, check: Check): void {
  Deno.test(`${name}, on CPU in f32`, () => withDevice("f32", check));
  webGpuTest(`${name}, on WebGPU`, check);
}

const groups: readonly (readonly [
  string,
  Readonly<Record<string, Form>>,
  (c: RowCase) => Float64Array,
])[] = [
  ["DropKey", dropKeyForms, dropKeyJacobian],
  ["DropAttention", noGradForms, noGradJacobian],
  ["DropAttention without NoGrad", withGradForms, dropKeyJacobian],
];

for (const [group, forms, expected] of groups) {
  for (const [which, form] of Object.entries(forms)) {
    everywhere(`${group} (${which}): weights, Jacobian, differences`, (device) =>
      fc.assert(
        fc.asyncProperty(manyRows(batch), async (cases) => {
          using _scope = device.scope("cases");
          const [w, derived] = [
            await weights(device, cases, form),
            await jacobians(device, cases, form),
          ];
          const shares = cases.map((c) => sumsOf(c).share);
          const frozen = frozenForm(tensor(device, shares, [batch, 1, 1]));
          const still = group === "DropAttention" ? frozen : form;
          const numeric = await differences(device, cases, still, step);
          cases.forEach((c, i) => {
            close("weights", w[i]!, dropKeyWeights(c), limits.weights);
            close("Jacobian", derived[i]!, expected(c), limits.jacobian);
            rowsCancel("the Jacobian", derived[i]!, limits.jacobian);
            close("differences", numeric[i]!, expected(c), differenceLimit);
          });
        }),
        { numRuns },
      ));
  }
}

for (const name of Object.keys(operations) as (keyof typeof operations)[]) {
  everywhere(`${name} of masks drawn in the kernel`, async (device) => {
    const tally: Tally = { rows: 0, dropping: 0 };
    await fc.assert(
      fc.asyncProperty(drawnCases, (c) => checkDrawn(device, c, name, limits, tally)),
      { numRuns: 300 },
    );
    assert(tally.rows >= 1000 && tally.dropping > tally.rows / 4, JSON.stringify(tally));
  });
}
