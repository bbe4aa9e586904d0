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

import type { CudaBackend } from "./kernels/cuda/backend.ts";
import { openCard } from "./kernels/cuda/open.ts";
import type { CudaOptions } from "./kernels/cuda/start.ts";
import type { AttentionChoice } from "./kernels/webgpu/attention/attention_policy.ts";
import type { WebGpuBackend } from "./kernels/webgpu/backend.ts";
import type { WebGpuOptions } from "./kernels/webgpu/open.ts";
import { fuseAttention } from "./nn/layers/attention.ts";
import { captureSteps } from "./nn/optim/train_step.ts";

/**
 * Opens an NVIDIA card, and loads what models run on it alone.
 *
 * @returns The backend, or `undefined` where the host opens no libraries, or has no driver or card
 * @throws {OptionError} If there is no such card or precision, or no cuBLASLt at the path
 * @throws {DeviceError} If the driver fails, or the card is too old
 */
export async function openCuda(options: CudaOptions = {}): Promise<CudaBackend | undefined> {
  const backend = await openCard(options);
  if (backend !== undefined) await loadForCards();
  return backend;
}

/**
 * Opens WebGPU, and loads what models run on GPUs alone.
 *
 * @returns The backend, or `undefined` where no adapter is found
 */
export async function openWebGpu(
  options: WebGpuOptions = {},
): Promise<WebGpuBackend | undefined> {
  const { openAdapter } = await import("./kernels/webgpu/open.ts");
  const backend = await openAdapter(options);
  if (backend !== undefined) await loadForCards();
  return backend;
}

/** Loads what models have on GPUs alone: attention in one program, and work that is queued again. */
async function loadForCards() {
  const forCards = await import("./nn/for_cards.ts");
  fuseAttention(forCards.attentionInOne);
  captureSteps(forCards.capturedGradients);
  forCards.captureGeneration();
}

// Tensors, devices and gradients.
export { checkpoint } from "./core/checkpoint.ts";
export { Device, type Owned, Scope } from "./core/device.ts";
export type { Dtype, Half, Kind, Quantised, StoredType, TypedArray } from "./core/dtype.ts";
export { type Gradient, gradient } from "./core/gradient.ts";
export type { Nested } from "./core/nested.ts";
export { noGrad, untracked } from "./core/tape.ts";
export { Tensor, tensor } from "./core/tensor.ts";
export { type CpuOptions, openCpu } from "./kernels/cpu/backend.ts";
export type { AttentionChoice, CudaOptions, WebGpuOptions };
export {
  DeviceError,
  DisposedError,
  DownloadError,
  FileError,
  GradientError,
  IndexError,
  NumericError,
  OptionError,
  ShapeError,
  TrainingError,
} from "./core/errors.ts";

// Tensors from nothing, and keys of random numbers.
export {
  arange,
  full,
  ones,
  randomBernoulli,
  randomNormal,
  randomUniform,
  zeros,
} from "./core/ops/create.ts";
export { foldKey, type Key, seedKey, threefry } from "./core/random.ts";

