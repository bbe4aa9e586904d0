import { assert, assertEquals, assertNotEquals } from "@std/assert";
import type { Device } from "../../../core/device.ts";
import { gradient } from "../../../core/gradient.ts";
import { add, square } from "../../../core/ops/elementwise.ts";
import { sum } from "../../../core/ops/reduce.ts";
import { seedKey } from "../../../core/random.ts";
import { type Tensor, tensor } from "../../../core/tensor.ts";
import { dropoutPlan, type Method, type PlanOptions } from "../../../nn/dropout/methods.ts";
import { type DropoutPlan, layersBefore } from "../../../nn/dropout/plan.ts";
import { toBatch } from "../../../nn/layers/batch.ts";
import type { ForwardContext } from "../../../nn/layers/forward_context.ts";
import { parameters } from "../../../nn/layers/module.ts";
import { applyLora } from "../../../nn/lora/apply.ts";
import type { Model } from "../../../nn/models/model.ts";
import { objective } from "../../../nn/objective/objective.ts";
import { SGD } from "../../../nn/optim/sgd.ts";
import { Trainable } from "../../../nn/optim/trainable.ts";
import { trainStep } from "../../../nn/optim/train_step.ts";
import { apart } from "../../support/apart.ts";
import { assertClose } from "../../support/differences.ts";
import {
  type ArchitectureName,
  fillRandomly,
  randomModel,
  tinyConfig,
  tinyExamples,
} from "../../support/tiny_models.ts";
import { webGpuTest } from "../../support/webgpu_device.ts";
import { withDevice } from "../../support/with_device.ts";

const key = seedKey(5);
const layers = 4;

interface Subject {
  readonly architecture: ArchitectureName;
  readonly head: "classes" | "score" | "language";
  readonly targets: readonly string[];
}

const subjects: readonly Subject[] = [
  { architecture: "bert", head: "classes", targets: ["query", "value"] },
  { architecture: "roberta", head: "score", targets: ["query", "output.dense"] },
  { architecture: "gpt2", head: "language", targets: ["c_attn.q", "mlp.c_proj"] },
  { architecture: "gpt2", head: "classes", targets: ["c_attn"] },
  { architecture: "llama", head: "language", targets: ["q_proj", "down_proj"] },
  { architecture: "llama", head: "score", targets: ["v_proj"] },
];

/** Layers that passes of a plan have in common, in encoders and in decoders; none: not the embeddings. */
type Common = readonly [encoder: number | undefined, decoder: number | undefined];

const plans: Record<string, readonly [Method, PlanOptions, Common]> = {
  "HiddenKey": ["hiddenkey", {}, [0, 2]],
  "HiddenKey with two branches": ["hiddenkey", { branches: 2 }, [0, 2]],
  "HiddenKey with JS": ["hiddenkey", { compensation: "js" }, [0, 2]],
  "HiddenKey from layer 1": ["hiddenkey", { layers: [3, 1], branches: 2 }, [1, 1]],
  "HiddenKey of the last layer with JS": [
    "hiddenkey",
    { layers: [3], compensation: "js" },
    [3, 3],
  ],
  "HiddenKey of the first layer": ["hiddenkey", { layers: [0] }, [0, 0]],
  "DropKey": ["dropkey", { compensation: "kl", layers: [2], branches: 2 }, [2, 2]],
  "HiddenKey of spans where attention points": ["hiddenkey", {
    site: [{ position: "hidden", structure: "span", start: "attention" }],
    layers: [2, 3],
  }, [2, 2]],
  "DropAttention": ["dropattention", { compensation: "kl", branches: 2 }, [0, 2]],
  "LoRA dropout": ["lora-dropout", { compensation: "kl", branches: 2 }, [0, 0]],
  "LoRA dropout from layer 3": ["lora-dropout", { compensation: "kl", layers: [3] }, [3, 3]],
  "ranks and updates": ["lora", {
    compensation: "kl",
    branches: 2,
    layers: [1],
    site: [{ position: "rank", layers: [2] }, { position: "update" }],
  }, [1, 1]],
  "hidden tokens of the input": ["lora", {
    compensation: "js",
    site: [{ position: "input", structure: "column" }],
  }, [0, 0]],
  "what the head reads": ["lora", {
    compensation: "kl",
    branches: 2,
    site: [{ position: "output" }],
  }, [4, 4]],
  "NEFTune": ["dropkey", {
    compensation: "kl",
    branches: 2,
    neftuneAlpha: 5,
    layers: [3],
  }, [undefined, undefined]],
  "nothing": ["lora", { compensation: "kl" }, [4, 4]],
};

function make(device: Device, { architecture, head, targets }: Subject) {
  const config = tinyConfig(architecture, {
    num_hidden_layers: layers,
    ...(head === "score" && { num_labels: 1 }),
  });
  const model: Model = head === "language"
    ? randomModel(device, config, "language")
    : randomModel(device, config, "classifier");
  applyLora(model, { targets, rank: 2, alpha: 4 });
  fillRandomly(model, device);
  const examples = tinyExamples([5, 3, 4], head === "language");
  const batch = toBatch(device, examples, {
    numbers: [2, 0, 1],
    regression: head === "score",
    padId: config.padId!,
  });
  return { model, batch, regression: head === "score" };
}
type Made = ReturnType<typeof make>;

