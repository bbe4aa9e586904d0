/**
 * Trainers for GLUE, E2E and WebNLG: data, tokenizers, checkpoints, metrics and the training loop.
 * Needs Deno's file system.
 *
 * @module
 */

export { loadAdapter, saveAdapter } from "./run/adapter.ts";
export type { DeviceChoice } from "./device/backend.ts";
export {
  type BackendName,
  backendNames,
  type KernelName,
  kernelNames,
} from "./config/device_options.ts";
export { type BeamConfig, beamOptions } from "./config/beam_options.ts";
export { type GivenConfig, resolveConfig, type TrainConfig } from "./config/config.ts";
export { type TaskName, tasks, trainOptions } from "./config/train_options.ts";
export { type E2eExample, readE2e } from "./data/e2e.ts";
export type { Example } from "./data/example.ts";
export { readGlue } from "./data/glue.ts";
export { type GlueSplit, type GlueTask, glueTaskNames } from "./data/glue_tasks.ts";
export { readPredictions } from "./data/predictions.ts";
export { readReferences, type Segment } from "./data/references.ts";
export type { TextExample } from "./data/text_example.ts";
export { readWebnlg, type WebnlgExample, type WebnlgTexts } from "./data/webnlg.ts";
export type { EvaluationRecord, FitHooks, FitResult, StepRecord } from "./fit.ts";
export type {
  AnyOption,
  Certain,
  ChoiceOption,
  Given,
  LayerChoice,
  LayersOption,
  ListOption,
  NumberOption,
  OptionsOf,
  OptionSpec,
  OptionTable,
  RateOption,
  SwitchOption,
  TextOption,
  ValueOf,
} from "./config/options.ts";
export { Checkpoint } from "./files/checkpoint.ts";
export type { AdapterConfig, BiasKind } from "../nn/formats/peft_config.ts";
export type { TargetRules } from "../nn/formats/peft_targets.ts";
export type { FileDtype, TensorEntry } from "../nn/formats/safetensors.ts";
export type { FloatDtype } from "../nn/formats/safetensors_values.ts";
export { loadMeteor } from "./metrics/load_meteor.ts";
export { type ModelSource, resolveModel } from "./hub/resolve_model.ts";
export type { SnapshotKind } from "./hub/needed.ts";
export type { DownloadHooks } from "./hub/snapshot.ts";
export { type Loaded, openClassifier, openLanguageModel } from "./run/load_model.ts";
export { loadTokenizer } from "./tokenizer/load_tokenizer.ts";
export { mergeAdapter, type MergeOptions, type MergeReport } from "./merge/merge.ts";
export {
  bleuConventions,
  type BleuCounts,
  bleuFromCounts,
  type BleuOptions,
  type BleuResult,
  type BleuScoring,
  type BleuSmoothing,
  corpusBleu,
} from "./metrics/bleu.ts";
export { chrf, type ChrfOptions, type ChrfResult, type ChrfSmoothing } from "./metrics/chrf.ts";
export { cider, type CiderOptions } from "./metrics/cider.ts";
export { accuracy, f1, matthews, pearson, spearman } from "./metrics/classification.ts";
export { meteor, type MeteorOptions, type MeteorResult } from "./metrics/meteor.ts";
export type { MeteorResources, SynonymLookup } from "./metrics/meteor_resources.ts";
export type { MeteorMetrics, MeteorModule } from "./metrics/meteor_statistics.ts";
export type { PrefixKind } from "./metrics/meteor_words.ts";
export { nist, type NistConvention, type NistOptions } from "./metrics/nist.ts";
export { rougeL, type RougeOptions } from "./metrics/rouge.ts";
export { ter, type TerOptions, type TerResult } from "./metrics/ter.ts";
export { meanTer, type MeanTerResult } from "./metrics/ter_mean.ts";
export type { Tokenization } from "./metrics/tokenization.ts";
export {
  type ScoreConvention,
  scoreConventions,
  type ScoreOptions,
  type Scores,
  type ScoreTask,
  scoreTasks,
  scoreTexts,
} from "./metrics/score.ts";
export {
  type StepMetrics,
  type StepOptions,
  type TrainState,
  trainStep,
} from "../nn/optim/train_step.ts";
export type { Metrics } from "./tasks/task.ts";
export {
  type DecodeOptions,
  type EncodeOptions,
  Tokenizer,
  type TokenizerOutput,
} from "./tokenizer/tokenizer.ts";
export type { TruncationStrategy } from "./tokenizer/tokenizer_truncation.ts";
export type { DownloadProgress } from "./hub/download.ts";
export { train, type TrainHooks, type TrainResult } from "./train.ts";
