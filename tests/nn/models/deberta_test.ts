import { assertEquals, assertThrows } from "@std/assert";
import { FileError } from "../../../core/errors.ts";
import { foldKey, seedKey } from "../../../core/random.ts";
import { gradient } from "../../../core/gradient.ts";
import { mul } from "../../../core/ops/elementwise.ts";
import { sum } from "../../../core/ops/reduce.ts";
import { tensor } from "../../../core/tensor.ts";
import { dropoutPlan } from "../../../nn/dropout/methods.ts";
import type { Site } from "../../../nn/dropout/plan.ts";
import { toBatch } from "../../../nn/layers/batch.ts";
import { parameters } from "../../../nn/layers/module.ts";
import { applyLora } from "../../../nn/lora/apply.ts";
import { parseConfig } from "../../../nn/models/config.ts";
import { ConvLayer } from "../../../nn/models/deberta_conv.ts";
import { byDistance, placeRow, type PlaceTable } from "../../../nn/models/deberta_places.ts";
import { classifier } from "../../../nn/models/registry.ts";
import { assertClose, randomTensor } from "../../support/differences.ts";
import { fillRandomly, tinyConfig } from "../../support/tiny_models.ts";
import { withDevice } from "../../support/with_device.ts";

/** Rows of distances from 0 on, counted from that of distance 0, in both directions. */
function rowsOf(table: PlaceTable, distances: number): number[] {
  return Array.from({ length: distances }, (_, distance) => {
    const row = placeRow(distance, table) - table.span;
    assertEquals(placeRow(-distance, table), table.span - row, `${distance}`);
    return row;
  });
}

Deno.test("placeRow() gives the buckets of DebertaV2Encoder in transformers 5.17", () => {
  const rows = rowsOf({ span: 256, buckets: 256, furthest: 512 }, 512);
  assertEquals(rows.slice(0, 129), Array.from({ length: 129 }, (_, i) => i));
  const starts = rows.flatMap((row, i) => i > 128 && row !== rows[i - 1] ? [i] : []);
  assertEquals(starts.slice(0, 12), [129, 130, 131, 133, 134, 136, 137, 139, 140, 142, 143, 145]);
  assertEquals(starts.slice(-9), [464, 469, 474, 479, 484, 490, 495, 500, 506]);
  assertEquals(rows.reduce((sum, row) => sum + row), 87297);
  const table = { span: 8, buckets: 8, furthest: 24 };
  const few = rowsOf(table, 24);
  const expected = [0, 1, 2, 3, 4, 5, 5, 5, 6, 6, 6, 6, 6, ...new Array(11).fill(7)];
  assertEquals(few, expected);
  // The table has one row less behind than ahead.
  assertEquals([24, -24].map((distance) => placeRow(distance, table)), [15, 0]);
});

Deno.test("placeRow() gives a row to a quotient that 64 bits put on the other side of an integer", () => {
  const table = { span: 512, buckets: 512, furthest: 4096 };
  assertEquals(placeRow(1643, table) - 512, 427);
});

Deno.test("placeRow() gives each distance a row up to the ends of a table without buckets", () => {
  const table = { span: 3, buckets: undefined, furthest: 3 };
  const rows = [-5, -4, -3, -2, -1, 0, 1, 2, 3, 9].map((distance) => placeRow(distance, table));
  assertEquals(rows, [0, 0, 0, 1, 2, 3, 4, 5, 5, 5]);
});

Deno.test("byDistance() gives each row what the distances of its columns have, and takes gradients back", () =>
  withDevice("f64", async (device) => {
    for (const tokens of [1, 2, 5]) {
      const width = 2 * tokens - 1;
      const shape = [2, 3, tokens, width];
      const data = Float64Array.from({ length: 6 * tokens * width }, (_, i) => i);
      const x = tensor(device, data, shape);
      const found = byDistance(x);
      const expected = Array.from({ length: 6 * tokens * tokens }, (_, i) => {
        const [outer, r, c] = [
          Math.floor(i / tokens ** 2),
          Math.floor(i / tokens) % tokens,
          i % tokens,
        ];
        return data[(outer * tokens + r) * width + c - r + tokens - 1]!;
      });
      assertEquals(found.shape, [2, 3, tokens, tokens]);
      assertEquals([...await found.read()], expected);
      const factors = tensor(device, expected, found.shape);
      const { gradients } = gradient(() => sum(mul(byDistance(x), factors)), [x]);
      const back = [...await gradients[0]!.read()];
      assertEquals(back, [...data].map((one) => expected.includes(one) ? one : 0));
    }
  }));

/** Logits of one text twice, under sites of LoRA's dropout in projections of places alone. */
async function twice(site: Omit<Site, "position" | "rate" | "layers">): Promise<number[][]> {
  let rows: number[][] = [];
  await withDevice("f64", async (device) => {
    const config = tinyConfig("deberta-v2", { share_att_key: false });
    const model = classifier(config);
    applyLora(model, { targets: ["pos_key_proj", "pos_query_proj"], rank: 2, alpha: 4 });
    fillRandomly(model, device);
    const batch = toBatch(device, new Array(2).fill({ ids: [5, 9, 7, 12, 3] }));
    const plan = dropoutPlan("lora", false, {
      site: [{ ...site, position: "lora", rate: 0.5 }],
      layers: "all",
    });
    const { lengths } = batch;
    const examples = tensor(device, [0, 2], [2], "u32");
    const dropout = { plan, key: foldKey(seedKey(1), "step"), examples, lengths };
    const read = (logits: Float64Array) => [[...logits.slice(0, 3)], [...logits.slice(3)]];
    const clean = await model.forward({ batch }).logits.read();
    const dropped = await model.forward({ batch, dropout }).logits.read();
    rows = [...read(Float64Array.from(clean)), ...read(Float64Array.from(dropped))];
  });
  return rows;
}

