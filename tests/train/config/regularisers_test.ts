import { assert, assertEquals } from "@std/assert";
import { gradient } from "../../../core/gradient.ts";
import { mul } from "../../../core/ops/elementwise.ts";
import { crossEntropy } from "../../../core/ops/losses.ts";
import { sum } from "../../../core/ops/reduce.ts";
import { seedKey } from "../../../core/random.ts";
import { tensor } from "../../../core/tensor.ts";
import { dropoutPlan } from "../../../nn/dropout/methods.ts";
import { survivorFactor } from "../../../nn/dropout/mask.ts";
import type { DropoutPlan } from "../../../nn/dropout/plan.ts";
import { toBatch } from "../../../nn/layers/batch.ts";
import { parameters } from "../../../nn/layers/module.ts";
import { applyLora } from "../../../nn/lora/apply.ts";
import { languageModel } from "../../../nn/models/registry.ts";
import { objective } from "../../../nn/objective/objective.ts";
import { isDecayed, requireDecayExclusions } from "../../../nn/optim/decay.ts";
import { Trainable } from "../../../nn/optim/trainable.ts";
import { trainStep } from "../../../nn/optim/train_step.ts";
import { type GivenConfig, resolveConfig } from "../../../train/config/config.ts";
import { mergePresets } from "../../support/merged_presets.ts";
import type { RegulariserName } from "../../../train/config/regularisers.ts";
import { optimiserOf } from "../../../train/fit.ts";
import { assertClose } from "../../support/differences.ts";
import { oneLayer, plainLoss } from "../../support/one_layer.ts";
import { released, sines } from "../../support/released_regularisers.ts";
import { fillRandomly, randomModel, tinyConfig, tinyExamples } from "../../support/tiny_models.ts";
import { withDevice } from "../../support/with_device.ts";

/** Settings of a run with some presets. */
function configOf(names: readonly RegulariserName[], given: GivenConfig = {}) {
  const required = { task: "sst2", data: "d", model: "m", clip: 0, lr: 0.01 } as const;
  return resolveConfig(mergePresets(names, "sst2"), required, given);
}

const key = seedKey(78);
const examples = [
  { ids: [2, 3, 4, 5], label: 1, number: 5 },
  { ids: [7], label: 3, number: 0 },
  { ids: [8, 9, 10], label: 0, number: 2 },
];

/** What a regulariser is by its paper, written out. */
interface Published {
  readonly plan?: Partial<DropoutPlan>;
  readonly smoothing?: number;
  readonly loraplusRatio?: number;
  readonly weightDecay?: number;
}

const nothing: DropoutPlan = {
  sites: [],
  compensation: { kind: "none", weight: 1, branches: 1 },
};

/** One step of the one-layer model with some presets, and what was published number by number. */
async function stepsAlike(
  names: readonly RegulariserName[],
  { plan: parts = {}, smoothing = 0, loraplusRatio = 1, weightDecay = 0 }: Published = {},
  given: GivenConfig = {},
): Promise<number> {
  const config = configOf(names, given);
  const plan = dropoutPlan(config.method, false, config);
  const published = { ...nothing, ...parts };
  let found = 0;
  await withDevice("f64", async (device) => {
    const { model, values } = oneLayer(device, 21);
    const trainable = await Trainable.of(model, device);
    assertEquals(trainable.names, ["layer.lora_A.weight", "layer.lora_B.weight"]);
    const batch = toBatch(device, examples, { numbers: examples.map(({ number }) => number) });
    const { lr, epsilon } = config;
    const optimiser = optimiserOf(trainable, config);
    const { loss } = trainStep({ model, optimiser }, [batch], key, {
      plan,
      smoothing: config.smoothing,
      lr,
    });
    const plain = plainLoss(values, examples, { plan: published, smoothing, key });
    assertClose([await loss.item()], [plain.loss], 1e-9);
    assertClose(await trainable.gradients.read(), [...plain.A, ...plain.B], 1e-9);
    // The first step of AdamW goes along the signs, as its means are the gradient and its square.
    const stepped = (["A", "B"] as const).flatMap((name) => {
      const rate = lr * (name === "B" ? loraplusRatio : 1);
      return [...values[`layer.lora_${name}.weight`]!].map((value, i) => {
        const g = plain[name][i]!;
        return value * (1 - rate * weightDecay) - rate * g / (Math.abs(g) + epsilon);
      });
    });
    assertClose(await trainable.flat.read(), stepped, 1e-9);
    found = plain.loss;
  });
  return found;
}

