// Clipping where the gradient, its norm or the limit is not an ordinary number, as clip_grad_norm_ has it.
import { assertEquals, assertThrows } from "@std/assert";
import type { Device } from "../../../core/device.ts";
import { OptionError } from "../../../core/errors.ts";
import { type Tensor, tensor } from "../../../core/tensor.ts";
import { update } from "../../../core/update.ts";
import { copyProgram } from "../../../core/program.ts";
import { dropoutPlan } from "../../../nn/dropout/methods.ts";
import type { DropoutPlan } from "../../../nn/dropout/plan.ts";
import { toBatch } from "../../../nn/layers/batch.ts";
import { SGD, type SGDOptions } from "../../../nn/optim/sgd.ts";
import { AdamW } from "../../../nn/optim/adamw.ts";
import { trainStep } from "../../../nn/optim/train_step.ts";
import { cpuTest } from "../../support/cpu_variants.ts";
import { count, trainableOf } from "../../support/trainable_pair.ts";
import { randomModel, tinyConfig, tinyExamples } from "../../support/tiny_models.ts";
import { webGpuTest } from "../../support/webgpu_device.ts";
import { withDevice } from "../../support/with_device.ts";

/** How far one step of rate 1 moves each parameter that began at 0. */
async function moves(device: Device, options: SGDOptions, first: number): Promise<number[]> {
  using _scope = device.scope("step");
  const { trainable } = await trainableOf(device);
  const write = (target: Tensor, data: readonly number[]) =>
    update(copyProgram, [target], [tensor(device, [...data])]);
  write(trainable.flat, new Array<number>(count).fill(0));
  write(trainable.gradients, [first, 4, ...new Array<number>(count - 2).fill(0)]);
  new SGD(trainable, options).step(trainable.squaredNorm(), 1);
  return [...await trainable.flat.read()].slice(0, 3).map((x) => 0 - x);
}

async function check(device: Device): Promise<void> {
  assertEquals(await moves(device, { clip: 1 }, NaN), [NaN, NaN, NaN]);
  assertEquals(await moves(device, { clip: 0 }, NaN), [NaN, 4, 0]);
  for (const clip of [0, Infinity, 1e300]) {
    assertEquals(await moves(device, { clip }, 3), [3, 4, 0], `clip ${clip}`);
    assertEquals(await moves(device, { clip }, Infinity), [Infinity, 4, 0], `clip ${clip}`);
  }
  const [x] = await moves(device, { clip: 1e-300 }, 3);
  assertEquals(x! < 1e-30, true, `a limit near 0 is no limit: ${x}`);
}

cpuTest((variant) => `gradients and limits that are not ordinary: ${variant}`, check);
webGpuTest("gradients and limits that are not ordinary: WebGPU", check);

Deno.test("optimisers refuse options that are no numbers, and steps without a batch", () =>
  withDevice("f32", async (device) => {
    const { trainable } = await trainableOf(device);
    for (const Rule of [AdamW, SGD]) {
      for (const options of [{ clip: "1" }, { clip: null }, { weightDecay: "0" }]) {
        assertThrows(() => new Rule(trainable, options as unknown as SGDOptions), OptionError);
      }
      const decayExclude = "bias" as unknown as [];
      assertThrows(
        () => new Rule(trainable, { decayExclude }),
        OptionError,
        'is required: found "bias"',
      );
    }
    const model = randomModel(device, tinyConfig("bert"), "classifier");
    const state = { model, optimiser: new SGD(trainable) };
    assertThrows(() => trainStep(state, [], [0, 1], { lr: 1 }), OptionError, "at least 1 batch");
    const batch = toBatch(device, tinyExamples([3]), { numbers: [0] });
    const nothing = dropoutPlan("lora", false);
    const compensation = { kind: "kl", weight: 1, branches: 1 } as const;
    const site = { position: "hidden", structure: "element", rate: 0.1, layers: "all" } as const;
    for (
      const [changes, told] of [
        [{ instances: 0 }, "instances"],
        [{ sites: [site, { ...site, position: "hiden" }] }, "position requires one of lora, rank"],
        [{ sites: [{ ...site, rate: 1 }] }, "Cannot drop hidden as the rate must lie in [0, 1)"],
        [{ compensation: { ...compensation, kind: "KL" } }, "compensation requires one of none"],
        [{ compensation: { ...compensation, branches: 3 } }, "branches requires one of 1, 2"],
        [
          { compensation: { ...compensation, weight: NaN } },
          "Cannot weigh the compensation by NaN",
        ],
      ] as const
    ) {
      const plan = { ...nothing, ...changes } as unknown as DropoutPlan;
      assertThrows(() => trainStep(state, [batch], [0, 1], { lr: 1, plan }), OptionError, told);
    }
  }));
