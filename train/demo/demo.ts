/**
 * `deno task train` without flags: LoRA against HiddenKey on a small entailment task with wrong
 * labels among the training data, so that over-fitting shows.
 *
 * @module
 */

import { foldKey, seedKey } from "../../core/random.ts";
import { dropoutPlan, type Method } from "../../nn/dropout/methods.ts";
import { trainHead } from "../../nn/models/heads.ts";
import { Trainable } from "../../nn/optim/trainable.ts";
import { type GivenConfig, resolveConfig, type TrainConfig } from "../config/config.ts";
import { glueTasks } from "../data/glue_tasks.ts";
import { grammarDataset } from "../data/grammar.ts";
import { openDevice } from "../device/backend.ts";
import { fit, type FitResult, optimiserOf } from "../fit.ts";
import { addAdapter } from "../run/adapter.ts";
import { classificationTask } from "../tasks/classification.ts";
import type { Task } from "../tasks/task.ts";
import { baseConfig, baseTokenizer } from "./base.ts";
import { openBase } from "./base_file.ts";

/** Settings of the demonstration; everything else is `train`'s default. */
const demoSettings = {
  task: "rte",
  data: "(grammar)",
  model: "(demonstration)",
  epochs: 15,
  batch: 16,
  lr: 2e-3,
  rank: 8,
  alpha: 16,
  rate: 0.1,
  kl: 1,
  evalStart: false,
} as const;

/** The configuration of the demonstration, and what is changed of it. */
export function demoConfig(...changes: readonly GivenConfig[]): TrainConfig {
  return resolveConfig(demoSettings, ...changes);
}

/** The demonstration's data: sizes, and the share of the training labels that is wrong. */
export const demoData = { train: 256, dev: 500, noise: 0.25 } as const;

/** Trains one method and returns how it went. */
export async function demonstrateMethod(
  method: Method,
  seed: number,
  changes: GivenConfig = {},
  say: (line: string) => void = () => {},
): Promise<FitResult> {
  const config = demoConfig({ method, seed }, changes);
  const { device } = await openDevice(config);
  await using _device = device;
  using _scope = device.scope("demonstration");
  const key = seedKey(seed);
  const model = await openBase(device, foldKey(key, "initialisation"));
  const { rank, alpha } = config;
  const adapter = {
    targets: ["query", "value"],
    rank,
    alpha,
    modulesToSave: [],
    taskType: "SEQ_CLS",
  };
  addAdapter(model, adapter, device, foldKey(key, "initialisation"));
  trainHead(model);
  const optimiser = optimiserOf(await Trainable.of(model, device), config);
  const plan = dropoutPlan(method, false, config);
  const task = demoTask(seed);
  return await fit({ model, optimiser }, { task, config, plan, key }, {
    onEvaluation({ epoch, ...metrics }) {
      const accuracy = (100 * metrics["eval_accuracy"]!).toFixed(1);
      say(`${method.padEnd(10)} epoch ${epoch.toFixed(0).padStart(2)}  dev accuracy ${accuracy} %`);
    },
  });
}

/** The demonstration's data, tokenised. */
export function demoTask(seed: number): Task {
  return classificationTask({
    kind: glueTasks.rte,
    ...grammarDataset({ ...demoData, seed }),
    tokenizer: baseTokenizer(),
    maxLength: baseConfig.maxPositions,
    config: baseConfig,
    batch: 100,
  });
}

/** Runs both methods and prints a table. */
export async function demonstrate(print: (line: string) => void): Promise<void> {
  print(
    `No flags: a demonstration. ${demoData.train} training pairs, ${
      100 * demoData.noise
    } % of their labels ` +
      `wrong; ${demoData.dev} clean pairs for evaluation.\n`,
  );
  const rows: [string, FitResult, number][] = [];
  for (const method of ["lora", "hiddenkey"] as const) {
    const started = performance.now();
    const result = await demonstrateMethod(method, 1, {}, print);
    rows.push([method, result, (performance.now() - started) / 1000]);
    print("");
  }
  print("method      last dev accuracy  best dev accuracy  last train loss  seconds");
  for (const [method, { metrics, best, lastEpochLoss }, seconds] of rows) {
    const percent = (x: number) => `${(100 * x).toFixed(1)} %`.padStart(17);
    print(
      `${method.padEnd(10)}  ${percent(metrics["accuracy"]!)}  ${percent(best!.value)}  ` +
        `${lastEpochLoss.toFixed(3).padStart(15)}  ${seconds.toFixed(1).padStart(7)}`,
    );
  }
  print("\nTrain on your own data: deno task train --help");
}