Deno.test("LoRA's dropout meets the projections of places, with masks of each example", async () => {
  for (const structure of ["element", "feature"] as const) {
    const [clean, alike, first, second] = await twice({ structure });
    assertEquals(clean, alike);
    assertEquals([first, second].some((row) => `${row}` === `${clean}`), false, structure);
    assertEquals(`${first}` === `${second}`, false, structure);
    const [, , one, other] = await twice({ structure, perExample: false });
    assertEquals(one, other);
    assertEquals(`${one}` === `${clean}`, false);
  }
});

Deno.test("whole tokens that LoRA's dropout hides leave the places as they are", async () => {
  for (const structure of ["column", "span"] as const) {
    const [clean, , first, second] = await twice({ structure });
    assertEquals([first, second], [clean, clean]);
  }
});

Deno.test("the convolution reads the neighbours of each token, and no padding", () =>
  withDevice("f64", async (device) => {
    const [width, kernel] = [3, 5];
    const config = { ...tinyConfig("deberta-v2"), hiddenSize: width };
    const layer = new ConvLayer(config, { tokens: kernel, activation: "tanh" });
    for (const [i, [, parameter]] of [...parameters(layer)].entries()) {
      parameter.value = randomTensor(device, i + 1, parameter.shape);
    }
    for (const lengths of [[6, 2], [1, 1]]) {
      const tokens = lengths[0]!;
      const batch = toBatch(device, lengths.map((length) => ({ ids: new Array(length).fill(5) })));
      const shape = [lengths.length, tokens, width];
      const [x, residual] = [randomTensor(device, 8, shape), randomTensor(device, 9, shape)];
      const found = await layer.forward(x, residual, { batch }).read();
      const [input, beside, weight, bias] = await Promise.all(
        [x, residual, layer.conv.weight.value, layer.conv.bias.value].map((one) => one.read()),
      );
      const expected = Array.from({ length: found.length }, (_, i) => {
        const [b, t, o] = [
          Math.floor(i / width / tokens),
          Math.floor(i / width) % tokens,
          i % width,
        ];
        let sum = bias![o]!;
        for (let k = 0; k < kernel; k++) {
          const at = t + k - 2;
          if (at < 0 || at >= lengths[b]!) continue;
          for (let j = 0; j < width; j++) {
            sum += input![(b * tokens + at) * width + j]! * weight![(o * width + j) * kernel + k]!;
          }
        }
        return Math.tanh(sum) + beside![i]!;
      });
      assertClose([...found], expected, 1e-13);
    }
  }));

/** The configuration of version 3's base model as its authors published it. */
const published = {
  ...{ model_type: "deberta-v2", attention_probs_dropout_prob: 0.1, hidden_act: "gelu" },
  ...{ hidden_dropout_prob: 0.1, hidden_size: 768, initializer_range: 0.02 },
  ...{ intermediate_size: 3072, max_position_embeddings: 512, relative_attention: true },
  ...{ position_buckets: 256, norm_rel_ebd: "layer_norm", share_att_key: true },
  ...{ pos_att_type: "p2c|c2p", layer_norm_eps: 1e-7, max_relative_positions: -1 },
  ...{ position_biased_input: false, num_attention_heads: 12, num_hidden_layers: 12 },
  ...{ type_vocab_size: 0, vocab_size: 128100 },
};

Deno.test("a published configuration of DeBERTa gives the parameters of its model", () => {
  const model = classifier(parseConfig(published));
  const sizes = [...parameters(model)].map(([path, { size }]) => [path, size] as const);
  const body = sizes.filter(([path]) => path.startsWith("deberta."));
  assertEquals(body.reduce((sum, [, size]) => sum + size, 0), 183_831_552);
  const head = ["pooler.dense.weight", "pooler.dense.bias", "classifier.weight", "classifier.bias"];
  assertEquals(sizes.slice(body.length).map(([path]) => path), head);
});

Deno.test("a configuration of DeBERTa whose rows are of no distance is refused", () => {
  const refused = (change: Record<string, unknown>, message: string) =>
    assertThrows(() => parseConfig({ ...published, ...change }), FileError, message);
  refused(
    { max_relative_positions: 129 },
    "max_relative_positions of this configuration as at least 130",
  );
  refused({ conv_kernel_size: 2 }, "conv_kernel_size of this configuration as an odd number");
  const conv = { conv_kernel_size: 3 };
  refused({ ...conv, conv_groups: 2 }, "conv_groups of this configuration as one of 1");
  refused({ ...conv, conv_act: "softsign" }, "conv_act of this configuration as one of gelu");
  refused({ position_buckets: 1 }, "position_buckets of this configuration as at least 2");
  refused({ position_buckets: 1.5 }, "position_buckets of this configuration as an integer");
  refused(
    { pos_att_type: "c2p|p2p" },
    "pos_att_type of this configuration as words of none, c2p, p2c",
  );
});
