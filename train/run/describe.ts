/**
 * What a run says of its model before it trains.
 *
 * @module
 */

import { isQuantised } from "../../core/dtype.ts";
import { sizeOf } from "../../core/shape.ts";
import { storedBytes } from "../../core/storage.ts";
import type { Tensor } from "../../core/tensor.ts";
import { type DropoutPlan, outside, type Site } from "../../nn/dropout/plan.ts";
import type { AdapterConfig } from "../../nn/formats/peft_config.ts";
import { isUpdate } from "../../nn/formats/peft_tensors.ts";
import { type Module, parameters } from "../../nn/layers/module.ts";
import { isHead } from "../../nn/models/heads.ts";
import type { LoadReport } from "../../nn/models/fill_model.ts";
import { isDecayed, requireDecayExclusions } from "../../nn/optim/decay.ts";
import { rateRatio } from "../../nn/optim/groups.ts";
import { rateRatios, type TrainConfig } from "../config/config.ts";
import { kebab } from "../config/options.ts";

/** Says what became of a checkpoint's tensors: the number of each kind, and a few names. */
export function describeWeights(report: LoadReport, say: (line: string) => void): void {
  say(`weights: ${report.used.length} tensors used`);
  for (const kind of ["ignored", "unexpected", "initialised"] as const) {
    const names = report[kind];
    if (names.length > 0) say(`weights: ${names.length} ${kind}: ${shorten(names)}`);
  }
  const drawn = report.initialised.filter((path) => !isHead(path));
  if (drawn.length > 0) {
    say(
      `weights: the checkpoint has no ${
        drawn.join(" and no ")
      }: drawn from the seed, trained and ` +
        "saved with the head",
    );
  }
}

function shorten(names: readonly string[]): string {
  return names.length > 6 ? `${names.slice(0, 6).join(", ")}, …` : names.join(", ");
}

/** Numbers in a model's parameters. */
export interface ParameterCounts {
  /** Trained parameters, counted by element. */
  readonly trainable: number;
  /** Those among them of low-rank updates. */
  readonly lora: number;
  /** Those among them of the classification head, and of what is trained with it. */
  readonly head: number;
  /** All parameters, counted by element. */
  readonly parameters: number;
}

/**
 * Counts the parameters, and says which are trained, those of all layers in a line, and what is in fewer
 * bits. The share that is printed is that of the updates alone, as publications have it.
 *
 * @param drawn Parameters that no checkpoint holds, which are trained with the head
 */
export function describeParameters(
  model: Module,
  say: (line: string) => void,
  drawn: readonly string[] = [],
): ParameterCounts {
  const rows = [...parameters(model)];
  const active = rows.filter(([, { trainable }]) => trainable);
  const count = (list: typeof rows) => list.reduce((sum, [, { size }]) => sum + size, 0);
  const kinds = Map.groupBy(active, ([path]) => {
    if (isUpdate(path)) return "LoRA";
    return isHead(path) || drawn.includes(path) ? "head" : "other";
  });
  const [lora, head, other] = (["LoRA", "head", "other"] as const)
    .map((kind) => count(kinds.get(kind) ?? []));
  const total = count(rows);
  const share = (100 * lora! / total).toFixed(2);
  const parts = [
    `${grouped(lora!)} LoRA (${share} %)`,
    ...(head === 0 ? [] : [`${grouped(head!)} head`]),
    ...(other === 0 ? [] : [`${grouped(other!)} other`]),
  ];
  say(`trainable: ${parts.join(", ")}, of ${grouped(total)} parameters`);
  const groups = Map.groupBy(active, ([path]) => path.replace(/\.\d+\./, ".*."));
  for (const [group, members] of groups) {
    const { shape } = members.at(-1)![1];
    say(`  ${group} ${members.length} x [${shape}] = ${grouped(count(members))}`);
  }
  describeQuantised(model, say);
  return { trainable: count(active), lora: lora!, head: head!, parameters: total };
}

/** Says how many matrices are in fewer bits, and what they take. */
function describeQuantised(model: Module, say: (line: string) => void): void {
  const tensors = [...parameters(model)].filter(([, { filled }]) => filled)
    .map(([, { value }]) => value).filter(({ dtype }) => isQuantised(dtype));
  if (tensors.length === 0) return;
  const count = (of: (tensor: Tensor) => number) => tensors.reduce((sum, x) => sum + of(x), 0);
  const numbers = count(({ shape }) => sizeOf(shape));
  const bytes = count(({ dtype, shape }) => storedBytes(dtype, sizeOf(shape)));
  say(
    `frozen: ${tensors.length} matrices in ${tensors[0]!.dtype}, ${grouped(numbers)} numbers of ` +
      `${(bytes / numbers).toFixed(3)} bytes`,
  );
}

/** An integer with a comma after every three digits from the right. */
function grouped(count: number): string {
  return `${count}`.replace(/(?<=\d)(?=(\d{3})+$)/g, ",");
}

/** Says which settings of an adapter that was loaded stand, where the configuration has others. */
export function describeAdapter(
  { rank, alpha, rslora = false, targets }: AdapterConfig,
  config: TrainConfig,
  say: (line: string) => void,
): void {
  const own = { rank, alpha, rslora, targets: wordsOf(targets) };
  const asked = { ...config, targets: config.targets && wordsOf(config.targets) };
  for (const name of ["rank", "alpha", "rslora", "targets"] as const) {
    if (asked[name] === undefined || own[name] === asked[name]) continue;
    say(`adapter: ${name} stays ${own[name]}, as it was made, and is not ${asked[name]}`);
  }
}

function wordsOf(targets: AdapterConfig["targets"]): string {
  return typeof targets === "string" ? targets : [...targets].sort().join(",");
}

