/**
 * PEFT's adapter configuration: what is read from it, and what is refused.
 *
 * @module
 */

import { FileError } from "../../core/errors.ts";
import { excerpt } from "../../core/excerpt.ts";
import { isRecord } from "./json_record.ts";
import { patternValues, pythonPattern, type TargetRules } from "./peft_targets.ts";
import { heads } from "../models/heads.ts";

/** Which biases are trained and saved with an adapter: none, all, or those of adapted layers. */
export type BiasKind = "none" | "all" | "lora_only";
const biasKinds: readonly BiasKind[] = ["none", "all", "lora_only"];

/** What an adapter configuration says. */
export interface AdapterConfig extends TargetRules {
  /** Inner size of the updates. */
  readonly rank: number;
  /** The update is multiplied by alpha/rank, or by alpha/√rank with rsLoRA. */
  readonly alpha: number;
  /** Rank-stabilised scaling; default false. */
  readonly rslora?: boolean;
  /** Inner sizes of some modules, by regular expressions of the end of their paths. */
  readonly rankPattern?: Readonly<Record<string, number>>;
  /** Their alphas, in the same way. */
  readonly alphaPattern?: Readonly<Record<string, number>>;
  /** Biases that belong to the adapter; default none. */
  readonly bias?: BiasKind;
  /** Rate of the dropout before the updates that it was trained with; absent where there was none. */
  readonly loraDropout?: number;
  /** Keys that this version of PEFT does not have either; it passes over them with a warning. */
  readonly unknown?: readonly string[];
  /** Where the base model came from. */
  readonly baseModel?: string | undefined;
  /** Its revision, where it came from a hub. */
  readonly revision?: string | undefined;
}

/** Settings that must be at rest, as they would change the model and are not implemented. */
const refused = [
  "use_dora",
  "use_qalora",
  "use_bdlora",
  "lora_bias",
  "layer_replication",
  "target_parameters",
  "trainable_token_indices",
  "alora_invocation_tokens",
  "megatron_config",
  "loftq_config",
  "arrow_config",
  "kasa_config",
  "monteclora_config",
  "velora_config",
  "ensure_weight_tying",
];

/** Settings that have no effect here: of training, of other settings that are refused, or of notes. */
const idle = [
  "auto_mapping",
  "corda_config",
  "eva_config",
  "fan_in_fan_out",
  "inference_mode",
  "lora_dropout",
  "lora_ga_config",
  "megatron_core",
  "peft_version",
  "qalora_group_size",
  "runtime_config",
];

const read = [
  "alpha_pattern",
  "base_model_name_or_path",
  "bias",
  "exclude_modules",
  "init_lora_weights",
  "layers_pattern",
  "layers_to_transform",
  "lora_alpha",
  "modules_to_save",
  "peft_type",
  "r",
  "rank_pattern",
  "revision",
  "target_modules",
  "task_type",
  "use_rslora",
];
const known: ReadonlySet<string> = new Set([...refused, ...idle, ...read]);

/** Initialisations that leave the base weights alone; the others subtract from them. */
const harmless: readonly unknown[] = [true, false, "gaussian", "eva", "orthogonal", "mica"];

/** Kinds of task whose models exist here, or that say nothing. */
const taskTypes: readonly unknown[] = ["SEQ_CLS", "CAUSAL_LM", "FEATURE_EXTRACTION"];

/** More than any model has layers; each is a regular expression. */
const mostPatterns = 5000;

/** Reads typed fields of one configuration and says which key is wrong. */
class Fields {
  constructor(readonly fields: Readonly<Record<string, unknown>>, readonly path: string) {}

  /** A value; null counts as absent. */
  get(key: string): unknown {
    return Object.hasOwn(this.fields, key) ? this.fields[key] ?? undefined : undefined;
  }

  fail(key: string, required: string): never {
    throw new FileError(
      `Cannot use ${key} of this adapter as ${required}: found ${excerpt(this.get(key))}`,
      this.path,
    );
  }

  flag(key: string): boolean {
    const value = this.get(key) ?? false;
    return typeof value === "boolean" ? value : this.fail(key, "true or false is required");
  }

  text(key: string): string | undefined {
    const value = this.get(key);
    if (value === undefined || typeof value === "string") return value;
    return this.fail(key, "a text is required");
  }

  names(key: string): string[] {
    const value = this.get(key) ?? [];
    return isStrings(value) ? value : this.fail(key, "a list of names is required");
  }

  /** Names, or a text that stands for itself. */
  rule(key: string): string[] | string {
    const value = this.get(key);
    return typeof value === "string" ? value : this.names(key);
  }

  number(key: string, usual: number, fits: (value: number) => boolean, required: string): number {
    const value = this.get(key) ?? usual;
    return typeof value === "number" && fits(value) ? value : this.fail(key, required);
  }

