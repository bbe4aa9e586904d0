/**
 * Which layers of a model are adapted, and with which rank and factor.
 *
 * @module
 */

import { OptionError } from "../../core/errors.ts";
import { shown } from "../../core/excerpt.ts";
import { Linear } from "../layers/linear.ts";
import { modules, replaceModule } from "../layers/module.ts";
import type { Model } from "../models/model.ts";
import { FusedQkvLora, type Third, thirdOf } from "./fused_qkv.ts";
import { LoraLinear, requireRank } from "./lora.ts";

/** What to adapt, and how strongly. */
export interface LoraOptions {
  /**
   * Module paths or their endings, such as `query`; `c_attn.q`, `c_attn.k` and `c_attn.v` adapt
   * that third of GPT-2's fused layer.
   */
  readonly targets: readonly string[];
  /** Inner size of the updates. */
  readonly rank: number;
  /** The update is multiplied by alpha/rank, or by alpha/√rank with rsLoRA. */
  readonly alpha: number;
  /** Rank-stabilised scaling; default false. */
  readonly rslora?: boolean;
  /** Inner sizes of some layers, by path or its ending; the first that fits counts. */
  readonly ranks?: Readonly<Record<string, number>>;
  /** Their alphas, in the same way. */
  readonly alphas?: Readonly<Record<string, number>>;
  /** Modules that stay as they are, with all below them, such as a head that is trained whole. */
  readonly exclude?: readonly string[];
}

/** A layer that targets name, and the thirds of it that they name. */
interface Target {
  readonly linear: Linear;
  readonly thirds: Third[];
}

/**
 * Adapts every linear layer that a target names, and returns their paths.
 *
 * @throws {OptionError} If a rank is no positive integer, an alpha is not positive, or a target
 * names nothing
 */
export function applyLora(model: Model, options: LoraOptions): string[] {
  const found = findTargets(model, options);
  const { layers } = model.config;
  const adapted = [...found].map(([path, { linear, thirds }]) => {
    const place = { path, layer: layerOf(path), layers };
    const settings = { place, ...strengthOf(path, options) };
    return thirds.length === 0
      ? new LoraLinear(linear, settings)
      : new FusedQkvLora(linear, settings, thirds);
  });
  for (const layer of adapted) replaceModule(model, layer.path, layer);
  return [...found.keys()];
}

/** The linear layers that targets name, by path. */
function findTargets(
  model: Model,
  { targets, exclude = [] }: LoraOptions,
): ReadonlyMap<string, Target> {
  const linears = [...modules(model)].filter((entry): entry is [string, Linear] =>
    entry[1] instanceof Linear && !exclude.some((name) => `.${entry[0]}.`.includes(`.${name}.`))
  );
  const found = new Map<string, Target>();
  for (const target of targets) {
    const { name, third } = thirdOf(target);
    const named = linears.filter(([path]) => isNamed(path, name));
    if (named.length === 0) {
      const endings = [...new Set(linears.map(([path]) => path.split(".").at(-1)!))];
      throw new OptionError(
        `Cannot find target module ${target}: linear layers here end in ${endings.join(", ")}`,
      );
    }
    for (const [path, linear] of named) {
      const entry = found.get(path) ?? { linear, thirds: [] };
      if (found.has(path) && (third === undefined) !== (entry.thirds.length === 0)) {
        throw new OptionError(`Cannot adapt ${path} both as a whole and by thirds`);
      }
      if (third !== undefined && !entry.thirds.includes(third)) entry.thirds.push(third);
      found.set(path, entry);
    }
  }
  return found;
}

/** Rank and factor of the layer at a path. */
function strengthOf(path: string, options: LoraOptions): { rank: number; scaling: number } {
  const { rslora = false, ranks = {}, alphas = {} } = options;
  const own = (some: Readonly<Record<string, number>>) =>
    Object.entries(some).find(([name]) => isNamed(path, name))?.[1];
  const [rank, alpha] = [own(ranks) ?? options.rank, own(alphas) ?? options.alpha];
  requireRank(rank);
  if (!(Number.isFinite(alpha) && alpha > 0)) {
    throw new OptionError(`Cannot adapt with alpha ${shown(alpha)}: a positive number is required`);
  }
  return { rank, scaling: alpha / (rslora ? Math.sqrt(rank) : rank) };
}

/** Whether a module's path is a name, or ends in one after a dot. */
export function isNamed(path: string, name: string): boolean {
  return path === name || path.endsWith(`.${name}`);
}

/** Number of the layer that a path lies in, where it lies in one. */
export function layerOf(path: string): number | undefined {
  const found = /\.(\d+)\./.exec(path);
  return found === null ? undefined : Number(found[1]);
}
