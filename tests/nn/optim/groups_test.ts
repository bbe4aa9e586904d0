import { assertEquals, assertThrows } from "@std/assert";
import { OptionError } from "../../../core/errors.ts";
import { tensor } from "../../../core/tensor.ts";
import { parameters } from "../../../nn/layers/module.ts";
import { applyLora } from "../../../nn/lora/apply.ts";
import { AdamW } from "../../../nn/optim/adamw.ts";
import { isDecayed } from "../../../nn/optim/decay.ts";
import { learnsFaster, parameterGroups } from "../../../nn/optim/groups.ts";
import { SGD } from "../../../nn/optim/sgd.ts";
import { Trainable } from "../../../nn/optim/trainable.ts";
import { assertClose } from "../../support/differences.ts";
import { released, sines } from "../../support/released_regularisers.ts";
import { randomModel, tinyConfig } from "../../support/tiny_models.ts";
import { trainableOf } from "../../support/trainable_pair.ts";
import { withDevice } from "../../support/with_device.ts";

const { lr, ratio, weightDecay, parameters: rows } = released.loraplus;

Deno.test("learnsFaster() and isDecayed() make the groups of PEFT's optimiser for LoRA+", () => {
  for (const { name, shape, lr: rate, decay } of rows) {
    assertEquals(learnsFaster(name, shape) ? lr * ratio : lr, rate, name);
    assertEquals(isDecayed(name, shape, ["bias", "norm"]) ? weightDecay : 0, decay, name);
  }
});

Deno.test("AdamW makes two steps of PEFT's optimiser for LoRA+", () =>
  withDevice("f64", async (device) => {
    const model = randomModel(device, tinyConfig("bert", { num_hidden_layers: 1 }), "classifier");
    applyLora(model, { targets: ["query", "value"], rank: 2, alpha: 4 });
    for (const [path, parameter] of parameters(model)) {
      const i = rows.findIndex(({ name }) => name === path);
      parameter.trainable = i >= 0;
      parameter.value = tensor(device, sines(parameter.size, Math.max(i, 0)), parameter.shape);
    }
    const trainable = await Trainable.of(model, device);
    assertEquals(trainable.names.toSorted(), rows.map(({ name }) => name).toSorted());
    const optimiser = new AdamW(trainable, {
      weightDecay,
      decayExclude: ["bias", "norm"],
      loraplusRatio: ratio,
      clip: 0,
    });
    const rowOf = (name: string) => rows.findIndex((row) => row.name === name);
    for (const step of [1, 2]) {
      trainable.clear();
      trainable.accumulate(
        trainable.parameters.map(({ size, shape }, i) =>
          tensor(device, sines(size, 50 * step + rowOf(trainable.names[i]!)), shape)
        ),
      );
      optimiser.step(trainable.squaredNorm(), lr);
    }
    for (const [i, parameter] of trainable.parameters.entries()) {
      const { after } = rows[rowOf(trainable.names[i]!)]!;
      assertClose((await parameter.value.read()).slice(0, 3), after, 1e-12);
    }
  }));

Deno.test("a ratio adds no program to a step and no state to a checkpoint", () =>
  withDevice("f32", async (device) => {
    for (const Rule of [AdamW, SGD]) {
      const { trainable } = await trainableOf(device);
      const [plain, apart] = [1, 16].map((loraplusRatio) => new Rule(trainable, { loraplusRatio }));
      assertEquals(Object.keys(apart!.state), Object.keys(plain!.state));
      const { statistics } = device.backend;
      const runs = [plain!, apart!].map((optimiser) => {
        const squaredNorm = trainable.squaredNorm();
        const before = statistics.runs;
        optimiser.step(squaredNorm, 1e-3);
        return statistics.runs - before;
      });
      assertEquals(runs, [1, 1]);
    }
  }));

Deno.test("parameters that all decay and learn at one rate have no groups", () =>
  withDevice("f32", async (device) => {
    const { trainable } = await trainableOf(device);
    assertEquals(parameterGroups(trainable, [], 1), undefined);
    assertEquals(parameterGroups(trainable, [], 16)?.apart, true);
    assertEquals(parameterGroups(trainable, ["bias", "norm"], 1)?.apart, false);
  }));

Deno.test("a ratio that is no number is refused", () =>
  withDevice("f32", async (device) => {
    const { trainable } = await trainableOf(device);
    for (const [Rule, name] of [[AdamW, "AdamW"], [SGD, "SGD"]] as const) {
      for (const loraplusRatio of [-1, NaN, Infinity]) {
        assertThrows(
          () => new Rule(trainable, { loraplusRatio }),
          OptionError,
          `Cannot train by ${name} as loraplusRatio requires a finite number of at least 0`,
        );
      }
    }
  }));
