// Attention weights that are computed again in the backward pass: the same gradients, in less memory.
import { assert, assertEquals, assertLess } from "@std/assert";
import type { Device } from "../../../core/device.ts";
import { gradient } from "../../../core/gradient.ts";
import { seedKey } from "../../../core/random.ts";
import {
  dropoutPlan,
  type Method,
  methods,
  type PlanOptions,
} from "../../../nn/dropout/methods.ts";
import { type Batch, type BatchOptions, toBatch } from "../../../nn/layers/batch.ts";
import { parameters } from "../../../nn/layers/module.ts";
import type { Model } from "../../../nn/models/model.ts";
import { objective } from "../../../nn/objective/objective.ts";
import {
  type ArchitectureName,
  architectureNames,
  randomModel,
  tinyConfig,
  tinyExamples,
} from "../../support/tiny_models.ts";
import { withDevice } from "../../support/with_device.ts";

/** How the gradient of a batch is computed. */
interface Run {
  readonly method: Method;
  readonly plan?: PlanOptions;
  readonly mostWeights: number;
  readonly gradientCheckpointing?: boolean;
}

/** The loss and all gradients, with the programs that ran and the bytes that they took. */
async function run(
  model: Model,
  batch: Batch,
  { method, plan, ...options }: Run,
): Promise<{ readonly numbers: number[]; readonly programs: number; readonly bytes: number }> {
  const { device } = batch.ids;
  using _scope = device.scope("run");
  const { statistics } = device.backend;
  const all = [...parameters(model)].map(([, { value }]) => value);
  const [runs, held] = [statistics.runs, statistics.bytes];
  (statistics as { peakBytes: number }).peakBytes = held;
  const { result, gradients } = gradient(() =>
    objective(model, batch, {
      plan: dropoutPlan(method, model.config.causal, { rate: 0.3, ...plan }),
      key: seedKey(3),
      normaliser: 5,
      ...options,
    }), all);
  const [programs, bytes] = [statistics.runs - runs, statistics.peakBytes - held];
  const read = [result.loss, ...gradients].map(async (t) =>
    t === undefined ? [] : [...await t.read()]
  );
  return { numbers: (await Promise.all(read)).flat(), programs, bytes };
}

const isDecoder = (name: ArchitectureName) => tinyConfig(name).causal;

function subject(device: Device, architecture: ArchitectureName, options: BatchOptions = {}) {
  const config = tinyConfig(architecture);
  const decoder = isDecoder(architecture);
  const model = decoder
    ? randomModel(device, config, "language")
    : randomModel(device, config, "classifier");
  const examples = tinyExamples([7, 4, 6], decoder);
  return { model, batch: toBatch(device, examples, { numbers: [2, 0, 1], ...options }) };
}

for (const architecture of architectureNames) {
  Deno.test(`gradients of ${architecture} are the same to the bit where weights are computed again`, () =>
    withDevice("f32", async (device) => {
      const { model, batch } = subject(device, architecture);
      for (const method of ["dropkey", "dropattention", "hiddenkey"] as const) {
        const [kept, again] = [
          await run(model, batch, { method, mostWeights: Infinity }),
          await run(model, batch, { method, mostWeights: 0 }),
        ];
        assert(kept.numbers.some((x) => Math.abs(x) > 1e-3));
        assertEquals(again.numbers, kept.numbers);
        assertLess(kept.programs, again.programs);
      }
    }));
}

const inputs: readonly (readonly [string, ArchitectureName, PlanOptions, BatchOptions])[] = [
  ["texts that share rows", "llama", {}, { pack: true, width: 14 }],
  ["tokens that input dropout hides", "bert", {
    site: [{ position: "input", structure: "column", rate: 0.4 }],
  }, {}],
  ["spans that begin where attention points", "bert", {
    site: [{ position: "hidden", structure: "span", rate: 0.4, start: "attention" }],
  }, {}],
];
for (const [name, architecture, plan, options] of inputs) {
  Deno.test(`gradients of ${name} are the same to the bit where weights are computed again`, () =>
    withDevice("f32", async (device) => {
      const { model, batch } = subject(device, architecture, options);
      for (const method of methods) {
        const [kept, again] = [
          await run(model, batch, { method, plan, mostWeights: Infinity }),
          await run(model, batch, { method, plan, mostWeights: 0 }),
        ];
        assertEquals(again.numbers, kept.numbers);
      }
    }));
}

Deno.test("layers that are computed again keep their weights meanwhile", () =>
  withDevice("f32", async (device) => {
    const { model, batch } = subject(device, "llama");
    const checkpointed = { method: "lora", gradientCheckpointing: true } as const;
    const [kept, again] = [
      await run(model, batch, { ...checkpointed, mostWeights: Infinity }),
      await run(model, batch, { ...checkpointed, mostWeights: 0 }),
    ];
    assertEquals(again, kept);
  }));

Deno.test("weights of one layer at a time are held where there are more than most", () =>
  withDevice("f32", async (device) => {
    const [layers, heads, rows, tokens] = [4, 2, 4, 64];
    const change = { num_hidden_layers: layers, max_position_embeddings: tokens };
    const model = randomModel(device, tinyConfig("llama", change), "language");
    const batch = toBatch(device, tinyExamples(Array(rows).fill(tokens), true), {
      numbers: [0, 1, 2, 3],
    });
    const count = rows * heads * tokens ** 2;
    const at = (mostWeights: number) => run(model, batch, { method: "lora", mostWeights });
    const [kept, again] = [await at(count), await at(count - 1)];
    assertEquals(again.numbers, kept.numbers);
    const saved = (kept.bytes - again.bytes) / (4 * count);
    assert(saved > layers - 1.1 && saved <= layers, `${saved} layers`);
  }));
