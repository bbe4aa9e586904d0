// Tables of rotary positions reach the positions that texts have, and no memory is spent on the rest.
import { assert, assertEquals, assertThrows } from "@std/assert";
import { apply } from "../../../core/apply.ts";
import type { Device } from "../../../core/device.ts";
import { DisposedError } from "../../../core/errors.ts";
import { addWords, input, word } from "../../../core/expr.ts";
import { type Rotary, rotaryTables, tablesReaching } from "../../../core/ops/rotary.ts";
import { rowwise } from "../../../core/ops/rowwise.ts";
import { tensor } from "../../../core/tensor.ts";
import type { Generated } from "../../../nn/generation/beam_search.ts";
import { generate } from "../../../nn/generation/generate.ts";
import { toBatch } from "../../../nn/layers/batch.ts";

import type { LanguageModel } from "../../../nn/models/decoder.ts";

import { withInterpreted } from "../../support/interpreted_device.ts";
import { rotaryOf } from "../../support/rotary.ts";
import { randomModel, tinyConfig, tinyExamples } from "../../support/tiny_models.ts";
import { withDevice } from "../../support/with_device.ts";

const rotary = rotaryOf([1, 0.3], 1.1);

Deno.test("tables grow by doubling to the positions of a batch, with the same numbers and owner", () =>
  withDevice("f64", async (device) => {
    using _model = device.scope("model");
    const all = rotaryTables(device, 11, rotary);
    let tables = rotaryTables(device, 2, rotary);
    const owner = tables.cosine.scope;
    for (const [furthest, rows] of [[1, 2], [2, 4], [3, 4], [4, 8], [9, 11], [0, 11]] as const) {
      using _step = device.scope("step");
      const positions = tensor(device, [0, furthest], [1, 2], "u32");
      const before = tables;
      tables = tablesReaching(before, rotary, positions, 11);
      assertEquals(tables.cosine.shape, [rows, 4]);
      if (before !== tables) assertThrows(() => before.cosine.valueFor("test"), DisposedError);
      for (const part of ["cosine", "sine"] as const) {
        assertEquals(tables[part].scope, owner);
        const expected = [...await all[part].read()].slice(0, 4 * rows);
        assertEquals([...await tables[part].read()], expected);
      }
    }
  }));

Deno.test("tables reach all positions where the host does not see those of a batch", () =>
  withInterpreted({}, (device) => {
    const next = rowwise("next", { x: "u32" }, [addWords(input(0, "u32", 3), word(1))]);
    const positions = apply(next, [tensor(device, [0, 1], [1, 2], "u32")], {})[0]!;
    const tables = tablesReaching(rotaryTables(device, 2, rotary), rotary, positions, 11);
    assertEquals(tables.cosine.shape, [11, 4]);
  }));

/** Logits of the last token of each text. */
async function lastLogits(device: Device, model: LanguageModel, lengths: readonly number[]) {
  using _scope = device.scope("logits");
  const batch = toBatch(device, tinyExamples(lengths));
  return [...await model.forward({ batch: { ...batch, rows: batch.last } }).logits.read()];
}

Deno.test("a text beyond the first positions and its continuation are those of its own pass", () =>
  withDevice("f64", async (device) => {
    const config = tinyConfig("llama", { max_position_embeddings: 1100, num_hidden_layers: 1 });
    const model = randomModel(device, config, "language");
    const [short] = [await lastLogits(device, model, [5])];
    const [prompt] = tinyExamples([1020]);
    const options = { newTokens: 8, positions: 1100 };
    const [made] = await generate(model, device, [prompt!.ids], options);
    const again = randomModel(device, config, "language");
    const whole = [...prompt!.ids, ...made!.ids];
    const { rows: _rows, ...batch } = toBatch(device, [{ ids: whole }]);
    const logits = [...await again.forward({ batch }).logits.read()];
    const best = made!.ids.map((_, i) => {
      const at = (1020 + i - 1) * config.vocabularySize;
      const row = logits.slice(at, at + config.vocabularySize);
      return row.indexOf(Math.max(...row));
    });
    assertEquals(made!.ids, best);
    assertEquals(await lastLogits(device, model, [5]), short);
  }));

Deno.test("a model of a million positions begins with the tables of the first", () =>
  withDevice("f32", (device) => {
    const change = { max_position_embeddings: 2 ** 20, hidden_size: 64, num_key_value_heads: 2 };
    const before = device.backend.statistics.bytes;
    randomModel(device, tinyConfig("llama", change), "language");
    assert(device.backend.statistics.bytes - before < 2 ** 20);
  }));

Deno.test("tokens that were captured are computed anew once tables reach further", async () => {
  const made: Generated[][] = [];
  for (const rows of [4, 40]) {
    await withInterpreted({}, async (device) => {
      const model = randomModel(
        device,
        tinyConfig("llama", { max_position_embeddings: 40 }),
        "language",
      );
      const [rotary] = (model.config as { rotaries?: readonly Rotary[] }).rotaries!;
      Object.assign([...model.members()].find(([name]) => name === "model")![1], {
        tables: [rotaryTables(device, rows, rotary!)],
      });
      const prompts = [[3, 5], [7, 2, 4]];
      const all: Generated[] = [];
      // A text alone makes the tables larger, which those of both were captured with.
      for (const [count, newTokens] of [[2, 6], [2, 6], [1, 16], [2, 6]] as const) {
        // Nobody may look at what was given back, such as the tables of 16 rows.
        using _poison = device.scope("poison");
        for (let i = 0; i < 64; i++) tensor(device, new Float32Array(64).fill(NaN));
        const options = { newTokens, positions: 40, beams: 2 };
        all.push(...await generate(model, device, prompts.slice(0, count), options));
      }
      made.push(all);
    });
  }
  assertEquals(made[0], made[1]);
});
