import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { toBatch } from "../../../nn/layers/batch.ts";
import { withDevice } from "../../support/with_device.ts";

Deno.test("toBatch() pads on the right to the longest sequence", () =>
  withDevice("f32", async (device) => {
    using _scope = device.scope("batch");
    const examples = [{ ids: [5] }, { ids: [6, 7, 8] }, { ids: [9, 1] }];
    const { ids, lengths, width } = toBatch(device, examples, { padId: 4 });
    assertEquals([...await ids.read()], [5, 4, 4, 6, 7, 8, 9, 1, 4]);
    assertEquals([[...await lengths.read()], width], [[1, 3, 2], 3]);
  }));

Deno.test("toBatch() keeps every token in its place", () =>
  withDevice("f32", async (device) => {
    const sequence = fc.array(fc.nat({ max: 60000 }), { minLength: 1, maxLength: 20 });
    await fc.assert(
      fc.asyncProperty(
        fc.array(sequence, { minLength: 1, maxLength: 9 }),
        fc.nat(),
        async (rows, padId) => {
          using _scope = device.scope("batch");
          const { ids, lengths, width } = toBatch(device, rows.map((ids) => ({ ids })), { padId });
          const words = await ids.read();
          assertEquals(words.length, rows.length * width);
          assertEquals([...await lengths.read()], rows.map((row) => row.length));
          rows.forEach((row, at) => {
            const padding = new Array<number>(width - row.length).fill(padId);
            const found = [...words.subarray(at * width, (at + 1) * width)];
            assertEquals(found, [...row, ...padding]);
          });
        },
      ),
    );
  }));
