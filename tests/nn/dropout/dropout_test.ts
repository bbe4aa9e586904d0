import { assert, assertEquals, assertLess, assertNotEquals } from "@std/assert";
import type { Device } from "../../../core/device.ts";
import { gradient } from "../../../core/gradient.ts";
import { add, scale } from "../../../core/ops/elementwise.ts";
import { bidirectionalKl, crossEntropy, klDivergence } from "../../../core/ops/losses.ts";
import { sum } from "../../../core/ops/reduce.ts";
import { seedKey } from "../../../core/random.ts";
import { type Tensor, tensor } from "../../../core/tensor.ts";
import { dropHidden } from "../../../nn/dropout/drop_hidden.ts";
import { survivorFactor } from "../../../nn/dropout/mask.ts";
import { dropoutPlan } from "../../../nn/dropout/methods.ts";
import type { Position, Site } from "../../../nn/dropout/plan.ts";
import type { DropoutContext } from "../../../nn/dropout/site.ts";
import { toBatch } from "../../../nn/layers/batch.ts";
import { parameters } from "../../../nn/layers/module.ts";
import { applyLora } from "../../../nn/lora/apply.ts";
import { architectureOf } from "../../../nn/models/registry.ts";
import type { Model } from "../../../nn/models/model.ts";
import { objective } from "../../../nn/objective/objective.ts";
import { assertClose, numbers } from "../../support/differences.ts";
import { fillRandomly, randomModel, tinyConfig, tinyExamples } from "../../support/tiny_models.ts";
import { withDevice } from "../../support/with_device.ts";

const key = seedKey(5);
const clean = { kind: "none", weight: 1, branches: 1 } as const;
/** Drops all but one in a milliard, without rescaling. */
const everything = (position: Position, change: Partial<Site> = {}): Site => ({
  position,
  structure: "element",
  rate: 1 - 1e-9,
  layers: "all",
  rescale: false,
  ...change,
});

function dropoutOf(device: Device, sites: readonly Site[], examples: number[], lengths: number[]) {
  const words = (data: number[]) => tensor(device, data, [data.length], "u32");
  const result: DropoutContext = {
    plan: { sites, compensation: clean },
    key,
    examples: words(examples),
    lengths: words(lengths),
  };
  return result;
}

const lengths = [5, 3];

/** Logits of the tiny examples under the sites. */
async function logitsOf(device: Device, model: Model, sites: readonly Site[]) {
  const batch = toBatch(device, tinyExamples(lengths));
  const dropout = dropoutOf(device, sites, [0, 2], lengths);
  return [...await model.forward({ batch, dropout }).logits.read()];
}

/** Sets the parameters whose paths end so to zero. */
function zero(device: Device, model: Model, ...endings: string[]): void {
  for (const [path, parameter] of parameters(model)) {
    if (endings.some((ending) => path.endsWith(ending))) {
      parameter.value = tensor(device, new Float64Array(parameter.size), parameter.shape);
    }
  }
}

Deno.test("element HiddenCut is the identity on average over masks", () =>
  withDevice("f64", async (device) => {
    const x = numbers(3, 24);
    const [rate, count] = [0.3, 4000];
    const mean = new Float64Array(24);
    const site: Site = { position: "hidden", structure: "element", rate, layers: "all" };
    for (let step = 0; step < count; step++) {
      using _scope = device.scope("mask");
      const dropout = dropoutOf(device, [site], [2 * step], [4]);
      const y = dropHidden(tensor(device, x, [1, 4, 6]), { site, key, dropout });
      (await y.read()).forEach((value, i) => {
        // Survivors times 1 / (1 - p), all others 0.
        if (value !== 0) assertClose([value], [x[i]! / (1 - rate)], 0, 1e-15);
        mean[i]! += value / count;
      });
    }
    // Deviation of the mean: |x| sqrt(p / (1 - p) / count); five of them.
    x.forEach((value, i) =>
      assertLess(Math.abs(mean[i]! - value), 5 * Math.abs(value) * Math.sqrt(rate / 0.7 / count))
    );
  }));

Deno.test("HiddenCut rescales elements only, unless told otherwise", () => {
  const site = (change: Partial<Site>) => survivorFactor({ ...everything("hidden"), ...change });
  const plain = { position: "hidden", rate: 0.2, layers: "all" } as const;
  assertEquals(survivorFactor({ ...plain, structure: "element" }), 1 / (1 - 0.2));
  assertEquals(survivorFactor({ ...plain, structure: "column" }), 1);
  assertEquals(survivorFactor({ ...plain, structure: "span" }), 1);
  assertEquals(site({ structure: "column", rate: 0.2, rescale: true }), 1 / (1 - 0.2));
  assertEquals(site({ structure: "element", rate: 0.2, rescale: false }), 1);
});

