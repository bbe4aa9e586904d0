import { assertEquals, assertThrows } from "@std/assert";
import { OptionError } from "../../../core/errors.ts";
import { parameters } from "../../../nn/layers/module.ts";
import { AdamW } from "../../../nn/optim/adamw.ts";
import { type DecayExclusion, isDecayed } from "../../../nn/optim/decay.ts";
import { Trainable } from "../../../nn/optim/trainable.ts";
import { assertClose } from "../../support/differences.ts";
import { architectureNames, randomModel, tinyConfig } from "../../support/tiny_models.ts";
import { withDevice } from "../../support/with_device.ts";

/** Names that transformers' Trainer leaves out, by kind; it tells norms by their class. */
const kinds: Record<DecayExclusion, RegExp> = {
  bias: /bias$/,
  norm: /(LayerNorm|layernorm|norm|ln_\w+)\.weight$/,
};

Deno.test("isDecayed() tells biases and norms of every architecture by path and shape", () =>
  withDevice("f32", (device) => {
    for (const architecture of architectureNames) {
      const model = randomModel(device, tinyConfig(architecture), "classifier");
      for (const exclude of [[], ["bias"], ["norm"], ["bias", "norm"]] as DecayExclusion[][]) {
        for (const [path, { shape }] of parameters(model)) {
          const expected = !exclude.some((kind) => kinds[kind].test(path));
          assertEquals(isDecayed(path, shape, exclude), expected, `${path} without ${exclude}`);
        }
      }
    }
  }));

Deno.test("isDecayed() knows the bias of a lone layer by its whole path", () => {
  assertEquals(isDecayed("bias", [3], ["bias"]), false);
  assertEquals(isDecayed("bias", [3], ["norm"]), true);
  assertEquals(isDecayed("weight", [3], ["norm"]), false);
  assertEquals(isDecayed("weight", [3], ["bias"]), true);
  assertEquals(isDecayed("weight", [3, 3], ["bias", "norm"]), true);
  assertEquals(isDecayed("unbias", [3, 3], ["bias"]), true);
});

Deno.test("a step without a gradient shrinks what decays, and keeps the rest to the bit", () =>
  withDevice("f32", async (device) => {
    const model = randomModel(device, tinyConfig("bert"), "classifier");
    for (const [, parameter] of parameters(model)) parameter.trainable = true;
    const trainable = await Trainable.of(model, device);
    const before = await trainable.flat.read();
    const optimiser = new AdamW(trainable, { weightDecay: 0.1, decayExclude: ["bias", "norm"] });
    optimiser.step(trainable.squaredNorm(), 0.5);
    const after = await trainable.flat.read();
    let at = 0;
    trainable.parameters.forEach(({ shape, size }, i) => {
      const [old, now] = [before, after].map((all) => all.slice(at, at + size));
      if (shape.length > 1) assertClose(now!, old!.map((x: number) => x * 0.95), 1e-6);
      else assertEquals(now, old, trainable.names[i]!);
      at += size;
    });
  }));

Deno.test("what is no kind of parameter cannot be left out of the decay", () =>
  withDevice("f32", async (device) => {
    const model = randomModel(device, tinyConfig("bert"), "classifier");
    for (const [, parameter] of parameters(model)) parameter.trainable = true;
    const trainable = await Trainable.of(model, device);
    const decayExclude = ["biases"] as unknown as DecayExclusion[];
    assertThrows(
      () => new AdamW(trainable, { decayExclude }),
      OptionError,
      "Cannot leave parameters out of weight decay as one of bias, norm is required: found biases",
    );
  }));
