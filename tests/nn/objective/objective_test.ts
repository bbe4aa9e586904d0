import { assert, assertNotEquals } from "@std/assert";
import { gradient } from "../../../core/gradient.ts";
import { ignoreIndex } from "../../../core/indices.ts";
import {
  bidirectionalKl,
  comparedCrossEntropy,
  crossEntropy,
  klDivergence,
} from "../../../core/ops/losses.ts";
import { normal, seedKey } from "../../../core/random.ts";
import type { Device } from "../../../core/device.ts";
import { tensor } from "../../../core/tensor.ts";
import { dropoutPlan, type PlanOptions } from "../../../nn/dropout/methods.ts";
import type { DropoutPlan } from "../../../nn/dropout/plan.ts";
import { type Batch, type EncodedExample, toBatch } from "../../../nn/layers/batch.ts";
import { type Parameter, parameters } from "../../../nn/layers/module.ts";
import type { Model } from "../../../nn/models/model.ts";
import { objective } from "../../../nn/objective/objective.ts";
import { assertClose, numbers } from "../../support/differences.ts";
import { randomModel, tinyConfig, tinyExamples } from "../../support/tiny_models.ts";
import { withDevice } from "../../support/with_device.ts";

const key = seedKey(11);
const normaliser = 5;
const lengths = [5, 3, 4];
/** Places in the global batch: such that counters of one another would meet if they were not 2n and 2n + 1. */
const places = [2, 0, 1];

/** What a pass gives on the host: rows of logits, and of what divergences compare. */
interface Pass {
  readonly logits: readonly number[][];
  readonly compared: readonly number[][];
}

/** A task of the objective: a model, its batch, and the loss of a row in plain numbers. */
interface Kind {
  readonly model: Model;
  readonly batch: Batch;
  readonly regression: boolean;
  readonly targets: readonly number[];
}

const kinds = {
  classification: (device: Device): Kind => {
    const examples = tinyExamples(lengths);
    const model = randomModel(device, tinyConfig("bert"), "classifier");
    const batch = toBatch(device, examples, { numbers: places });
    return { model, batch, regression: false, targets: examples.map(({ label }) => label!) };
  },
  regression: (device: Device): Kind => {
    const targets = [0.5, -1.25, 2];
    const examples = tinyExamples(lengths).map(({ ids }, i): EncodedExample => {
      return { ids, label: targets[i]! };
    });
    const model = randomModel(device, tinyConfig("roberta", { num_labels: 1 }), "classifier");
    const batch = toBatch(device, examples, { numbers: places, padId: 1, regression: true });
    return { model, batch, regression: true, targets };
  },
  "regression by the last token": (device: Device): Kind => {
    const targets = [0.5, -1.25, 2];
    const examples = tinyExamples(lengths).map(({ ids }, i): EncodedExample => {
      return { ids, label: targets[i]! };
    });
    const model = randomModel(device, tinyConfig("llama", { num_labels: 1 }), "classifier");
    const batch = toBatch(device, examples, { numbers: places, regression: true });
    return { model, batch, regression: true, targets };
  },
  "language models": (device: Device): Kind => {
    const examples = tinyExamples(lengths, true);
    const model = randomModel(device, tinyConfig("gpt2"), "language");
    const batch = toBatch(device, examples, { numbers: places });
    const targets = examples.flatMap(({ ids, predictFrom }) => ids.slice(predictFrom));
    return { model, batch, regression: false, targets };
  },
} as const;

function rowsOf(data: ArrayLike<number>, width: number): number[][] {
  const all = Array.from(data);
  return Array.from(
    { length: all.length / width },
    (_, i) => all.slice(i * width, i * width + width),
  );
}

/** The first, the second or the clean pass, by a context that is made by hand. */
async function passOf(kind: Kind, plan: DropoutPlan, pass: 0 | 1 | "clean"): Promise<Pass> {
  const { model, batch, regression } = kind;
  const { device } = batch.ids;
  using _scope = device.scope("pass");
  const examples = tensor(
    device,
    places.map((n) => 2 * n + (pass === 1 ? 1 : 0)),
    undefined,
    "u32",
  );
  const lengths = tensor(device, Array.from(await batch.lengths.read()), undefined, "u32");
  const { logits, representation } = model.forward(
    pass === "clean" ? { batch } : { batch, dropout: { plan, key, examples, lengths } },
  );
  const rows = rowsOf(await logits.read(), logits.shape.at(-1)!);
  if (!regression) return { logits: rows, compared: rows };
  const features = rowsOf(await representation!.read(), representation!.shape.at(-1)!);
  return { logits: rows, compared: features };
}