Deno.test("HiddenCut drops whole tokens as columns and one run of them as span", () =>
  withDevice("f64", async (device) => {
    const drop = async (structure: "column" | "span", example: number) => {
      const site: Site = { position: "hidden", structure, rate: 0.25, layers: "all" };
      const dropout = dropoutOf(device, [site], [example], [8]);
      const ones = tensor(device, new Float64Array(10 * 3).fill(1), [1, 10, 3]);
      const y = [...await dropHidden(ones, { site, key, dropout }).read()];
      return y.join("").match(/.{3}/g)!.map((token) => {
        assert(token === "000" || token === "111", token);
        return token[0] === "0" ? "x" : ".";
      }).join("");
    };
    const seen = new Set<string>();
    for (let example = 0; example < 20; example++) {
      // round(0.25 · 8) = 2 of the 8 real tokens, never the 2 pads.
      const text = await drop("span", example);
      assert(/^\.*xx\.*$/.test(text) && text.endsWith(".."), text);
      seen.add(await drop("column", example)).add(text);
    }
    assert(seen.size > 20);
  }));

Deno.test("HiddenCut at the output removes the module, at the inner point all but its bias", () =>
  withDevice("f64", async (device) => {
    const model = () => randomModel(device, tinyConfig("bert"), "classifier");
    const output = await logitsOf(device, model(), [everything("hidden")]);
    const inner = await logitsOf(device, model(), [everything("hidden", { point: "inner" })]);
    // BERT's second linear layer is layer.N.output.dense, beside attention.output.dense.
    const layers = [0, 1].map((n) => `layer.${n}.output.dense`);
    const without = model();
    zero(device, without, ...layers.map((path) => `${path}.weight`));
    assertEquals(inner, await logitsOf(device, without, []));
    zero(device, without, ...layers.map((path) => `${path}.bias`));
    assertEquals(output, await logitsOf(device, without, []));
    assertNotEquals(inner, output);
  }));

Deno.test("the positions input, output and lora act where they say", () =>
  withDevice("f64", async (device) => {
    const config = tinyConfig("bert");
    const model = randomModel(device, config, "classifier");
    const bias = [
      ...await [...parameters(model)].find(([path]) => path === "classifier.bias")![1]
        .value.read(),
    ];
    assertEquals(await logitsOf(device, model, [everything("output")]), [...bias, ...bias]);
    const base = await logitsOf(device, model, []);
    const blind = randomModel(device, config, "classifier");
    zero(device, blind, "embeddings.LayerNorm.weight", "embeddings.LayerNorm.bias");
    const input = await logitsOf(device, model, [everything("input")]);
    assertEquals(input, await logitsOf(device, blind, []));
    applyLora(model, { targets: ["query", "value"], rank: 2, alpha: 4 });
    fillRandomly(model, device);
    assertNotEquals(await logitsOf(device, model, []), base);
    assertEquals(await logitsOf(device, model, [everything("lora")]), base);
  }));

Deno.test("decoders drop in the latter half of their layers, before LoRA's updates in all", () =>
  withDevice("f64", async (device) => {
    for (const architecture of ["gpt2", "llama"] as const) {
      const config = tinyConfig(architecture, { num_hidden_layers: 4 });
      const model = randomModel(device, config, "language");
      const batch = toBatch(device, tinyExamples(lengths));
      const states = async (sites: readonly Site[]) => {
        const trace: Tensor[] = [];
        model.forward({ batch, trace, dropout: dropoutOf(device, sites, [0, 2], lengths) });
        return await Promise.all(trace.map(async (t) => [...await t.read()]));
      };
      for (const method of ["dropkey", "dropattention", "hiddencut"] as const) {
        const before = await states([]);
        const after = await states(dropoutPlan(method, true, { rate: 0.5 }).sites);
        // The trace holds what enters layers 0 to 3, then the result.
        assertEquals(after.slice(0, 3), before.slice(0, 3));
        assertNotEquals(after[3], before[3]);
      }
      applyLora(model, { targets: architectureOf(config).targets, rank: 2, alpha: 4 });
      fillRandomly(model, device);
      const before = await states([]);
      const after = await states(dropoutPlan("lora-dropout", true, { rate: 0.5 }).sites);
      assertEquals(after[0], before[0]);
      for (const layer of [1, 2, 3]) assertNotEquals(after[layer], before[layer], `${layer}`);
    }
  }));

Deno.test("KL is by its formula, symmetric, and zero between equal passes", () =>
  withDevice("f64", async (device) => {
    const [p, q] = [[0.5, 0.3, 0.2], [0.1, 0.6, 0.3]];
    const logits = (x: number[]) => tensor(device, x.map((v) => Math.log(v) + 3), [1, 3]);
    const [a, b] = [logits(p), logits(q)];
    // KL(p, q) = Σ p log(p / q); Eq. 11 is the mean of both directions.
    const kl = (x: number[], y: number[]) =>
      x.reduce((total, v, i) => total + v * Math.log(v / y[i]!), 0);
    assertClose(await klDivergence(a, b).read(), [kl(p, q)], 1e-15);
    const both = await bidirectionalKl(a, b).item();
    assertClose([both], [(kl(p, q) + kl(q, p)) / 2], 1e-15);
    assertClose([await bidirectionalKl(b, a).item()], [both], 1e-16);
    assertEquals(await bidirectionalKl(a, a).item(), 0);
  }));