// Elementwise operations; a number may stand for a tensor.
export {
  abs,
  add,
  clip,
  div,
  erf,
  exp,
  gelu,
  geluTanh,
  log,
  maximum,
  minimum,
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
export { pow } from "./core/ops/power.ts";
export {
  equal,
  greater,
  greaterEqual,
  less,
  lessEqual,
  notEqual,
  where,
} from "./core/ops/compare.ts";
export type { Operand } from "./core/ops/operands.ts";

// Reductions, products, norms and losses.
export { argmax, max, mean, min, type ReduceOptions, sum } from "./core/ops/reduce.ts";
export { matmul, matmulAdd, matmulScaled } from "./core/ops/matmul.ts";
export { logSoftmax, softmax } from "./core/ops/softmax.ts";
export { layerNorm, rmsNorm } from "./core/ops/norm.ts";
export { bidirectionalKl, crossEntropy, klDivergence, squaredError } from "./core/ops/losses.ts";
export { ignoreIndex } from "./core/indices.ts";

// Shapes, parts and rows by index.
export { expand } from "./core/ops/rowwise.ts";
export {
  contiguous,
  expandDims,
  flip,
  permute,
  reshape,
  squeeze,
  transpose,
} from "./core/ops/view.ts";
export { concatenate, slice, split, stack } from "./core/ops/slice.ts";
export { gather, scatterAdd } from "./core/ops/gather.ts";

// The dropout framework.
export { dropHidden } from "./nn/dropout/drop_hidden.ts";
export {
  dropoutPlan,
  type Method,
  methods,
  type PlanOptions,
  type SiteOptions,
} from "./nn/dropout/methods.ts";
export {
  type Compensation,
  type DropoutPlan,
  type Position,
  positions,
  type Site,
  type Structure,
  structures,
} from "./nn/dropout/plan.ts";
export type { ActiveSite, DropoutContext, LayerPlace } from "./nn/dropout/site.ts";

// Adapters of PEFT and weights, as bytes.
export { encodeAdapter, fillAdapter } from "./nn/formats/adapter.ts";
export type { AdapterFiles } from "./nn/formats/adapter_files.ts";
export { applyAdapterConfig } from "./nn/formats/peft_apply.ts";
export { type AdapterConfig, type BiasKind, parseAdapterConfig } from "./nn/formats/peft_config.ts";
export type { TargetRules } from "./nn/formats/peft_targets.ts";
export { openSafetensors, type WeightsOptions } from "./nn/formats/open_safetensors.ts";
export { parseSafetensors } from "./nn/formats/weights.ts";

// Generation.
export { type BeamConvention, beamConventions } from "./nn/generation/beam_conventions.ts";
export type { Generated } from "./nn/generation/beam_search.ts";
export { generate } from "./nn/generation/generate.ts";
export type { GenerateOptions } from "./nn/generation/generate_options.ts";
export type { TokenSampling } from "./nn/generation/sample.ts";

// Layers and batches.
export { type AttentionOptions, attentionWeights } from "./nn/layers/attention_weights.ts";
export {
  type Batch,
  type BatchOptions,
  countTargets,
  type EncodedExample,
  toBatch,
} from "./nn/layers/batch.ts";
export type { PredictedTokens, TokenSpan } from "./nn/layers/target_spans.ts";
export type { Activation } from "./nn/layers/feed_forward.ts";
export type { ForwardContext } from "./nn/layers/forward_context.ts";
export { Embedding, Linear, Projection } from "./nn/layers/linear.ts";
export { type Initializer, Module, modules, Parameter, parameters } from "./nn/layers/module.ts";
export { LayerNorm, RmsNorm } from "./nn/layers/norm.ts";
export { type KeyValues, PastKeyValues } from "./nn/layers/past_key_values.ts";
export type { PrefixStates, SharedPrefix } from "./nn/layers/shared_prefix.ts";

// LoRA.
export { applyLora, type LoraOptions } from "./nn/lora/apply.ts";
export { loraLayers, LoraLinear, type LoraLinearOptions, type Part } from "./nn/lora/lora.ts";
export { mergeLora, unmergeLora } from "./nn/lora/merge.ts";

// Models.
export type { Architecture, ConfigKeys } from "./nn/models/architecture.ts";
export { parseConfig, withGenerationConfig } from "./nn/models/config.ts";
export type { ConfigFields } from "./nn/models/config_fields.ts";
export { Decoder, DecoderBody, LanguageModel } from "./nn/models/decoder.ts";
export type { LoadOptions, LoadReport } from "./nn/models/fill_model.ts";
export { initialize } from "./nn/models/initialize.ts";
export { loadModel } from "./nn/models/load.ts";
export type { Model, ModelConfig, ModelOutput } from "./nn/models/model.ts";
export { architectures, classifier, languageModel } from "./nn/models/registry.ts";
export type { HalfParts, WeightSource } from "./nn/models/weight_source.ts";

// Training.
export { objective, type ObjectiveOptions, type StepMetrics } from "./nn/objective/objective.ts";
export { AdamW, type AdamWOptions } from "./nn/optim/adamw.ts";
export { type DecayExclusion, decayExclusions } from "./nn/optim/decay.ts";
export {
  checkpointTensors,
  type Optimiser,
  type OptimiserOptions,
  restoreOptimiser,
} from "./nn/optim/optimiser.ts";
export { SGD, type SGDOptions } from "./nn/optim/sgd.ts";
export { type StepOptions, type TrainState, trainStep } from "./nn/optim/train_step.ts";
export { Trainable } from "./nn/optim/trainable.ts";
export { trainHead } from "./nn/models/heads.ts";

// Tokenizers.
export {
  type TokenizerFile,
  type TokenizerFiles,
  tokenizerFiles,
} from "./nn/tokenizer/file_names.ts";
export { openTokenizer } from "./nn/tokenizer/open.ts";
export type {
  DecodeOptions,
  EncodeOptions,
  Tokenizer,
  TokenizerOutput,
} from "./nn/tokenizer/tokenizer.ts";
export type { TruncationStrategy } from "./nn/tokenizer/truncation.ts";