const matrices = { structure: "feature", rate: 0.5, layers: "all", perExample: false } as const;
const columns = [
  { position: "lora", ...matrices, rescale: false },
  { position: "update", ...matrices, rescale: false },
] as const;
const ranks = [
  { position: "rank", structure: "element", rate: 0.5, layers: "all", rescale: true },
] as const;
const oneRank = { position: "rank", ...matrices, rescale: false } as const;

type Case = readonly [readonly RegulariserName[], Published, GivenConfig?];
const cases: Readonly<Record<string, Case>> = {
  "LoRA Dropout masks columns of A and rows of B": [
    ["lora-dropout-ab"],
    { plan: { sites: columns } },
  ],
  "LoRA Dropout is the mean over several draws": [
    ["lora-dropout-ab"],
    { plan: { sites: columns, instances: 3 } },
    { instances: 3 },
  ],
  "DropLoRA masks what lies between A and B": [["droplora"], { plan: { sites: ranks } }],
  "DropLoRA as its paper has it": [
    [],
    { plan: { sites: [oneRank] } },
    { site: [{ ...oneRank }] },
  ],
  "NEFTune adds noise to the word embeddings": [["neftune"], { plan: { neftuneAlpha: 5 } }],
  "label smoothing spreads a tenth over all classes": [["label-smoothing"], { smoothing: 0.1 }],
};
for (const [name, one] of Object.entries(cases)) {
  Deno.test(`${name}: loss, gradient and step are those of the plain formula`, async () => {
    const clean = await stepsAlike([]);
    assert(Math.abs(await stepsAlike(...one) - clean) > 1e-3);
  });
}

Deno.test("LoRA+ and weight decay change the step alone: it is that of the plain formula", async () => {
  const clean = await stepsAlike([]);
  assertEquals(await stepsAlike(["loraplus"], { loraplusRatio: 16 }), clean);
  assertEquals(await stepsAlike(["weight-decay"], { weightDecay: 0.01 }), clean);
  const both = { loraplusRatio: 16, weightDecay: 0.3 };
  const given = { weightDecay: 0.3 };
  assertEquals(await stepsAlike(["loraplus", "weight-decay"], both, given), clean);
});

Deno.test("all regularisers of one pass together are the plain formula too", async () => {
  await stepsAlike(
    ["lora-dropout-ab", "droplora", "neftune", "loraplus", "weight-decay", "label-smoothing"],
    {
      plan: { sites: [...columns, ...ranks], instances: 2, neftuneAlpha: 5 },
      smoothing: 0.1,
      loraplusRatio: 16,
      weightDecay: 0.01,
    },
    { instances: 2 },
  );
});

Deno.test("R-Drop keeps the mean of all that it drops, and weight decay leaves out biases and norms", () => {
  const { method, ...config } = configOf(["r-drop"]);
  const { sites } = dropoutPlan(method, false, config);
  for (const site of sites) assertEquals(survivorFactor(site), 1 / 0.9, site.position);
  // Of weights an absent factor is a division by what is kept.
  assertEquals(sites.find(({ position }) => position === "weights")?.rescale, true);
  const { decayExclude = [] } = configOf(["weight-decay"]);
  requireDecayExclusions(decayExclude);
  const model = languageModel(tinyConfig("gpt2"));
  for (const [path, { shape }] of parameters(model)) {
    assertEquals(isDecayed(path, shape, decayExclude), shape.length > 1, path);
  }
});

Deno.test("the preset of LoRA+ has the ratio and the groups of PEFT's optimiser", () => {
  const { ratio, weightDecay, parameters: rows } = released.loraplus;
  const { loraplusRatio, decayExclude = [] } = configOf(["loraplus"]);
  requireDecayExclusions(decayExclude);
  assertEquals(loraplusRatio, ratio);
  for (const { name, shape, decay } of rows) {
    assertEquals(isDecayed(name, shape, decayExclude) ? weightDecay : 0, decay, name);
  }
});