function planOf({ model }: Made, [method, options]: readonly [Method, PlanOptions, Common]) {
  return dropoutPlan(method, model.config.causal, { rate: 0.3, kl: 0.7, ...options });
}

/** Loss, task and compensation, and the gradients of all parameters, of passes over a model. */
async function differentiated(
  { model, batch, regression }: Made,
  settings: { readonly plan: DropoutPlan; readonly gradientCheckpointing?: boolean },
  run = model,
) {
  const values = [...parameters(model)].map(([, { value }]) => value);
  const { device } = batch.ids;
  using _scope = device.scope("differentiated");
  const options = { ...settings, key, regression, normaliser: 3 };
  const { result, gradients } = gradient(() => objective(run, batch, options), values);
  const numbers = async (x: Tensor | undefined) => x === undefined ? [] : [...await x.read()];
  const { loss, task, compensation } = result;
  return {
    losses: (await Promise.all([loss, task, compensation].map(numbers))).flat(),
    gradients: await Promise.all(gradients.map(numbers)),
  };
}

/** The model, which counts how often one of its layers runs. */
function counting(model: Model): { readonly model: Model; readonly runs: () => number } {
  let count = 0;
  const forward = (context: ForwardContext) =>
    model.forward({ ...context, onScores: () => void count++ });
  return { model: Object.assign(Object.create(model) as Model, { forward }), runs: () => count };
}

for (const subject of subjects) {
  const name = `${subject.architecture} with a head for ${subject.head}`;
  Deno.test(`two passes of ${name} share what neither drops from, and change no loss`, () =>
    withDevice("f64", async (device) => {
      const made = make(device, subject);
      for (const [title, choice] of Object.entries(plans)) {
        const plan = planOf(made, choice);
        const common = choice[2][made.model.config.causal ? 1 : 0];
        assertEquals(layersBefore(plan, layers), common, title);
        const counted = counting(made.model);
        const shared = await differentiated(made, { plan }, counted.model);
        assertEquals(counted.runs(), 2 * layers - (common ?? 0), title);
        const plain = await differentiated(made, { plan }, apart(made.model));
        assertEquals(shared.losses, plain.losses, title);
        assertEquals(shared.losses.length, 3);
        assert(shared.losses[2]! > 0 || common === layers, title);
        // Where one pass has a gradient, that goes the same way; else sums have another order.
        if (plan.compensation.branches === 1) {
          assertEquals(shared.gradients, plain.gradients, title);
        }
        shared.gradients.forEach((g, i) => assertClose(g, plain.gradients[i]!, 1e-12, 1e-12));
        const again = { plan, gradientCheckpointing: true };
        assertEquals(await differentiated(made, again), shared, title);
      }
    }));
}

Deno.test("what lies outside of the layers is active whatever layers it names", () => {
  const before = (position: "input" | "output") => {
    const site = { position, structure: "element", rate: 0.1, layers: [2] } as const;
    const compensation = { kind: "kl", weight: 1, branches: 1 } as const;
    return layersBefore({ sites: [site], compensation }, layers);
  };
  assertEquals([before("input"), before("output")], [0, layers]);
});

Deno.test("layers that two passes share have the gradients of gradients of both", () =>
  withDevice("f64", async (device) => {
    for (const subject of subjects.slice(2, 5)) {
      const made = make(device, subject);
      const plan = planOf(made, plans["HiddenKey with two branches"]!);
      const values = [...parameters(made.model)]
        .filter(([path]) => path.includes(".0.") && path.includes("lora_"))
        .map(([, { value }]) => value);
      assertNotEquals(values.length, 0);
      const twice = async (model: Model) => {
        const loss = () => objective(model, made.batch, { ...made, plan, key, normaliser: 3 }).loss;
        const { gradients } = gradient(() => {
          const squares = gradient(loss, values).gradients.map((g) => sum(square(g!)));
          return squares.reduce((a, b) => add(a, b));
        }, values);
        return await Promise.all(gradients.map(async (g) => [...await g!.read()]));
      };
      const plain = await twice(apart(made.model));
      (await twice(made.model)).forEach((g, i) => assertClose(g, plain[i]!, 1e-12, 1e-11));
    }
  }));

Deno.test("steps over windows of batches are those of passes with nothing in common", () =>
  withDevice("f64", async (device) => {
    for (const subject of subjects) {
      const moved = async (pass: (model: Model) => Model) => {
        const made = make(device, subject);
        const { model, batch, regression } = made;
        const plan = planOf(made, plans["HiddenKey from layer 1"]!);
        const optimiser = new SGD(await Trainable.of(model, device), { clip: 0 });
        const words = tensor(device, [6, 8, 10], undefined, "u32");
        const window = [batch, { ...batch, examples: [words, batch.examples![0]] as const }];
        const state = { model: pass(model), optimiser };
        const before = [...await optimiser.trainable.flat.read()];
        trainStep(state, window, key, { plan, regression, lr: 0.1 });
        const after = [...await optimiser.trainable.flat.read()];
        assertNotEquals(after, before);
        return after;
      };
      assertClose(await moved((model) => model), await moved(apart), 1e-12, 1e-12);
    }
  }));

webGpuTest("two passes on WebGPU share what neither drops from", async (device) => {
  const made = make(device, subjects[2]!);
  const plan = planOf(made, plans["HiddenKey"]!);
  const plain = await differentiated(made, { plan }, apart(made.model));
  assertEquals(await differentiated(made, { plan }), plain);
});
