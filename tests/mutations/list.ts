/** All mutations. */

import { attentionMutations } from "./lists/attention.ts";
import { batchesMutations } from "./lists/batches.ts";
import { branchesMutations } from "./lists/branches.ts";
import { calibrationMutations } from "./lists/calibration.ts";
import { capturedTokenMutations } from "./lists/captured_tokens.ts";
import { checkpointingMutations } from "./lists/checkpointing.ts";
import { claimsMutations } from "./lists/claims.ts";
import { commandsMutations } from "./lists/commands.ts";
import { configMutations } from "./lists/config.ts";
import { configFileMutations } from "./lists/config_files.ts";
import { corporaMutations } from "./lists/corpora.ts";
import { courseMutations } from "./lists/courses.ts";
import { cudaMutations } from "./lists/cuda.ts";
import { cudaBlasMutations } from "./lists/cuda_blas.ts";
import { cudaWgmmaMutations } from "./lists/cuda_wgmma.ts";
import { cudaCaptureMutations } from "./lists/cuda_capture.ts";
import { cudaQueueMutations } from "./lists/cuda_queue.ts";
import { cudaHalfMutations } from "./lists/cuda_halves.ts";
import { dataMutations } from "./lists/data.ts";
import { diagnosisMutations } from "./lists/diagnosis.ts";
import { diskMutations } from "./lists/disk.ts";
import { drawsMutations } from "./lists/draws.ts";
import { dropoutMutations } from "./lists/dropout.ts";
import { dropoutMoreMutations } from "./lists/dropout_more.ts";
import { dryRunMutations } from "./lists/dry_runs.ts";
import { evaluationsMutations } from "./lists/evaluations.ts";
import { fusedAttentionMutations } from "./lists/fused_attention.ts";
import { flagsMutations } from "./lists/flags.ts";
import { formatsMutations } from "./lists/formats.ts";
import { generationMutations } from "./lists/generation.ts";
import { goingOnMutations } from "./lists/going_on.ts";
import { killsMutations } from "./lists/kills.ts";
import { layersMutations } from "./lists/layers.ts";
import { layersMoreMutations } from "./lists/layers_more.ts";
import { loadingMutations } from "./lists/loading.ts";
import { loraMutations } from "./lists/lora.ts";
import { loraMoreMutations } from "./lists/lora_more.ts";
import { masksMutations } from "./lists/masks.ts";
import { memoryMutations } from "./lists/memory.ts";
import { mergingMutations } from "./lists/merging.ts";
import { meteorMutations } from "./lists/meteor.ts";
import { metricsMutations } from "./lists/metrics.ts";
import { modelsMutations } from "./lists/models.ts";
import { debertaMutations } from "./lists/deberta.ts";
import { modelsMoreMutations } from "./lists/models_more.ts";
import { noiseMutations } from "./lists/noise.ts";
import { objectiveMutations } from "./lists/objective.ts";
import { ownTextMutations } from "./lists/own_texts.ts";
import { packingMutations } from "./lists/packing.ts";
import { sharedPrefixMutations } from "./lists/shared_prefix.ts";
import { optimMutations } from "./lists/optim.ts";
import { optionsMutations } from "./lists/options.ts";
import { predictionsMutations } from "./lists/predictions.ts";
import { presetsMutations } from "./lists/presets.ts";
import { cardSumsMutations } from "./lists/card_sums.ts";
import { processesMutations } from "./lists/processes.ts";
import { phi3Mutations } from "./lists/phi3.ts";
import { quantisedMutations } from "./lists/quantised.ts";
import { rangeMutations } from "./lists/ranges.ts";
import { regularisersMutations } from "./lists/regularisers.ts";
import { fineTuneMutations } from "./lists/fine_tune.ts";
import { labPageMutations } from "./lists/lab_page.ts";
import { reportsMutations } from "./lists/reports.ts";
import { runsMutations } from "./lists/runs.ts";
import { safetensorsMutations } from "./lists/safetensors.ts";
import { samplingMutations } from "./lists/sampling.ts";
import { savedMutations } from "./lists/saved.ts";
import { shortcutMutations } from "./lists/shortcuts.ts";
import { shownMutations } from "./lists/shown.ts";
import { sitesMutations } from "./lists/sites.ts";
import { statisticsMutations } from "./lists/statistics.ts";
import { stepsMoreMutations } from "./lists/steps_more.ts";
import { studyMutations } from "./lists/study.ts";
import { tablesMutations } from "./lists/tables.ts";
import { sweepMutations } from "./lists/sweeps.ts";
import { tasksMutations } from "./lists/tasks.ts";
import { textMetricsMutations } from "./lists/text_metrics.ts";
import { textsMutations } from "./lists/texts.ts";
import { textsMoreMutations } from "./lists/texts_more.ts";
import { tokenizerMutations } from "./lists/tokenizer.ts";
import { trainingMutations } from "./lists/training.ts";
import type { Mutation } from "./mutation.ts";
import { productEndingMutations } from "./lists/product_endings.ts";
import { webGpuAttentionMutations } from "./lists/webgpu_attention.ts";
import { webGpuCaptureMutations } from "./lists/webgpu_capture.ts";

