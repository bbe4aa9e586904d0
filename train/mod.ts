/**
 * Fine-tuning from files to files: configuration, data, tokenizers, checkpoints, the trainer of GLUE,
 * E2E and WebNLG, and the metrics that their results are reported in. Needs Deno's file system.
 *
 * @example Train, and see how it goes
 * ```ts ignore
 * import { resolveConfig, train } from "@hiddenkey/hiddenkey/train";
 *
 * const config = resolveConfig({
 *   task: "rte",
 *   data: "glue/RTE",
 *   model: "sentence-transformers/all-MiniLM-L6-v2",
 *   method: "hiddenkey",
 *   out: "runs/rte",
 * });
 * const { metrics } = await train(config, {
 *   onStep: ({ step, loss }, steps) => console.log(`${step}/${steps} ${loss.toFixed(4)}`),
 * });
 * console.log(metrics["accuracy"]);
 * ```
 *
 * @module
 */

// Training.
export { train, type TrainHooks, type TrainResult } from "./train.ts";
export type { Group, Numbers } from "./distributed/group.ts";
export { type GroupChoice, openGroup } from "./distributed/open_group.ts";
export { type DistributedName, distributedNames } from "./config/distributed_options.ts";
export type { ParameterCounts } from "./run/describe.ts";
export type { CheckpointedAt, FitHooks, FitResult } from "./fit.ts";
export type { StepRecord } from "./step.ts";
export type { EvaluatedAt, EvaluationHooks, EvaluationRecord } from "./evaluation.ts";
export type { BestEvaluation, FitProgress, Judgement } from "./run/fit_progress.ts";
export type { ResumeOptions } from "./run/run_place.ts";
export type { Metrics } from "./tasks/task.ts";
export type {
  ClassPrediction,
  Prediction,
  ScorePrediction,
  TextPrediction,
} from "./tasks/prediction.ts";
export type { Progress, ProgressHooks } from "./tasks/progress.ts";
export { type GivenConfig, resolveConfig, type TrainConfig } from "./config/config.ts";
export { type TaskName, tasks, trainOptions } from "./config/train_options.ts";
export { type BeamConfig, beamOptions } from "./config/beam_options.ts";
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
  SitesOption,
  SwitchOption,
  TextOption,
  TextsOption,
  ValueOf,
} from "./config/options.ts";
export type { DeviceChoice } from "./device/backend.ts";
export {
  type BackendName,
  backendNames,
  type KernelName,
  kernelNames,
  type PrecisionName,
  precisionNames,
} from "./config/device_options.ts";

// Runs, shown as a page.
export { writeReport } from "./report/write_report.ts";

// Models, tokenizers and adapters in folders, or in repositories of the hub.
export { type ModelSource, resolveModel } from "./hub/resolve_model.ts";
export type { SnapshotKind } from "./hub/needed.ts";
export type { DownloadHooks, DownloadProgress } from "./hub/download.ts";
export {
  type Loaded,
  openClassifier,
  openLanguageModel,
  type OpenOptions,
} from "./run/load_model.ts";
export { loadTokenizer } from "./run/load_tokenizer.ts";
export {
  type DecodeOptions,
  type EncodeOptions,
  Tokenizer,
  type TokenizerOutput,
} from "../nn/tokenizer/tokenizer.ts";
export type { TruncationStrategy } from "../nn/tokenizer/truncation.ts";
export { loadAdapter, saveAdapter } from "./run/adapter.ts";
export type { AdapterConfig, BiasKind } from "../nn/formats/peft_config.ts";
export type { TargetRules } from "../nn/formats/peft_targets.ts";
export { mergeAdapter, type MergeOptions, type MergeReport } from "./merge/merge.ts";
export { Checkpoint } from "./files/checkpoint.ts";
export type { FileDtype, TensorEntry } from "../nn/formats/safetensors.ts";
export type { FloatDtype } from "../nn/formats/safetensors_values.ts";

// Data sets.
export { readGlue } from "./data/glue.ts";
export { type GlueTask, glueTaskNames } from "./data/glue_tasks.ts";
export {
  ownTextNames,
  publishedTextNames,
  type TextTaskName,
  textTaskNames,
} from "./data/text_tasks.ts";
export type { Example, Split } from "./data/example.ts";
export { type E2eExample, readE2e } from "./data/e2e.ts";
export { readWebnlg, type WebnlgExample, type WebnlgTexts } from "./data/webnlg.ts";
export type { TextExample } from "./data/text_example.ts";
export { readReferences, type Segment } from "./data/references.ts";
export { readPredictions } from "./data/predictions.ts";

// Metrics of labels and of predicted distributions.
export {
  brier,
  expectedCalibrationError,
  type LogProbabilities,
  negativeLogLikelihood,
} from "./metrics/calibration.ts";
export {
  accuracy,
  f1,
  macroF1,
  matthews,
  mse,
  pearson,
  spearman,
} from "./metrics/classification.ts";

// Metrics of generated texts, as official evaluations put them together and one by one.
export {
  type ScoreConvention,
  scoreConventions,
  type ScoreOptions,
  type Scores,
  type ScoreTask,
  scoreTasks,
  scoreTexts,
} from "./metrics/score.ts";
export type { MetricScores } from "./metrics/metric_table.ts";
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
export { loadMeteor } from "./metrics/load_meteor.ts";
export { meteor, type MeteorOptions, type MeteorResult } from "./metrics/meteor.ts";
export type { MeteorResources, SynonymLookup } from "./metrics/meteor_resources.ts";
export type { MeteorMetrics, MeteorModule } from "./metrics/meteor_statistics.ts";
export type { PrefixKind } from "./metrics/meteor_words.ts";
export { nist, type NistConvention, type NistOptions } from "./metrics/nist.ts";
export { rougeL, type RougeOptions } from "./metrics/rouge.ts";
export { ter, type TerOptions, type TerResult } from "./metrics/ter.ts";
export { meanTer, type MeanTerResult } from "./metrics/ter_mean.ts";
export type { Tokenization } from "./metrics/tokenization.ts";
