import { assert, assertEquals } from "@std/assert";
import { gradient } from "../../../core/gradient.ts";
import type { Device } from "../../../core/device.ts";
import { ones, zeros } from "../../../core/ops/create.ts";
import { sizeOf } from "../../../core/shape.ts";
import { dropHidden } from "../../../nn/dropout/drop_hidden.ts";
import { dropoutPlan } from "../../../nn/dropout/methods.ts";
import type { DropoutPlan, Position } from "../../../nn/dropout/plan.ts";
import { type DropoutContext, siteAt } from "../../../nn/dropout/site.ts";
import { attentionWeights } from "../../../nn/layers/attention_weights.ts";
import { type Batch, toBatch } from "../../../nn/layers/batch.ts";
import { parameters } from "../../../nn/layers/module.ts";
import { visibleTokens } from "../../../nn/layers/visible_tokens.ts";
import type { Model } from "../../../nn/models/model.ts";
import { objective } from "../../../nn/objective/objective.ts";
import {
  buildGolden,
  type GoldenCell,
  type GoldenMask,
  type GoldenModel,
  hexOf,
  keyOf,
  readCells,
} from "../../support/golden_cells.ts";
import { withDevice } from "../../support/with_device.ts";

const { models, cells } = await readCells();
const limit = 1e-9;

function close(what: string, actual: number, expected: number): void {
  const error = Math.abs(actual - expected) / Math.max(1, Math.abs(expected));
  assert(error <= limit, `${what}: ${actual}, expected ${expected}`);
}

/** A cell's model, batch and plan on a device. */
function open(device: Device, cell: GoldenCell) {
  const spec = models[cell.model]!;
  const model = buildGolden(device, spec);
  const { examples, regression = false } = spec;
  const batch = toBatch(device, examples, {
    numbers: examples.map(({ number }) => number),
    padId: model.config.padId ?? 0,
    regression,
  });
  return { spec, model, batch, plan: dropoutPlan(cell.method, model.config.causal, cell.options) };
}

/** Compares losses and every number of LoRA's gradients. */
async function compareStep(
  model: Model,
  batch: Batch,
  plan: DropoutPlan,
  cell: GoldenCell,
  { trained, regression = false }: GoldenModel,
): Promise<void> {
  const all = new Map(parameters(model));
  assertEquals([...all.keys()].filter((path) => path.includes("lora_")).sort(), trained.toSorted());
  const { smoothing = 0 } = cell;
  const options = {
    plan,
    key: keyOf(cell),
    smoothing,
    regression,
    normaliser: sizeOf(batch.labels!.shape),
  };
  const { result, gradients } = gradient(
    () => objective(model, batch, options),
    trained.map((path) => all.get(path)!.value),
  );
  close("loss", await result.loss.item(), cell.loss);
  close("task", await result.task.item(), cell.task);
  assertEquals(result.compensation === undefined, cell.compensation === undefined);
  if (cell.compensation !== undefined) {
    close("compensation", await result.compensation!.item(), cell.compensation);
  }
  for (const [i, path] of trained.entries()) {
    const found = await gradients[i]!.read();
    assertEquals(found.length, cell.gradients[i]!.length, path);
    cell.gradients[i]!.forEach((expected, j) => close(`${path} at ${j}`, found[j]!, expected));
  }
}

/** What is kept at the place of a mask, as bits. */
async function keptAt(
  { batch, dropout, model, mask }: {
    readonly batch: Batch;
    readonly dropout: DropoutContext;
    readonly model: Model;
    readonly mask: GoldenMask;
  },
): Promise<string> {
  const [, position, path, layer, width] = mask;
  const { device, shape: [size] } = batch.lengths;
  const { layers, heads, maxPositions: maximum, causal } = model.config;
  const place = { path, layer: layer ?? undefined, layers };
  const lengths = [...await batch.lengths.read()];
  const bits: boolean[] = [];
  if (position === "attention") {
    const shown = visibleTokens(
      batch,
      siteAt({ dropout }, "input", { path: "embeddings", layers }),
    );
    const scores = zeros(device, [size!, heads, 1, batch.width, batch.width]);
    const [logits, weights] = (["logits", "weights"] as const)
      .map((position) => siteAt({ dropout }, position, place));
    const options = { scale: 1, causal, mask: shown ?? batch.mask, logits, weights, maximum };
    const all = await attentionWeights(scores, options).read();
    lengths.forEach((length, b) => {
      for (let row = 0; row < heads * length; row++) {
        const head = Math.floor(row / length);
        const start = ((b * heads + head) * batch.width + row % length) * batch.width;
        for (let k = 0; k < length; k++) bits.push(all[start + k]! > 0);
      }
    });
    return hexOf(bits);
  }
  const whole = path === "pooled";
  const x = ones(device, whole ? [size!, width] : [size!, batch.width, width]);
  const all = await dropHidden(x, siteAt({ dropout }, position as Position, place)!).read();
  lengths.forEach((length, b) => {
    const start = b * (whole ? 1 : batch.width) * width;
    for (let i = 0; i < (whole ? 1 : length) * width; i++) bits.push(all[start + i]! !== 0);
  });
  return hexOf(bits);
}

for (const [number, cell] of cells.entries()) {
  const { model: name, method, options, masks } = cell;
  Deno.test(`golden cell ${number + 1}: ${name}, ${method}, ${JSON.stringify(options)}`, () =>
    withDevice("f64", async (device) => {
      const { spec, model, batch, plan } = open(device, cell);
      const { lengths, examples } = batch;
      for (const mask of masks) {
        const dropout = { plan, key: keyOf(cell), examples: examples![mask[0]], lengths };
        assertEquals(await keptAt({ batch, dropout, model, mask }), mask[5], mask.join(" "));
      }
      await compareStep(model, batch, plan, cell, spec);
    }));
}

Deno.test("the golden cells cover each method on each architecture, at most 300 kB", async () => {
  const drawn = cells.map(({ model, method }) => `${model} ${method}`);
  const architectures = ["bert", "roberta", "gpt2", "llama"];
  for (const name of architectures) {
    for (
      const method of ["lora-dropout", "dropkey", "dropattention", "hiddencut", "hiddenkey-"]
    ) {
      assert(drawn.includes(`${name} ${method}`), `${name} ${method}`);
    }
    assert(cells.filter(({ model }) => model === name).length >= 12);
  }
  assert(cells.length >= 60);
  const file = new URL("../../golden/dropout/cells.jsonl", import.meta.url);
  assert((await Deno.stat(file)).size <= 300_000);
});
