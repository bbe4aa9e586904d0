/**
 * Makes the demonstration's base model: `deno task demo-base`. Every parameter is trained on clean
 * pairs of the grammar by this project's own trainer; the head is left out of the file.
 *
 * @module
 */

import { fileURLToPath } from "node:url";
import { foldKey, seedKey } from "../../core/random.ts";
import { encodeSafetensors, type TensorData } from "../../nn/formats/safetensors_write.ts";
import { Parameter, parameters } from "../../nn/layers/module.ts";
import { initialize } from "../../nn/models/initialize.ts";
import { classifier } from "../../nn/models/registry.ts";
import { Trainable } from "../../nn/optim/trainable.ts";
import { resolveConfig } from "../config/config.ts";
import { glueTasks } from "../data/glue_tasks.ts";
import { grammarDataset } from "../data/grammar.ts";
import { openDevice } from "../device/backend.ts";
import { writeFileAtomic } from "../files/files.ts";
import { fit, optimiserOf } from "../fit.ts";
import { classificationTask } from "../tasks/classification.ts";
import { baseConfig, baseTokenizer } from "./base.ts";
import { baseFile } from "./base_file.ts";

const [pairs, epochs, seed] = [4000, 16, 100];

if (import.meta.main) {
  const { device } = await openDevice({ backend: "cpu", dtype: "f32" });
  await using _device = device;
  using _scope = device.scope("base");
  const model = classifier(baseConfig);
  const key = seedKey(seed);
  for (const [path, parameter] of parameters(model)) {
    const start = new Parameter(parameter.shape, startOf(path));
    initialize(start, path, device, foldKey(key, "initialisation"));
    parameter.value = start.value;
    parameter.trainable = true;
  }
  const data = grammarDataset({ train: pairs, dev: 500, seed, noise: 0 });
  const task = classificationTask({
    kind: glueTasks.rte,
    ...data,
    tokenizer: baseTokenizer(),
    maxLength: baseConfig.maxPositions,
    config: baseConfig,
    batch: 100,
  });
  const config = resolveConfig({
    task: "rte",
    data: "",
    model: "",
    epochs,
    batch: 32,
    lr: 1e-3,
  });
  const optimiser = optimiserOf(await Trainable.of(model, device), config);
  const plan = { sites: [], compensation: { kind: "none", weight: 0, branches: 1 } } as const;
  await fit({ model, optimiser }, { task, config, plan, key }, {
    onEvaluation: (record) => console.log(JSON.stringify(record)),
  });
  const tensors: TensorData[] = [];
  for (const [path, parameter] of parameters(model)) {
    if (path.startsWith("classifier.")) continue;
    const bytes = new Uint8Array(Float32Array.from(await parameter.value.read()).buffer);
    tensors.push({ name: path, dtype: "F32", shape: parameter.shape, bytes });
  }
  const bytes = encodeSafetensors(tensors, { format: "pt" });
  await writeFileAtomic(fileURLToPath(baseFile), bytes);
  console.log(`wrote ${bytes.length} bytes`);
}

function startOf(path: string) {
  if (/LayerNorm\.weight$/.test(path)) return { kind: "ones" } as const;
  if (/bias$/.test(path)) return { kind: "zeros" } as const;
  return { kind: "normal", deviation: 0.05 } as const;
}