function logSoftmax(row: readonly number[]): number[] {
  const peak = Math.max(...row);
  const total = Math.log(row.reduce((sum, x) => sum + Math.exp(x - peak), 0));
  return row.map((x) => x - peak - total);
}

const total = (values: readonly number[]) => values.reduce((sum, x) => sum + x, 0);

/** Mean loss of the task: squared errors, or cross-entropies with a share of all classes. */
function taskOf({ regression, targets }: Kind, { logits }: Pass, smoothing: number): number {
  return total(logits.map((row, i) => {
    if (regression) return (row[0]! - targets[i]!) ** 2;
    const log = logSoftmax(row);
    return -(1 - smoothing) * log[targets[i]!]! - smoothing * total(log) / log.length;
  })) / normaliser;
}

function klOf(a: Pass, b: Pass): number {
  return total(a.compared.map((row, i) => {
    const [p, q] = [logSoftmax(row), logSoftmax(b.compared[i]!)];
    return total(p.map((log, j) => Math.exp(log) * (log - q[j]!)));
  })) / normaliser;
}

/** The objective in plain numbers; passes without a gradient are given as they were. */
async function expected(
  kind: Kind,
  plan: DropoutPlan,
  smoothing: number,
  frozen?: { readonly second: Pass; readonly clean: Pass },
) {
  const { kind: name, weight, branches } = plan.compensation;
  const first = await passOf(kind, plan, 0);
  const second = branches === 1 && frozen ? frozen.second : await passOf(kind, plan, 1);
  const clean = frozen?.clean ?? await passOf(kind, plan, "clean");
  const task = name === "kl" && branches === 2
    ? (taskOf(kind, first, smoothing) + taskOf(kind, second, smoothing)) / 2
    : taskOf(kind, first, smoothing);
  const compensation = name === "none"
    ? 0
    : name === "js"
    ? klOf(first, clean)
    : (klOf(first, second) + klOf(second, first)) / 2;
  return { loss: task + weight * compensation, task, compensation, second, clean };
}

/** A weight inside the model that every pass depends on. */
function inner(model: Model): Parameter {
  const pattern = /(query|c_attn|q_proj)\.weight$/;
  return [...parameters(model)].find(([path]) => pattern.test(path))![1];
}

const choices: readonly [string, PlanOptions][] = [
  ["none", { compensation: "none" }],
  ["kl", { compensation: "kl", kl: 0.7 }],
  ["kl with two branches", { compensation: "kl", kl: 0.7, branches: 2 }],
  ["js", { compensation: "js", kl: 0.7 }],
];

for (const [name, make] of Object.entries(kinds)) {
  for (const [title, options] of choices) {
    Deno.test(`objective() of ${name} with ${title} is its formula, and so is its gradient`, () =>
      withDevice("f64", async (device) => {
        const kind = make(device);
        const smoothing = kind.regression ? 0 : 0.1;
        const plan = dropoutPlan("hiddenkey", false, { rate: 0.3, ...options });
        const settings = { plan, key, smoothing, regression: kind.regression, normaliser };
        const parameter = inner(kind.model);
        const { value } = parameter;
        const { result, gradients } = gradient(
          () => objective(kind.model, kind.batch, settings),
          [value],
        );
        const own = await expected(kind, plan, smoothing);
        assertClose([await result.loss.item()], [own.loss], 1e-13, 1e-12);
        assertClose([await result.task.item()], [own.task], 1e-13, 1e-12);
        const compensation = await result.compensation?.item() ?? 0;
        assertClose([compensation], [own.compensation], 1e-13, 1e-12);
        assert(title === "none" || compensation > 1e-6, `${compensation}`);
        // By differences along a direction; detached passes stay what they were.
        const direction = numbers(31, parameter.size, -1, 1);
        const data = await value.read();
        const at = async (h: number) => {
          const moved = Float64Array.from(data, (x, i) => x + h * direction[i]!);
          parameter.value = tensor(device, moved, parameter.shape);
          return (await expected(kind, plan, smoothing, own)).loss;
        };
        const h = 1e-5;
        const numeric = (await at(h) - await at(-h)) / (2 * h);
        const slope = await gradients[0]!.read();
        const analytic = total(Array.from(slope, (g, i) => g * direction[i]!));
        assert(Math.abs(numeric) > 1e-4, `${numeric}`);
        assertClose([analytic], [numeric], 1e-8, 1e-6);
      }));
  }
}

