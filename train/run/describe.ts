/**
 * What a run says of its model before it trains.
 *
 * @module
 */

import type { DropoutPlan, Site } from "../../nn/dropout/plan.ts";
import type { AdapterConfig } from "../../nn/formats/peft_config.ts";
import { type Module, parameters } from "../../nn/layers/module.ts";
import { isHead } from "../../nn/models/heads.ts";
import type { LoadReport } from "../../nn/models/load.ts";
import { isDecayed, requireDecayExclusions } from "../../nn/optim/decay.ts";
import type { TrainConfig } from "../config/config.ts";
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
      `weights: the checkpoint has no ${drawn.join(" and no ")}, which pretraining gives: ` +
        "drawn from the seed, trained and saved with the head",
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
  /** All parameters, counted by element. */
  readonly parameters: number;
}

/** Counts the parameters, and says which are trained; those of all layers share a line. */
export function describeParameters(model: Module, say: (line: string) => void): ParameterCounts {
  const rows = [...parameters(model)];
  const total = rows.reduce((sum, [, { size }]) => sum + size, 0);
  const active = rows.filter(([, { trainable }]) => trainable);
  const groups = new Map<string, { count: number; size: number; shape: readonly number[] }>();
  for (const [path, { size, shape }] of active) {
    const group = path.replace(/\.\d+\./, ".*.");
    const { count, size: before } = groups.get(group) ?? { count: 0, size: 0 };
    groups.set(group, { count: count + 1, size: before + size, shape });
  }
  const trainable = active.reduce((sum, [, { size }]) => sum + size, 0);
  const share = (100 * trainable / total).toFixed(3);
  say(`trainable: ${trainable} of ${total} parameters (${share} %)`);
  for (const [group, { count, size, shape }] of groups) {
    say(`  ${group} ${count} x [${shape}] = ${size}`);
  }
  return { trainable, parameters: total };
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
  const { sites, compensation: { kind, weight } } = plan;
  if (sites.every(isRecorded) && kind === "none") return;
  const choices = new Set(sites.map(({ layers }) => layersText(layers)));
  const common = choices.size === 1 ? ` in ${[...choices][0]}` : "";
  const texts = sites.map((site) =>
    common === "" ? `${siteText(site)} in ${layersText(site.layers)}` : siteText(site)
  );
  const dropped = texts.length === 0 ? "nothing" : `${texts.join(" and ")}${common}`;
  const loss = kind === "none" ? "" : `, ${kind.toUpperCase()} of weight ${weight}`;
  say(`dropout: ${dropped}${loss}; adapter_config.json cannot say it, hiddenkey_config.json does`);
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