/** Says what weight decay shrinks, and what it leaves out. */
export function describeDecay(
  model: Module,
  { weightDecay, decayExclude = [] }: Pick<TrainConfig, "weightDecay" | "decayExclude">,
  say: (line: string) => void,
): void {
  if (weightDecay === 0) return;
  requireDecayExclusions(decayExclude);
  const trained = [...parameters(model)].filter(([, { trainable }]) => trainable);
  const kept = trained.filter(([path, { shape }]) => !isDecayed(path, shape, decayExclude));
  const shrunk = trained.length - kept.length;
  const others = kept.length === 0 ? "" : `, not on ${shorten(kept.map(([path]) => path))}`;
  say(`weight decay: ${weightDecay} on ${shrunk} of ${trained.length} trained tensors${others}`);
}

/** Says which parameters learn at another rate than the others. */
export function describeLearningRates(
  model: Module,
  config: Pick<TrainConfig, "lr" | "headLr" | "loraplusRatio">,
  say: (line: string) => void,
): void {
  const given = rateRatios(config);
  const trained = [...parameters(model)].filter(([, { trainable }]) => trainable);
  const byRatio = Map.groupBy(trained, ([path, { shape }]) => rateRatio(path, shape, given));
  byRatio.delete(1);
  if (byRatio.size === 0) return;
  const others = [...byRatio].map(([ratio, { length }]) => `${config.lr * ratio} of ${length}`);
  say(`learning rate: ${config.lr}, ${others.join(", ")} of ${trained.length} trained tensors`);
}

/** Says which layers are computed twice to save memory, where any are. */
export function describeMemory(
  { gradientCheckpointing }: Pick<TrainConfig, "gradientCheckpointing">,
  layers: number,
  say: (line: string) => void,
): void {
  if (!gradientCheckpointing) return;
  say(
    `memory: ${
      layers - 1
    } of ${layers} layers keep their input alone and are computed again in the ` +
      "backward pass; the numbers stay the same",
  );
}

/** Says what training batches are filled up to, where they are. */
export function describePadding(
  { padMultiple = 1 }: Pick<TrainConfig, "padMultiple">,
  say: (line: string) => void,
): void {
  if (padMultiple === 1) return;
  say(`batches: filled up to a multiple of ${padMultiple} tokens, which no mask or loss counts`);
}

/** Says where an adapter was trained with a LoRA dropout that this run does not have. */
export function describeLoraDropout(
  { loraDropout }: AdapterConfig,
  plan: DropoutPlan,
  say: (line: string) => void,
): void {
  if (loraDropout === undefined || recordedDropout(plan) === loraDropout) return;
  say(
    `adapter: its lora_dropout of ${loraDropout} does not act in this run: ` +
      `--method lora-dropout --rate ${loraDropout} is the same`,
  );
}

/**
 * Says what a run drops and compensates where adapter_config.json cannot: PEFT would train on without
 * it.
 */
export function describeDropout(plan: DropoutPlan, say: (line: string) => void): void {
  const { sites, compensation: { kind, weight, branches }, neftuneAlpha = 0, instances = 1 } = plan;
  const beside = [
    ...(kind === "none" ? [] : [`${kind.toUpperCase()} of weight ${weight}`]),
    ...(kind === "kl" && branches === 2 ? ["a gradient through both passes"] : []),
    ...(neftuneAlpha === 0 ? [] : [`noise of alpha ${neftuneAlpha} on the embeddings`]),
    ...(instances === 1 ? [] : [`${instances} draws a step`]),
  ];
  if (sites.every(isRecorded) && beside.length === 0) return;
  const [around, within] = [true, false].map((is) =>
    sites.filter(({ position }) => outside.includes(position) === is)
  ) as [Site[], Site[]];
  // Those that share their layers name them once.
  const byLayers = Map.groupBy(within, ({ layers }) => layersText(layers));
  const texts = [
    ...around.map(siteText),
    ...[...byLayers].map(([layers, list]) => `${list.map(siteText).join(" and ")} in ${layers}`),
  ];
  const dropped = texts.length === 0 ? "nothing" : texts.join("; ");
  const all = [dropped, ...beside].join(", ");
  say(`dropout: ${all}; adapter_config.json cannot say it, hiddenkey_config.json does`);
}

function layersText(layers: Site["layers"]): string {
  if (typeof layers !== "string") return `layers ${layers.join(", ")}`;
  return layers === "all" ? "all layers" : "the latter half of the layers";
}

/** What settings are where they are not given. */
const usual = {
  start: "uniform",
  nograd: true,
  perHead: true,
  perExample: true,
  point: "output",
  hide: true,
} as const satisfies Partial<Site>;

/** Structure, position and rate of a site, and its unusual settings as flags have them. */
function siteText({ structure, position, rate, layers: _, ...settings }: Site): string {
  const words = Object.entries(settings)
    .filter(([name, value]) => (usual as Record<string, unknown>)[name] !== value)
    .map(([name, value]) =>
      typeof value === "boolean" ? `${value ? "" : "no-"}${kebab(name)}` : `${kebab(name)}=${value}`
    );
  return [structure, position, rate, ...words].join(" ");
}

/** Whether PEFT's lora_dropout is the same as a site: single elements, all layers, rescaled. */
function isRecorded({ position, structure, layers, rescale, perExample }: Site): boolean {
  return position === "lora" && structure === "element" && layers === "all" &&
    rescale !== false && perExample !== false;
}

/** The rate that adapter_config.json can say: of single elements, before the updates of all layers. */
export function recordedDropout({ sites }: DropoutPlan): number {
  return sites.find(isRecorded)?.rate ?? 0;
}