/** All mutations, by area. */
export const mutations: readonly Mutation[] = [
  ...diskMutations,
  ...drawsMutations,
  ...predictionsMutations,
  ...diagnosisMutations,
  ...dropoutMutations,
  ...sitesMutations,
  ...masksMutations,
  ...flagsMutations,
  ...attentionMutations,
  ...batchesMutations,
  ...configFileMutations,
  ...courseMutations,
  ...dryRunMutations,
  ...layersMutations,
  ...loraMutations,
  ...objectiveMutations,
  ...sharedPrefixMutations,
  ...optimMutations,
  ...regularisersMutations,
  ...generationMutations,
  ...modelsMutations,
  ...loadingMutations,
  ...formatsMutations,
  ...safetensorsMutations,
  ...tokenizerMutations,
  ...dataMutations,
  ...textsMutations,
  ...configMutations,
  ...presetsMutations,
  ...processesMutations,
  ...cardSumsMutations,
  ...quantisedMutations,
  ...rangeMutations,
  ...phi3Mutations,
  ...optionsMutations,
  ...trainingMutations,
  ...goingOnMutations,
  ...shortcutMutations,
  ...shownMutations,
  ...killsMutations,
  ...runsMutations,
  ...labPageMutations,
  ...fineTuneMutations,
  ...reportsMutations,
  ...tablesMutations,
  ...sweepMutations,
  ...tasksMutations,
  ...memoryMutations,
  ...mergingMutations,
  ...samplingMutations,
  ...metricsMutations,
  ...textMetricsMutations,
  ...meteorMutations,
  ...noiseMutations,
  ...claimsMutations,
  ...statisticsMutations,
  ...dropoutMoreMutations,
  ...layersMoreMutations,
  ...loraMoreMutations,
  ...stepsMoreMutations,
  ...modelsMoreMutations,
  ...debertaMutations,
  ...textsMoreMutations,
  ...branchesMutations,
  ...calibrationMutations,
  ...commandsMutations,
  ...corporaMutations,
  ...evaluationsMutations,
  ...savedMutations,
  ...studyMutations,
  ...checkpointingMutations,
  ...cudaMutations,
  ...cudaBlasMutations,
  ...cudaWgmmaMutations,
  ...cudaCaptureMutations,
  ...capturedTokenMutations,
  ...webGpuAttentionMutations,
  ...webGpuCaptureMutations,
  ...productEndingMutations,
  ...cudaQueueMutations,
  ...fusedAttentionMutations,
  ...cudaHalfMutations,
  ...ownTextMutations,
  ...packingMutations,
];