/** A tiny classifier, a batch and its tensors. */
function setting(device: Device) {
  const model = randomModel(device, tinyConfig("bert"), "classifier");
  const batch = toBatch(device, tinyExamples([5, 3, 4]), { numbers: [0, 1, 2] });
  const tensors = [...parameters(model)].map(([, parameter]) => parameter.value);
  const gradientOf = async (run: () => Tensor | { loss: Tensor }) => {
    const { gradients } = gradient(run, tensors);
    const all = await Promise.all(gradients.map(async (g) => g ? [...await g.read()] : []));
    return all.flat();
  };
  const { labels, examples, lengths } = batch;
  const logits = (method: ReturnType<typeof dropoutPlan> | undefined, pass: 0 | 1) => {
    if (method === undefined) return model.forward({ batch }).logits;
    const dropout = { plan: method, key, examples: examples![pass], lengths };
    return model.forward({ batch, dropout }).logits;
  };
  const task = (x: Tensor) => scale(sum(crossEntropy(x, labels!)), 1 / 3);
  return { model, batch, gradientOf, logits, task };
}

Deno.test("HiddenKey's two passes differ, and only the first receives a gradient", () =>
  withDevice("f64", async (device) => {
    const { model, batch, gradientOf, logits, task } = setting(device);
    const method = dropoutPlan("hiddenkey", false, { rate: 0.3, kl: 0.7 });
    const [first, second] = [logits(method, 0), logits(method, 1)];
    assertNotEquals(await first.read(), await second.read());
    const options = { plan: method, key, normaliser: 3 };
    const { loss, compensation } = objective(model, batch, options);
    const kl = await bidirectionalKl(first, second).item() / 3;
    assertClose([await compensation!.item()], [kl], 1e-15);
    assertClose([await loss.item()], [await task(first).item() + 0.7 * kl], 1e-15);
    // The second pass enters as numbers: a tensor that was made outside.
    const expected = await gradientOf(() => {
      const own = logits(method, 0);
      return add(task(own), scale(bidirectionalKl(own, second), 0.7 / 3));
    });
    assertClose(await gradientOf(() => objective(model, batch, options)), expected, 1e-14);
  }));

Deno.test("KL with two branches weighs both tasks and differentiates both passes", () =>
  withDevice("f64", async (device) => {
    const { model, batch, gradientOf, logits, task } = setting(device);
    const method = dropoutPlan("hiddenkey", false, { rate: 0.3, kl: 0.7, branches: 2 });
    const expected = await gradientOf(() => {
      const [first, second] = [logits(method, 0), logits(method, 1)];
      const both = scale(add(task(first), task(second)), 0.5);
      return add(both, scale(bidirectionalKl(first, second), 0.7 / 3));
    });
    const options = { plan: method, key, normaliser: 3 };
    assertClose(await gradientOf(() => objective(model, batch, options)), expected, 1e-14);
  }));

Deno.test("KL between passes without dropout is zero and leaves the task's gradient", () =>
  withDevice("f64", async (device) => {
    const { model, batch, gradientOf, logits, task } = setting(device);
    const options = {
      plan: dropoutPlan("lora", false, { compensation: "kl" }),
      key,
      normaliser: 3,
    };
    assertEquals(await objective(model, batch, options).compensation!.item(), 0);
    const expected = await gradientOf(() => task(logits(undefined, 0)));
    assertClose(await gradientOf(() => objective(model, batch, options)), expected, 1e-14);
  }));

Deno.test('the "JS" of the paper is KL(P1, P) one way, with P from inference and detached', () =>
  withDevice("f64", async (device) => {
    const { model, batch, gradientOf, logits, task } = setting(device);
    const method = dropoutPlan("hiddenkey", false, {
      rate: 0.3,
      kl: 0.7,
      compensation: "js",
    });
    const options = { plan: method, key, normaliser: 3 };
    const inference = logits(undefined, 0);
    const { compensation } = objective(model, batch, options);
    const [one, other] = [logits(method, 0), inference];
    const [kl, reverse] = [klDivergence(one, other), klDivergence(other, one)];
    assertClose([await compensation!.item()], [await sum(kl).item() / 3], 1e-15);
    assert(Math.abs(await sum(kl).item() - await sum(reverse).item()) > 1e-4);
    const expected = await gradientOf(() => {
      const own = logits(method, 0);
      return add(task(own), scale(sum(klDivergence(own, inference)), 0.7 / 3));
    });
    assertClose(await gradientOf(() => objective(model, batch, options)), expected, 1e-14);
  }));
