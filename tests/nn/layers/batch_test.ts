import { assertEquals, assertThrows } from "@std/assert";
import { OptionError } from "../../../core/errors.ts";
import { seedKey } from "../../../core/random.ts";
import { dropoutPlan } from "../../../nn/dropout/methods.ts";
import { countTargets, type EncodedExample, toBatch } from "../../../nn/layers/batch.ts";
import { objective } from "../../../nn/objective/objective.ts";
import { randomModel, tinyConfig, tinyExamples } from "../../support/tiny_models.ts";
import { withDevice } from "../../support/with_device.ts";

Deno.test("toBatch() pads on the right, and masks what it pads", () =>
  withDevice("f32", async (device) => {
    const examples = [{ ids: [5, 6, 7], typeIds: [0, 1, 1] }, { ids: [8] }];
    const batch = toBatch(device, examples, { padId: 3, width: 4, numbers: [7, 2] });
    assertEquals([batch.size, batch.width], [2, 4]);
    assertEquals([...await batch.ids.read()], [5, 6, 7, 3, 8, 3, 3, 3]);
    assertEquals([...await batch.typeIds.read()], [0, 1, 1, 0, 0, 0, 0, 0]);
    assertEquals([...await batch.positions.read()], [0, 1, 2, 3, 0, 1, 2, 3]);
    assertEquals([...await batch.mask!.read()], [1, 1, 1, 0, 1, 0, 0, 0]);
    assertEquals([...await batch.lengths.read()], [3, 1]);
    assertEquals([...await batch.last.read()], [2, 4]);
    const [first, second] = batch.examples!;
    assertEquals([...await first.read(), ...await second.read()], [14, 4, 15, 5]);
    assertEquals([batch.labels, batch.rows], [undefined, undefined]);
    const full = toBatch(device, [{ ids: [1, 2] }, { ids: [3, 4] }]);
    assertEquals([full.mask, full.examples], [undefined, undefined]);
  }));

Deno.test("toBatch() takes labels, scores, or the tokens from predictFrom on", () =>
  withDevice("f64", async (device) => {
    const labelled = [{ ids: [1], label: 2 }, { ids: [1], label: 0 }];
    assertEquals([...await toBatch(device, labelled).labels!.read()], [2, 0]);
    const scored = [{ ids: [1], label: 2.5 }];
    const { labels } = toBatch(device, scored, { regression: true });
    assertEquals([...await labels!.read()], [2.5]);
    const texts = [{ ids: [5, 6, 7], predictFrom: 1 }, { ids: [8, 9], predictFrom: 1 }];
    const batch = toBatch(device, texts);
    assertEquals([...await batch.labels!.read()], [6, 7, 9]);
    assertEquals([...await batch.rows!.read()], [0, 1, 3]);
    assertEquals(countTargets(texts), 3);
  }));

Deno.test("toBatch() takes the tokens of spans, packed or not", () =>
  withDevice("f64", async (device) => {
    const first = { ids: [5, 6, 7, 8, 9], predictSpans: [[1, 2], [3, 5]] } as const;
    const second = { ids: [3, 4], predictSpans: [[1, 2]] } as const;
    assertEquals(countTargets([first, second]), 4);
    for (const [pack, row] of [[false, 5], [true, 5]] as const) {
      const batch = toBatch(device, [first, second], { pack, width: pack ? 7 : 5 });
      assertEquals([...await batch.labels!.read()], [6, 8, 9, 4]);
      assertEquals([...await batch.rows!.read()], [0, 2, 3, row]);
    }
    for (const spans of [[[0, 1]], [[1.5, 2]], [[2, 1]], [[1, 4]], [[2, 3], [1, 2]]] as const) {
      const example = { ids: [5, 6, 7], predictSpans: spans };
      assertThrows(() => toBatch(device, [example]), OptionError, "of example 0");
    }
  }));

Deno.test("toBatch() and objective() refuse what cannot be trained on", () =>
  withDevice("f32", (device) => {
    const refuse = (examples: EncodedExample[], message: string) =>
      assertThrows(() => toBatch(device, examples, { width: 2 }), OptionError, message);
    refuse([{ ids: [1] }, { ids: [] }], "sequence 1 as 1 to 2 tokens are required: found 0");
    refuse([{ ids: [1, 2, 3] }], "sequence 0 as 1 to 2 tokens are required: found 3");
    refuse([{ ids: [1], label: 1 }, { ids: [1] }], "example 1 without a label");
    refuse([{ ids: [1, 2], predictFrom: 0 }], "the first token of example 0");
    const model = randomModel(device, tinyConfig("bert"), "classifier");
    const options = { key: seedKey(1), normaliser: 1 };
    assertThrows(
      () => objective(model, toBatch(device, [{ ids: [1] }]), options),
      OptionError,
      "Cannot train on a batch without labels",
    );
    for (const normaliser of [0, -1, NaN, Infinity]) {
      assertThrows(
        () => objective(model, toBatch(device, tinyExamples([2])), { ...options, normaliser }),
        OptionError,
        `normaliser requires a finite number above 0: found ${normaliser}`,
      );
    }
    const plan = dropoutPlan("hiddenkey", false);
    assertThrows(
      () => objective(model, toBatch(device, tinyExamples([2])), { ...options, plan }),
      OptionError,
      "without the numbers of its examples",
    );
  }));
