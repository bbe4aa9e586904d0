// Where examples lie that share rows.
import { assert, assertEquals, assertLessOrEqual, assertThrows } from "@std/assert";
import fc from "fast-check";
import type { Device } from "../../../core/device.ts";
import { IndexError, OptionError } from "../../../core/errors.ts";
import { type Batch, toBatch } from "../../../nn/layers/batch.ts";
import { packRows } from "../../../nn/layers/pack_rows.ts";
import { randomModel, tinyConfig, tinyExamples } from "../../support/tiny_models.ts";
import { withDevice } from "../../support/with_device.ts";

Deno.test("packRows() lays out by first fit decreasing in the width of the fewest tokens", () => {
  // Of the widths 5 to 9: 5 has rows 5, 4, 3+2 (15), 6 has 5, 4+2, 3 (18), 7 has 5+2, 4+3 (14: all).
  assertEquals(packRows([3, 5, 2, 4], 9), { size: 2, width: 7, starts: [11, 0, 5, 7] });
  // Room for no more than one: 5 and 4 would need 9.
  assertEquals(packRows([4, 5], 8), { size: 2, width: 5, starts: [5, 0] });
  assertEquals(packRows([4, 5], 9), { size: 1, width: 9, starts: [5, 0] });
  assertEquals(packRows([6], 6), { size: 1, width: 6, starts: [0] });
});

Deno.test("packRows() fills rows up to a multiple, or to the most tokens", () => {
  assertEquals(packRows([3, 5, 2, 4], 9, 4), {
    size: 2,
    width: 8,
    starts: [5, 0, 12, 8],
  });
  assertEquals(packRows([4, 5], 9, 4), { size: 1, width: 9, starts: [5, 0] });
  assertEquals(packRows([9], 9, 4), { size: 1, width: 9, starts: [0] });
  assertEquals(packRows([3], 9, 16), { size: 1, width: 9, starts: [0] });
});

Deno.test("packRows() keeps examples whole and apart, in no more tokens than one a row", () => {
  const drawn = fc.tuple(
    fc.array(fc.integer({ min: 1, max: 30 }), { minLength: 1, maxLength: 20 }),
    fc.integer({ min: 0, max: 40 }),
  );
  fc.assert(fc.property(drawn, ([lengths, more]) => {
    const longest = Math.max(...lengths);
    const { size, width, starts } = packRows(lengths, longest + more);
    assert(width >= longest && width <= longest + more);
    assertLessOrEqual(size * width, lengths.length * longest);
    const taken = new Uint8Array(size * width);
    starts.forEach((start, b) => {
      const end = start + lengths[b]!;
      assertEquals(Math.floor(start / width), Math.floor((end - 1) / width));
      for (let i = start; i < end; i++) taken[i]!++;
    });
    assert(taken.every((count) => count <= 1));
    assertEquals(taken.reduce((a, b) => a + b), lengths.reduce((a, b) => a + b));
  }));
});

async function numbersOf(batch: Batch) {
  const read = async (name: "ids" | "positions" | "offsets" | "lengths" | "mask") => [
    ...await batch[name]!.read(),
  ];
  return {
    ids: await read("ids"),
    positions: await read("positions"),
    offsets: await read("offsets"),
    lengths: await read("lengths"),
    mask: await read("mask"),
    examples: [...await batch.examples![1].read()],
    rows: [...await batch.rows!.read()],
    labels: [...await batch.labels!.read()],
    last: [...await batch.last.read()],
  };
}

const given = [{ ids: [7, 8, 9], predictFrom: 1 }, { ids: [4, 5, 6, 3], predictFrom: 3 }, {
  ids: [2, 1],
  predictFrom: 1,
}];

Deno.test("toBatch() packs examples with what each token belongs to", () =>
  withDevice("f32", async (device) => {
    const batch = toBatch(device, [...given, { ids: [1, 2], predictFrom: 1 }], {
      pack: true,
      width: 6,
      padId: 99,
      numbers: [5, 6, 0, 2],
    });
    // Two rows of six have as many tokens, and twice the keys of a query that are another example's.
    assertEquals([batch.size, batch.width], [3, 4]);
    assertEquals(await numbersOf(batch), {
      ids: [4, 5, 6, 3, 7, 8, 9, 99, 2, 1, 1, 2],
      positions: [0, 1, 2, 3, 0, 1, 2, 0, 0, 1, 0, 1],
      offsets: [0, 0, 0, 0, 0, 0, 0, 3, 0, 0, 2, 2],
      lengths: [4, 4, 4, 4, 3, 3, 3, 0, 2, 2, 2, 2],
      mask: [1, 1, 1, 1, 1, 1, 1, 0, 1, 1, 1, 1],
      examples: [13, 13, 13, 13, 11, 11, 11, 0, 1, 1, 5, 5],
      rows: [4, 5, 2, 8, 10],
      labels: [8, 9, 3, 1, 2],
      last: [6, 3, 9, 11],
    });
  }));

Deno.test("toBatch() has no mask where packed rows are full", () =>
  withDevice("f32", (device) => {
    const batch = toBatch(device, tinyExamples([3, 5, 2]), { pack: true });
    assertEquals([batch.size, batch.width, batch.mask], [2, 5, undefined]);
  }));

function runPacked(device: Device, architecture: "bert" | "llama", ids = [1, 2]) {
  const model = randomModel(device, tinyConfig(architecture), "classifier");
  return model.forward({ batch: toBatch(device, [{ ids }, { ids: [3] }], { pack: true }) });
}

for (const architecture of ["bert", "llama"] as const) {
  Deno.test(`a classifier of ${architecture} refuses packed examples`, () =>
    withDevice("f32", (device) => {
      assertThrows(
        () => runPacked(device, architecture),
        OptionError,
        "Cannot run packed examples as a language model of a decoder is required",
      );
    }));
}

Deno.test("a token of a packed row beyond the table is found in its row", () =>
  withDevice("f32", (device) => {
    const model = randomModel(device, tinyConfig("llama"), "language");
    const run = (ids: number[], padId = 0) =>
      model.forward({
        batch: toBatch(device, [{ ids: [1, 2, 3] }, { ids }, { ids: [1, 2, 3] }], {
          pack: true,
          padId,
          width: 4,
        }),
      });
    assertThrows(() => run([1, 99]), IndexError, "found at token 1 of row 2");
    assertThrows(() => run([1, 2], 99), IndexError, "which is padding");
  }));
