import { assertEquals } from "@std/assert";
import { toBatch } from "../../../nn/layers/batch.ts";
import { randomModel, tinyConfig } from "../../support/tiny_models.ts";
import { withDevice } from "../../support/with_device.ts";

/** Texts of which some end in, or are, padding tokens; and the place that stands for each. */
const texts: readonly (readonly [ids: readonly number[], place: number])[] = [
  [[3, 4, 5], 2],
  [[3, 4, 0], 1],
  [[7, 0, 0, 0, 2], 4],
  [[9, 8, 0, 0], 1],
  [[0, 0], 0],
  [[6], 0],
];

for (const architecture of ["gpt2", "llama"] as const) {
  Deno.test(`classifiers of ${architecture} read the last token that is no pad`, () =>
    withDevice("f64", async (device) => {
      const model = randomModel(device, tinyConfig(architecture), "classifier");
      for (const some of [texts, texts.slice(0, 1), texts.slice(1, 2), texts.slice(0, 2)]) {
        const batch = toBatch(device, some.map(([ids]) => ({ ids })));
        const { hidden, representation } = model.forward({ batch });
        const [, tokens, width] = hidden.shape as [number, number, number];
        const states = await hidden.read();
        const expected = some.flatMap(([, place], b) => {
          return [...states.slice((b * tokens + place) * width, (b * tokens + place + 1) * width)];
        });
        assertEquals([...await representation!.read()], expected);
      }
    }));
}

for (const architecture of ["bert", "roberta"] as const) {
  Deno.test(`classifiers of ${architecture} read the first token`, () =>
    withDevice("f64", async (device) => {
      const model = randomModel(device, tinyConfig(architecture), "classifier");
      const batch = toBatch(device, texts.map(([ids]) => ({ ids })), { padId: 1 });
      const { hidden, representation } = model.forward({ batch });
      const [, tokens, width] = hidden.shape as [number, number, number];
      const states = await hidden.read();
      const first = texts.flatMap((_, b) => {
        return [...states.slice(b * tokens * width, (b * tokens + 1) * width)];
      });
      assertEquals([...await representation!.read()], first);
    }));
}