Deno.test("label smoothing has the loss and gradient of transformers' LabelSmoother", () =>
  withDevice("f64", async (device) => {
    const { labels, loss, gradient: slope } = released.smoothing;
    const counted = labels.flatMap((label, row) => label < 0 ? [] : [{ label, row }]);
    const logits = counted.flatMap(({ row }) => [...sines(20, 3).slice(5 * row, 5 * row + 5)]);
    const x = tensor(device, logits, [3, 5]);
    const y = tensor(device, counted.map(({ label }) => label), [3], "u32");
    const { smoothing } = configOf(["label-smoothing"]);
    const { result, gradients } = gradient(() => sum(crossEntropy(x, y, smoothing)), [x]);
    // It sums over the classes in 32 bits, whatever the logits have.
    assertClose([await result.item() / 3], [loss], 1e-7);
    const expected = counted.flatMap(({ row }) => slope.slice(5 * row, 5 * row + 5));
    assertClose((await gradients[0]!.read()).map((value: number) => value / 3), expected, 1e-8);
  }));

/** Rows of three logits as logarithms of probabilities. */
function logSoftmax(logits: ArrayLike<number>): number[][] {
  return Array.from({ length: logits.length / 3 }, (_, b) => {
    const row = [0, 1, 2].map((c) => logits[3 * b + c]!);
    const total = Math.log(row.reduce((all, value) => all + Math.exp(value), 0));
    return row.map((value) => value - total);
  });
}

/** R-Drop's loss of two passes and its gradient by the logits of the first of them. */
function plainRDrop(first: readonly number[][], second: readonly number[][], labels: number[]) {
  const n = labels.length;
  let loss = 0;
  const slope = first.flatMap((p, b) => {
    const q = second[b]!;
    const forward = p.reduce((all, x, c) => all + Math.exp(x) * (x - q[c]!), 0);
    const backward = q.reduce((all, x, c) => all + Math.exp(x) * (x - p[c]!), 0);
    const label = labels[b]!;
    loss += (-(p[label]! + q[label]!) / 2 + (forward + backward) / 2) / n;
    return p.map((x, c) => {
      const task = (Math.exp(x) - (c === label ? 1 : 0)) / 2;
      const mine = Math.exp(x) * (x - q[c]! - forward);
      return (task + (mine + Math.exp(x) - Math.exp(q[c]!)) / 2) / n;
    });
  });
  return { loss, slope };
}

for (const architecture of ["bert", "gpt2", "llama"] as const) {
  const targets = { bert: "query", gpt2: "c_attn", llama: "q_proj" }[architecture];
  Deno.test(`R-Drop of ${architecture} learns by both passes, under dropout in every layer`, () =>
    withDevice("f64", async (device) => {
      const { method, ...config } = configOf(["r-drop"]);
      const plan = dropoutPlan(method, architecture !== "bert", config);
      const model = randomModel(device, tinyConfig(architecture), "classifier");
      applyLora(model, { targets: [targets], rank: 2, alpha: 4 });
      fillRandomly(model, device);
      const chosen = [...parameters(model)].filter(([, p]) => p.trainable).map(([, p]) => p.value);
      const batch = toBatch(device, tinyExamples([5, 3, 6]), { numbers: [3, 1, 4] });
      const context = (pass: 0 | 1) => ({
        batch,
        dropout: { plan, key, examples: batch.examples![pass], lengths: batch.lengths },
      });
      const passes = [];
      for (const pass of [0, 1] as const) {
        passes.push(logSoftmax(await model.forward(context(pass)).logits.read()));
      }
      const labels = [0, 1, 2];
      const [one, other] = [
        plainRDrop(passes[0]!, passes[1]!, labels),
        plainRDrop(passes[1]!, passes[0]!, labels),
      ];
      const run = () => objective(model, batch, { plan, key, normaliser: 3 });
      const { result, gradients } = gradient(run, chosen);
      assertClose([await result.loss.item()], [one.loss], 1e-9);
      const parts = [one, other].map(({ slope }, pass) =>
        gradient(() => {
          const { logits } = model.forward(context(pass as 0 | 1));
          return sum(mul(logits, tensor(device, slope, [3, 3])));
        }, chosen).gradients
      );
      for (const [i, found] of gradients.entries()) {
        const [a, b] = [await parts[0]![i]!.read(), await parts[1]![i]!.read()];
        assertClose(
          await found!.read(),
          a.map((value: number, at: number) => value + b[at]!),
          1e-9,
        );
      }
      assert(result.compensation !== undefined && await result.compensation.item() > 1e-4);
      const acting = plan.sites.map(({ position, rate, layers }) =>
        [position, rate, layers].join()
      );
      assertEquals(acting, ["input,0.1,all", "weights,0.1,all", "hidden,0.1,all"]);
    }));
}