  /** Numbers by regular expression. */
  pattern(
    key: string,
    fits: (value: number) => boolean,
    required: string,
  ): Record<string, number> {
    const value = this.get(key) ?? {};
    const isNumber = (item: unknown): item is number => typeof item === "number" && fits(item);
    if (!isRecord(value) || !Object.values(value).every(isNumber)) {
      return this.fail(key, `an object is required in which each value is ${required}`);
    }
    const count = Object.keys(value).length;
    if (count > mostPatterns) {
      const required = `at most ${mostPatterns} patterns are required: found ${count}`;
      throw new FileError(`Cannot use ${key} of this adapter as ${required}`, this.path);
    }
    patternValues(value as Record<string, number>, this.path);
    return value as Record<string, number>;
  }
}

function isStrings(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((item) => typeof item === "string");
}

const isRank = (value: number) => Number.isSafeInteger(value) && value > 0;
const isAlpha = (value: number) => Number.isFinite(value) && value > 0;
const rankRequired = "a positive integer";
const alphaRequired = "a positive number";

/**
 * Reads adapter_config.json.
 *
 * @param path Name of the file, for messages
 * @throws {FileError} If a key is missing, malformed or asks for what is not implemented
 */
export function parseAdapterConfig(
  json: unknown,
  path = "adapter_config.json",
): AdapterConfig {
  if (!isRecord(json)) {
    throw new FileError("Cannot read the adapter configuration as an object is required", path);
  }
  const f = new Fields(json, path);
  if (f.get("peft_type") !== "LORA") f.fail("peft_type", "LORA is required");
  for (const key of refused) {
    const value = f.get(key);
    const rests = value === undefined || value === false ||
      typeof value === "object" && Object.keys(value!).length === 0;
    if (!rests) f.fail(key, "it is not supported and must be unset");
  }
  if (!harmless.includes(f.get("init_lora_weights") ?? true)) {
    f.fail("init_lora_weights", "it changes the base weights, which is not supported");
  }
  const taskType = f.text("task_type");
  if (taskType !== undefined && !taskTypes.includes(taskType)) {
    f.fail("task_type", `one of ${taskTypes.join(", ")} is required`);
  }
  const targets = f.rule("target_modules");
  if (targets.length === 0) {
    f.fail("target_modules", "names of modules or a regular expression are required");
  }
  const exclude = f.rule("exclude_modules");
  for (const rule of [targets, exclude]) if (typeof rule === "string") pythonPattern(rule, path);
  const bias = biasKinds.find((kind) => kind === (f.get("bias") ?? "none")) ??
    f.fail("bias", `one of ${biasKinds.join(", ")} is required`);
  const declared = f.names("modules_to_save");
  const isRate = (value: number) => value >= 0 && value <= 1;
  const dropout = f.number("lora_dropout", 0, isRate, "a rate from 0 to 1 is required");
  const modulesToSave = taskType === "SEQ_CLS" ? [...new Set([...declared, ...heads])] : declared;
  for (const name of modulesToSave) pythonPattern(name, path);
  const unknown = Object.keys(json).filter((key) => !known.has(key));
  return {
    targets,
    exclude,
    ...layersOf(f, typeof targets === "string"),
    rank: f.number("r", 8, isRank, `${rankRequired} is required`),
    alpha: f.number("lora_alpha", 8, isAlpha, `${alphaRequired} is required`),
    rslora: f.flag("use_rslora"),
    rankPattern: f.pattern("rank_pattern", isRank, rankRequired),
    alphaPattern: f.pattern("alpha_pattern", isAlpha, alphaRequired),
    bias,
    ...(dropout > 0 && { loraDropout: dropout }),
    taskType,
    modulesToSave,
    baseModel: f.text("base_model_name_or_path"),
    revision: f.text("revision"),
    ...(unknown.length > 0 && { unknown }),
  };
}

/** Reads layers_to_transform and layers_pattern. */
function layersOf(f: Fields, expression: boolean): Pick<TargetRules, "layers" | "layersPattern"> {
  const one = f.get("layers_to_transform");
  const layers = typeof one === "number" ? [one] : one ?? [];
  const pattern = f.rule("layers_pattern");
  const layersPattern = typeof pattern === "string" ? [pattern] : pattern;
  if (!Array.isArray(layers) || !layers.every((layer) => Number.isSafeInteger(layer))) {
    return f.fail("layers_to_transform", "a number or a list of numbers is required");
  }
  if (layers.length === 0) return {};
  if (expression) f.fail("layers_to_transform", "target_modules must then be a list");
  for (const source of layersPattern) pythonPattern(source, f.path);
  return { layers, layersPattern };
}
