/** All mutations. */

import { configMutations } from "./lists/config.ts";
import { dataMutations } from "./lists/data.ts";
import { dropoutMutations } from "./lists/dropout.ts";
import { formatsMutations } from "./lists/formats.ts";
import { generationMutations } from "./lists/generation.ts";
import { layersMutations } from "./lists/layers.ts";
import { loraMutations } from "./lists/lora.ts";
import { metricsMutations } from "./lists/metrics.ts";
import { modelsMutations } from "./lists/models.ts";
import { optimMutations } from "./lists/optim.ts";
import { tasksMutations } from "./lists/tasks.ts";
import { tokenizerMutations } from "./lists/tokenizer.ts";
import { trainingMutations } from "./lists/training.ts";
import type { Mutation } from "./mutation.ts";

/** All mutations, by area. */
export const mutations: readonly Mutation[] = [
  ...dropoutMutations,
  ...layersMutations,
  ...loraMutations,
  ...optimMutations,
  ...generationMutations,
  ...modelsMutations,
  ...formatsMutations,
  ...tokenizerMutations,
  ...dataMutations,
  ...configMutations,
  ...trainingMutations,
  ...tasksMutations,
  ...metricsMutations,
];