Deno.test("objective() without a plan is the task of one clean pass", () =>
  withDevice("f64", async (device) => {
    for (const make of Object.values(kinds)) {
      const kind = make(device);
      const settings = { key, regression: kind.regression, normaliser };
      const { loss, task, compensation } = objective(kind.model, kind.batch, settings);
      const clean = taskOf(kind, await passOf(kind, dropoutPlan("lora", false), "clean"), 0);
      assertClose([await loss.item(), await task.item()], [clean, clean], 1e-13, 1e-12);
      assert(compensation === undefined);
    }
  }));

Deno.test("passes of different examples never share a mask", () =>
  withDevice("f64", async (device) => {
    // The same text at two places of the window, in two passes: four different results.
    const text = tinyExamples([6])[0]!;
    const model = randomModel(device, tinyConfig("bert"), "classifier");
    const plan = dropoutPlan("hiddencut", false, { rate: 0.5 });
    const seen = new Set<string>();
    for (const numbers of [[0, 1], [2, 3]]) {
      const batch = toBatch(device, [text, text], { numbers });
      for (const pass of [0, 1] as const) {
        const dropout = { plan, key, examples: batch.examples![pass], lengths: batch.lengths };
        const { logits } = model.forward({ batch, dropout });
        for (const row of rowsOf(await logits.read(), 3)) seen.add(row.join());
      }
    }
    assert(seen.size === 8, `${seen.size} of 8 are different`);
  }));

Deno.test("label smoothing spreads its share over all classes, the label among them", () =>
  withDevice("f64", async (device) => {
    const logits = [[0.3, -1, 2, 0.7], [1.5, 0.1, -0.4, 0]];
    const labels = [2, 3];
    for (const smoothing of [0.1, 0.5, 1]) {
      const found = await crossEntropy(
        tensor(device, logits.flat(), [2, 4]),
        tensor(device, labels, [2], "u32"),
        smoothing,
      ).read();
      const rows = logits.map((row, i) => {
        // -Σ t log p with targets t = (1 - s) [label] + s / classes.
        const log = logSoftmax(row);
        return -total(log.map((x, j) => {
          return ((j === labels[i] ? 1 - smoothing : 0) + smoothing / log.length) * x;
        }));
      });
      assertClose(found, rows, 1e-14);
    }
    // KL of Eq. 11 is half the sum of both directions.
    const [a, b] = logits.map((row) => tensor(device, row, [1, 4])) as [never, never];
    const [p, q] = logits.map(logSoftmax) as [number[], number[]];
    const both = total(p.map((x, j) => (Math.exp(x) - Math.exp(q[j]!)) * (x - q[j]!))) / 2;
    assertClose([await bidirectionalKl(a, b).item()], [both], 1e-14);
    assertNotEquals(both, 0);
  }));

Deno.test("losses beside divergences are those of the operations apart, where labels count", () =>
  withDevice("f64", async (device) => {
    const table = (seed: number) => tensor(device, normal(seedKey(seed), 15), [3, 5]);
    const [a, b] = [table(1), table(2)];
    const labels = tensor(device, [4, ignoreIndex, 0], [3], "u32");
    const alone = [...await crossEntropy(a, labels, 0.1).read()];
    const [there, back] = [await klDivergence(a, b).read(), await klDivergence(b, a).read()];
    for (const both of [false, true]) {
      const options = { smoothing: 0.1, both };
      const [losses, divergences] = comparedCrossEntropy(a, b, labels, options);
      assertClose(await losses.read(), alone, 1e-14);
      const wanted = [0, 1, 2].map((r) => both ? (there[r]! + back[r]!) / 2 : there[r]!);
      assertClose(await divergences.read(), wanted.with(1, 0), 1e-14);
    }
  }));
