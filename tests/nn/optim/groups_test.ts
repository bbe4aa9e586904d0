import { assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import type { Device } from "../../../core/device.ts";
import { OptionError } from "../../../core/errors.ts";
import { tensor } from "../../../core/tensor.ts";
import { parameters } from "../../../nn/layers/module.ts";
import { applyLora } from "../../../nn/lora/apply.ts";
import { AdamW } from "../../../nn/optim/adamw.ts";
import { type DecayExclusion, decayExclusions, isDecayed } from "../../../nn/optim/decay.ts";
import { learnsFaster, parameterGroups } from "../../../nn/optim/groups.ts";
import { SGD } from "../../../nn/optim/sgd.ts";
import { Trainable } from "../../../nn/optim/trainable.ts";
import { assertClose, numbers } from "../../support/differences.ts";
import { released, sines } from "../../support/released_regularisers.ts";
import { randomModel, tinyConfig } from "../../support/tiny_models.ts";
import { clipFactor, trainableOf } from "../../support/trainable_pair.ts";
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
    const ratiosOf = (exclude: DecayExclusion[], loraplusRatio: number, headRatio?: number) =>
      parameterGroups(trainable, exclude, { loraplusRatio, headRatio })?.ratios;
    assertEquals(ratiosOf([], 1), undefined);
    assertEquals(ratiosOf([], 1, 1), undefined);
    assertEquals(ratiosOf([], 16), [1, 16]);
    assertEquals(ratiosOf(["bias", "norm"], 1), [1]);
    // Both layers are trained whole, so that the head's rate holds for all.
    assertEquals(ratiosOf([], 16, 2), [1, 2]);
    assertEquals(ratiosOf(["bias"], 16, 1), [1]);
  }));

/** A classifier of which A, B, a norm, the pooler and the head are trained. */
async function groupedModel(device: Device, seed: number) {
  const model = randomModel(device, tinyConfig("bert", { num_hidden_layers: 1 }), "classifier");
  applyLora(model, { targets: ["query"], rank: 2, alpha: 4 });
  for (const [path, parameter] of parameters(model)) {
    parameter.trainable = /lora_|classifier|pooler|attention.output.LayerNorm.weight/.test(path);
    if (parameter.trainable) {
      parameter.value = tensor(
        device,
        numbers(seed + path.length, parameter.size),
        parameter.shape,
      );
    }
  }
  return await Trainable.of(model, device);
}

/** What a parameter's learning rate is multiplied by, written anew. */
function ratioOf(path: string, shape: readonly number[], lora: number, head: number | undefined) {
  const whole = !path.includes(".lora_");
  if (whole && head !== undefined) return head;
  return path.includes("lora_B") || shape.length === 1 ? lora : 1;
}

const settings = fc.record({
  weightDecay: fc.constantFrom(0, 0.1),
  decayExclude: fc.subarray([...decayExclusions]),
  loraplusRatio: fc.constantFrom(1, 16),
  headRatio: fc.constantFrom(undefined, 0, 0.1, 1, 16, 20),
  clip: fc.constantFrom(0, 1),
  seed: fc.nat(1e6),
});

for (const rule of ["AdamW", "SGD"] as const) {
  Deno.test(`${rule} treats each parameter as a ${rule} of its own in plain numbers`, () =>
    withDevice("f64", (device) =>
      fc.assert(
        fc.asyncProperty(settings, async ({ headRatio, seed, ...given }) => {
          using _scope = device.scope("training");
          const trainable = await groupedModel(device, seed);
          const options = { ...given, ...(headRatio !== undefined && { headRatio }) };
          const optimiser = rule === "AdamW"
            ? new AdamW(trainable, options)
            : new SGD(trainable, { ...options, momentum: 0.5 });
          const count = trainable.parameters.reduce((sum, { size }) => sum + size, 0);
          const plain = trainable.parameters.map(({ size, shape }, i) => ({
            name: trainable.names[i]!,
            shape,
            size,
            rate: ratioOf(trainable.names[i]!, shape, given.loraplusRatio, headRatio),
            first: new Float64Array(size),
            second: new Float64Array(size),
          }));
          const values = await trainable.flat.read();
          for (const step of [1, 2]) {
            const raw = numbers(seed + step, count);
            let at = 0;
            trainable.clear();
            trainable.accumulate(plain.map(({ size, shape }) => {
              return tensor(device, raw.subarray(at, at += size), shape);
            }));
            const lr = 0.01 * step;
            optimiser.step(trainable.squaredNorm(), lr);
            const scale = clipFactor(raw, given.clip);
            at = 0;
            for (const { name, shape, size, rate, first, second } of plain) {
              const excluded = given.decayExclude.includes("bias") && name.endsWith("bias") ||
                given.decayExclude.includes("norm") && name.endsWith("LayerNorm.weight");
              assertEquals(isDecayed(name, shape, given.decayExclude), !excluded, name);
              const decay = excluded ? 0 : given.weightDecay;
              for (let i = 0; i < size; i++, at++) {
                const g = raw[at]! * scale;
                if (rule === "SGD") {
                  first[i] = 0.5 * first[i]! + g + decay * values[at]!;
                  values[at]! -= lr * rate * first[i]!;
                  continue;
                }
                first[i] = 0.9 * first[i]! + 0.1 * g;
                second[i] = 0.999 * second[i]! + 0.001 * g * g;
                const denominator = Math.sqrt(second[i]! / (1 - 0.999 ** step)) + 1e-8;
                values[at]! -= lr * rate *
                  (decay * values[at]! + first[i]! / (1 - 0.9 ** step) / denominator);
              }
            }
          }
          assertClose(await trainable.flat.read(), values, 1e-12);
        }),
        { numRuns: 40 },
      )));
}

Deno.test("a head's rate adds no program to a step, and none of it is read where there is none", () =>
  withDevice("f32", async (device) => {
    for (const Rule of [AdamW, SGD]) {
      const trainable = await groupedModel(device, 1);
      const { statistics } = device.backend;
      for (const options of [{}, { headRatio: 2 }, { headRatio: 2, loraplusRatio: 16 }]) {
        const optimiser = new Rule(trainable, options);
        const squaredNorm = trainable.squaredNorm();
        const before = statistics.runs;
        optimiser.step(squaredNorm, 1e-3);
        assertEquals(statistics.runs - before, 1);
      }
    }
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
        assertThrows(
          () => new Rule(trainable, { headRatio: loraplusRatio }),
          OptionError,
          `Cannot train by ${name} as headRatio requires a finite number of at least 0`,
        );
      }
    }
  }));
