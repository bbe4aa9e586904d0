import type { Device } from "../../core/device.ts";
import { foldKey, type Key, seedKey, uniform } from "../../core/random.ts";
import { tensor } from "../../core/tensor.ts";
import type { Method, PlanOptions } from "../../nn/dropout/methods.ts";
import type { EncodedExample } from "../../nn/layers/batch.ts";
import { parameters } from "../../nn/layers/module.ts";
import { applyLora, type LoraOptions } from "../../nn/lora/apply.ts";
import { parseConfig } from "../../nn/models/config.ts";
import type { Model } from "../../nn/models/model.ts";
import { classifier, languageModel } from "../../nn/models/registry.ts";

/** A model of the golden cells, and the batch that it is run on. */
export interface GoldenModel {
  /** Fields of config.json. */
  readonly config: Record<string, unknown>;
  readonly lora: LoraOptions;
  readonly regression?: boolean;
  /** Whether it predicts tokens. */
  readonly language?: boolean;
  /** With the number of each in the global batch. */
  readonly examples: readonly (EncodedExample & { readonly number: number })[];
  /** Paths of LoRA's parameters, in the order of the gradients. */
  readonly trained: readonly string[];
}

/** What is kept at one place: of real tokens alone, example by example. */
export type GoldenMask = readonly [
  pass: 0 | 1,
  position: string,
  path: string,
  layer: number | null,
  /** Features, or heads of attention. */
  width: number,
  /** Four bits a digit, the first one highest. */
  bits: string,
];

/** A step of a method on a model, and what comes out by `tests/golden/dropout`. */
export interface GoldenCell {
  readonly model: string;
  readonly method: Method;
  readonly options: PlanOptions;
  readonly seed: number;
  readonly step: number;
  readonly smoothing?: number;
  readonly loss: number;
  readonly task: number;
  readonly compensation?: number;
  readonly masks: readonly GoldenMask[];
  readonly gradients: readonly (readonly number[])[];
}

/** Reads the models and the cells. */
export async function readCells(): Promise<{
  readonly models: Readonly<Record<string, GoldenModel>>;
  readonly cells: readonly GoldenCell[];
}> {
  const file = new URL("../golden/dropout/cells.jsonl", import.meta.url);
  const [models, ...cells] = (await Deno.readTextFile(file)).trim().split("\n")
    .map((line) => JSON.parse(line));
  return { models, cells };
}

/** The model with LoRA: uniform numbers by the path of each parameter, norms near the identity. */
export function buildGolden(
  device: Device,
  { config, lora, language = false }: GoldenModel,
): Model {
  const parsed = parseConfig(config);
  const model = language ? languageModel(parsed) : classifier(parsed);
  applyLora(model, lora);
  for (const [path, parameter] of parameters(model)) {
    const norm = parameter.shape.length === 1 && path.endsWith("weight");
    const data = uniform(foldKey(seedKey(1), path), parameter.size)
      .map((u) => norm ? 1 + 0.4 * (u - 0.5) : 1.4 * (u - 0.5));
    parameter.value = tensor(device, data, parameter.shape);
  }
  model.prepare(device);
  return model;
}

/** Key of the masks of a cell's step, as training folds it. */
export function keyOf({ seed, step }: GoldenCell): Key {
  return foldKey(foldKey(seedKey(seed), "dropout"), step);
}

/** Bits as a cell writes them. */
export function hexOf(bits: readonly boolean[]): string {
  return Array.from({ length: Math.ceil(bits.length / 4) }, (_, digit) => {
    const four = [0, 1, 2, 3].map((bit) => bits[4 * digit + bit] ? "1" : "0");
    return parseInt(four.join(""), 2).toString(16);
  }).join("");
}
