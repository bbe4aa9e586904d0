/**
 * HiddenKey: LoRA fine-tuning with the dropout framework of "LoRA Meets Dropout under a Unified
 * Framework", on a small reverse-mode autograd. This module runs in Deno, Node and browsers.
 *
 * @example A gradient
 * ```ts
 * import { Device, gradient, openCpu, sum, tanh, tensor } from "@hiddenkey/hiddenkey";
 *
 * await using device = new Device(openCpu());
 * using _scope = device.scope("example");
 * const x = tensor(device, [1, 2, 3]);
 * const { gradients } = gradient(() => sum(tanh(x)), [x]);
 * console.log(await gradients[0]!.read());
 * ```
 *
 * @module
 */

export type { Affine, Backend, BackendStatistics, Binding, Bound, Buffer } from "./core/backend.ts";
export type { Dtype, Half, Kind, TypedArray } from "./core/dtype.ts";
export {
  DeviceError,
  DisposedError,
  DownloadError,
  FileError,
  GradientError,
  OptionError,
  ShapeError,
  TrainingError,
} from "./core/errors.ts";
export { type Bool, Expr, type Float, type Level, type Word } from "./core/expr.ts";
export { type Gradient, gradient } from "./core/gradient.ts";
export {
  abs,
  add,
  div,
  erf,
  exp,
  gelu,
  geluTanh,
  log,
  maximum,
  mul,
  neg,
  relu,
  rsqrt,
  scale,
  sigmoid,
  silu,
  sqrt,
  square,
  sub,
  tanh,
} from "./core/ops/elementwise.ts";
export { gather, scatterAdd } from "./core/ops/gather.ts";
export { matmul, matmulAdd, matmulScaled } from "./core/ops/matmul.ts";
export { expand, mean, sum, sumRow, sumTo } from "./core/ops/rowwise.ts";
export { concatenate, slice } from "./core/ops/slice.ts";
export { contiguous, flip, permute, reshape, transpose } from "./core/ops/view.ts";
export type {
  GatherProgram,
  MatmulProgram,
  Program,
  RowProgram,
  ScatterAddProgram,
} from "./core/program.ts";
export { foldKey, type Key, seedKey, threefry } from "./core/random.ts";
export { Device, type Owned, Scope } from "./core/device.ts";
export { Storage, Value } from "./core/storage.ts";
export { noGrad, untracked } from "./core/tape.ts";
export { Tensor, tensor } from "./core/tensor.ts";
export { type CpuOptions, openCpu } from "./kernels/cpu/backend.ts";
export type { Format } from "./kernels/cpu/wasm/assembler/load.ts";
export type {
  Blas,
  BlasProducts,
  Finish,
  Native,
  Operands,
  Run,
  Sizes,
  Threads,
} from "./kernels/cpu/wasm/product/blas.ts";
export type { Matrix } from "./kernels/cpu/wasm/product/matrix.ts";
export { type AdapterFacts, WebGpuBackend } from "./kernels/webgpu/backend.ts";
export type {
  MatmulPlan,
  MatmulPolicy,
  MatmulSizes,
} from "./kernels/webgpu/product/matmul_policy.ts";
export { openWebGpu } from "./kernels/webgpu/open.ts";
export type { Subgroups } from "./kernels/webgpu/row/subgroups.ts";
export type { MatmulVariant } from "./kernels/webgpu/product/variant.ts";
export { type AttentionOptions, attentionWeights } from "./nn/layers/attention_weights.ts";
export { countTargets, type EncodedExample, toBatch } from "./nn/objective/batch.ts";
export type { ModelOutput } from "./nn/models/bert.ts";
export { type KeyValues, PastKeyValues } from "./nn/layers/past_key_values.ts";
export {
  type Activation,
  type Architecture,
  architectures,
  type ModelConfig,
  parseConfig,
} from "./nn/models/config.ts";
export { Decoder, LanguageModel } from "./nn/models/decoder.ts";
export { DecoderBody } from "./nn/models/decoder_body.ts";
export { dropHidden } from "./nn/dropout/mask.ts";
export {
  type Compensation,
  type DropoutPlan,
  dropoutPlan,
  type Method,
  methods,
  type PlanOptions,
  type Position,
  positions,
  type Site,
  type Structure,
  structures,
} from "./nn/dropout/plan.ts";
export { generate, type GenerateOptions } from "./nn/generation/generate.ts";
export { Embedding, Linear, Projection } from "./nn/layers/linear.ts";
export {
  applyLora,
  loraLayers,
  LoraLinear,
  type LoraOptions,
  mergeLora,
  type Part,
  unmergeLora,
} from "./nn/lora/lora.ts";
export { bidirectionalKl, crossEntropy, klDivergence, squaredError } from "./core/ops/losses.ts";
export {
  type Classifier,
  classifier,
  initialize,
  languageModel,
  loadModel,
  type LoadOptions,
  type LoadReport,
  type WeightSource,
} from "./nn/models/load.ts";
export { type Initializer, Module, modules, Parameter, parameters } from "./nn/layers/module.ts";
export { LayerNorm, RmsNorm } from "./nn/layers/norm.ts";
export {
  type Batch,
  type Objective,
  objective,
  type ObjectiveOptions,
} from "./nn/objective/objective.ts";
export {
  type ActiveSite,
  type DropoutContext,
  type ForwardContext,
  type Inputs,
  type Sequences,
  toInputs,
} from "./nn/layers/forward_context.ts";
export {
  type BeamConvention,
  beamConventions,
  type Generated,
} from "./nn/generation/beam_search.ts";
export { type AdamWOptions, Trainable, trainHead } from "./nn/optim/adamw.ts";
export { type AdapterFiles, encodeAdapter, fillAdapter } from "./nn/formats/adapter.ts";
export { type AdapterConfig, type BiasKind, parseAdapterConfig } from "./nn/formats/peft_config.ts";
export { applyAdapterConfig } from "./nn/formats/peft_apply.ts";
export type { TargetRules } from "./nn/formats/peft_targets.ts";
export { parseSafetensors } from "./nn/formats/weights.ts";
export {
  type StepMetrics,
  type StepOptions,
  type TrainState,
  trainStep,
} from "./nn/optim/train_step.ts";
