import { assertEquals, assertStringIncludes } from "@std/assert";
import { trainCommand } from "../../../train/commands/train.ts";
import { resolveConfig } from "../../../train/config/config.ts";
import { kebab } from "../../../train/config/options.ts";
import { optimiserOf } from "../../../train/fit.ts";
import { AdamW } from "../../../nn/optim/adamw.ts";
import { count, stepRandomly, trainableOf } from "../../support/trainable_pair.ts";
import { withDevice } from "../../support/with_device.ts";

const required = { task: "rte", data: "data", model: "model" } as const;

/** What a run is where nothing is said, as README and the recipes of Hu et al. have it. */
const usual = {
  ...required,
  bucket: true,
  devPart: "all",
  dropLast: false,
  half: false,
  gradientCheckpointing: false,
  rank: 8,
  alpha: 16,
  rslora: false,
  method: "lora",
  kl: 1,
  branches: 1,
  nograd: true,
  pack: false,
  point: "output",
  perHead: true,
  epochs: 3,
  batch: 16,
  accumulate: 1,
  lr: 5e-4,
  schedule: "linear",
  minLr: 0,
  power: 1,
  warmup: 0.06,
  weightDecay: 0,
  loraplusRatio: 1,
  beta1: 0.9,
  beta2: 0.999,
  epsilon: 1e-8,
  evalStart: true,
  evalBatch: 32,
  clip: 1,
  smoothing: 0,
  tensorboard: false,
  seed: 1,
  backend: "auto",
  precision: "float32",
  kernels: "auto",
  blas: "auto",
  dtype: "f32",
  distributed: "off",
  mpi: "auto",
  nccl: "auto",
  distributedTimeout: 50,
  newTokens: 64,
  beams: 1,
  beamConvention: "hf",
  lengthPenalty: 1,
  noRepeatNgram: 0,
  repetitionPenalty: 1,
};

Deno.test("what is not said is as the documentation says", () => {
  assertEquals<unknown>(resolveConfig(required), usual);
});

Deno.test("help shows every default that a run has", async () => {
  const { log } = console;
  let text = "";
  console.log = (line: string) => text += line;
  try {
    await trainCommand.run(["--help"]);
  } finally {
    console.log = log;
  }
  const paragraphs = text.split("\n");
  for (const [name, value] of Object.entries(usual)) {
    if (Object.hasOwn(required, name)) continue;
    const flag = `--${value === true ? "no-" : ""}${kebab(name)}`;
    const at = paragraphs.findIndex((line) => line.trim().split(/[\s,]+/)[0] === flag);
    assertEquals(at >= 0, true, flag);
    if (typeof value === "boolean") continue;
    assertStringIncludes(paragraphs.slice(at, at + 2).join(" "), `${value}`, flag);
  }
});

Deno.test("every setting of the optimiser reaches it", () =>
  withDevice("f64", async (device) => {
    const settings = { beta1: 0.5, beta2: 0.75, epsilon: 0.01, weightDecay: 0.3, clip: 0.5 };
    const config = resolveConfig(required, { ...settings, decayExclude: ["bias"] });
    const results = [];
    for (const own of [true, false]) {
      const { trainable } = await trainableOf(device, 3);
      const optimiser = own
        ? optimiserOf(trainable, config)
        : new AdamW(trainable, { ...settings, decayExclude: ["bias"] });
      for (let step = 0; step < 3; step++) stepRandomly(optimiser, 20 + step, 0.1);
      results.push([...await trainable.flat.read()]);
    }
    assertEquals(results[0], results[1]);
    assertEquals(results[0]!.length, count);
  }));
