import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import type { Device } from "../../../core/device.ts";
import { tensor } from "../../../core/tensor.ts";
import {
  close,
  dropKeyJacobian,
  droppedKeys,
  noGradJacobian,
  oneRow,
  places,
  raised,
  ratioOf,
  type RowCase,
  rowsCancel,
  runs,
  sumsOf,
} from "../../support/noise_cases.ts";
import {
  differences,
  dropKeyForms,
  type Form,
  frozenForm,
  jacobian,
  noGradForms,
  withGradForms,
} from "../../support/noise_forms.ts";
import { withDevice } from "../../support/with_device.ts";

/** Declares a property of any case on f64. */
function property(name: string, check: (device: Device, c: RowCase) => Promise<void>): void {
  Deno.test(name, () =>
    withDevice("f64", (device) =>
      fc.assert(
        fc.asyncProperty(oneRow, async (c) => {
          using _scope = device.scope("case");
          await check(device, c);
        }),
        runs,
      )));
}

/** Declares a property of any case and form. */
function each(
  forms: Readonly<Record<string, Form>>,
  name: string,
  check: (device: Device, c: RowCase, form: Form) => Promise<void>,
): void {
  for (const [which, form] of Object.entries(forms)) {
    property(`${name} (${which})`, (device, c) => check(device, c, form));
  }
}

each(dropKeyForms, "Eq. 7: DropKey's Jacobian, zero in each dropped logit", async (d, c, form) => {
  const actual = await jacobian(d, c, form);
  const width = c.logits.length;
  close("DropKey", actual, dropKeyJacobian(c), 1e-12);
  rowsCancel("DropKey", actual, 1e-12);
  for (let i = 0; i < actual.length; i++) {
    if (!c.keep[i % width]) assertEquals(Math.abs(actual[i]!), 0);
  }
});

each(dropKeyForms, "DropKey's Jacobian ignores the dropped logits' values", async (d, c, form) => {
  const [m] = droppedKeys(c);
  assertEquals(await jacobian(d, raised(c, m!, 1), form), await jacobian(d, c, form));
});

each(noGradForms, "Eq. 8, 9: DropAttention's Jacobian with NoGrad", async (d, c, form) => {
  const actual = await jacobian(d, c, form);
  close("NoGrad", actual, noGradJacobian(c), 1e-12);
  rowsCancel("NoGrad", actual, 1e-12);
});

each(
  noGradForms,
  "Eq. 8: with NoGrad a gradient flows into dropped logits, more the higher they are",
  async (d, c, form) => {
    const width = c.logits.length;
    const dropped = droppedKeys(c);
    const m = dropped[0]!;
    const low = await jacobian(d, c, form);
    const high = await jacobian(d, raised(c, m, 0.5), form);
    for (const u of places(c.keep)) {
      for (const j of dropped) assert(low[u * width + j]! < 0, `${u}, ${j}: no noise`);
      assert(high[u * width + m]! < low[u * width + m]!, `${u}, ${m}: the noise does not grow`);
    }
  },
);

property("Eq. 10, 14, 15: the diagonal ratio is k, which is below 1", async (d, c) => {
  const width = c.logits.length;
  const key = await jacobian(d, c, dropKeyForms.fused!);
  const attention = await jacobian(d, c, noGradForms.byLogarithms!);
  for (const u of places(c.keep)) {
    const k = key[u * width + u]! / attention[u * width + u]!;
    close("k", [k], [ratioOf(c, u)], 1e-12);
    assert(k < 1, `${u}: k is ${k}`);
  }
});

property("k falls as a dropped logit rises, unless one key alone is kept", async (d, c) => {
  const width = c.logits.length;
  const ratios = async (at: RowCase) => {
    const key = await jacobian(d, at, dropKeyForms.fused!);
    const attention = await jacobian(d, at, noGradForms.byLogarithms!);
    return places(c.keep).map((u) => key[u * width + u]! / attention[u * width + u]!);
  };
  const low = await ratios(c);
  for (const m of droppedKeys(c).slice(0, 2)) {
    (await ratios(raised(c, m, 0.5))).forEach((k, i) => {
      if (low.length === 1) assertEquals(k, 0);
      else assert(k < low[i]!, `k goes from ${low[i]} to ${k}`);
    });
  }
});

property("off the diagonal DropKey's entries are 1/S > 1 times those with NoGrad", async (d, c) => {
  const width = c.logits.length;
  const { share } = sumsOf(c);
  assert(1 / share > 1);
  const key = await jacobian(d, c, dropKeyForms.composed!);
  const attention = await jacobian(d, c, noGradForms.composed!);
  for (const u of places(c.keep)) {
    for (const v of places(c.keep)) {
      if (u === v) continue;
      const [a, b] = [key[u * width + v]!, attention[u * width + v]!];
      close("entry", [a], [b / share], 1e-12);
      // S may be small: the ratio is compared relative to itself.
      close("ratio times S", [a / b * share], [1], 1e-12);
    }
  }
});

each(
  withGradForms,
  "without NoGrad, DropAttention's Jacobian is DropKey's",
  async (d, c, form) => {
    const actual = await jacobian(d, c, form);
    close("without NoGrad", actual, dropKeyJacobian(c), 1e-12);
    close("and by autograd", actual, await jacobian(d, c, dropKeyForms.fused!), 1e-12);
    rowsCancel("without NoGrad", actual, 1e-12);
  },
);

const differ = async (device: Device, c: RowCase, form: Form) => {
  const [numeric] = await differences(device, [c], form);
  close("differences", await jacobian(device, c, form), numeric!, 1e-7);
};
each(dropKeyForms, "differences show DropKey's Jacobian", differ);
each(withGradForms, "differences show DropAttention's without NoGrad", differ);

each(
  noGradForms,
  "with NoGrad, differences show DropKey's Jacobian unless the denominator is frozen",
  async (d, c, form) => {
    const [moving] = await differences(d, [c], form);
    close("weights alone", moving!, dropKeyJacobian(c), 1e-7);
    const frozen = frozenForm(tensor(d, [sumsOf(c).share], [1, 1, 1]));
    const [numeric] = await differences(d, [c], frozen);
    close("frozen", await jacobian(d, c, form), numeric!, 1e-7);
  },
);
