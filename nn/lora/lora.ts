/**
 * Low-rank adaptation of any linear layer: `y = W x + s B A x`, with the base layer frozen, shared
 * and a field of the adapted one.
 *
 * **Source**: Hu et al. 2021, "LoRA". Initialisation and scaling are PEFT's.
 *
 * @module
 */

import { OptionError } from "../../core/errors.ts";
import { add, scale } from "../../core/ops/elementwise.ts";
import { matmul, matmulAdd, matmulScaled } from "../../core/ops/matmul.ts";
import { concatenate, slice, split } from "../../core/ops/slice.ts";
import { transpose } from "../../core/ops/view.ts";
import { untracked } from "../../core/tape.ts";
import type { Tensor } from "../../core/tensor.ts";
import { dropWhere } from "../dropout/mask.ts";
import { Linear, Projection } from "../layers/linear.ts";
import { type Module, modules, Parameter, replaceModule } from "../layers/module.ts";
import { type ForwardContext, siteAt } from "../layers/forward_context.ts";

/** What to adapt, and how strongly. */
export interface LoraOptions {
  /**
   * Module paths or their endings, such as `query`; `c_attn.q`, `c_attn.k` and `c_attn.v` adapt
   * that third of GPT-2's fused layer.
   */
  readonly targets: readonly string[];
  /** Inner size. */
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

/** The low-rank update of some outputs of a layer. */
export interface Part {
  /** Name of the part, or "" for the whole layer. */
  readonly name: string;
  /** First output. */
  readonly start: number;
  /** Outputs. */
  readonly size: number;
  /** `[rank, inputs]`. */
  readonly down: Parameter;
  /** `[size, rank]`. */
  readonly up: Parameter;
}

/** A linear layer with low-rank updates. */
export class LoraLinear extends Projection {
  /** Low-rank updates, in the order of their outputs. */
  readonly parts: readonly Part[];
  #original: Tensor | undefined;

  /**
   * Wraps a layer; the updates have no numbers yet.
   *
   * @param base The frozen layer
   * @param path Its path in the model
   * @param layers Layers of the model, for dropout sites
   * @param rank Inner size
   * @param scaling Factor of the update
   * @param thirds Which of q, k and v; the whole layer where empty
   */
  constructor(
    readonly base: Linear,
    readonly path: string,
    readonly layers: number,
    readonly rank: number,
    readonly scaling: number,
    thirds: readonly string[] = [],
  ) {
    super();
    const part = (name: string, start: number, size: number): Part => ({
      name,
      start,
      size,
      down: new Parameter([rank, base.inputs], { kind: "uniform", bound: base.inputs ** -0.5 }),
      up: new Parameter([size, rank], { kind: "zeros" }),
    });
    const third = base.outputs / 3;
    this.parts = thirds.length === 0
      ? [part("", 0, base.outputs)]
      : [...thirds].sort((a, b) => "qkv".indexOf(a) - "qkv".indexOf(b))
        .map((name) => part(name, "qkv".indexOf(name) * third, third));
    for (const { down, up } of this.parts) down.trainable = up.trainable = true;
  }

  /** Size of the last axis of the input. */
  override get inputs(): number {
    return this.base.inputs;
  }

  /** Size of the last axis of the result. */
  override get outputs(): number {
    return this.base.outputs;
  }

  /** The base layer's parameters under their own names, then those of the updates. */
  override *members(): Iterable<[string, Module | Parameter]> {
    yield* this.base.members();
    for (const { name, down, up } of this.parts) {
      const prefix = name === "" ? "" : `${name}.`;
      yield [`${prefix}lora_A.weight`, down];
      yield [`${prefix}lora_B.weight`, up];
    }
  }

  /** Applies base and update. */
  override forward(x: Tensor, context: ForwardContext, beside?: Tensor): Tensor {
    const base = this.base.forward(x, context, beside);
    if (this.merged) return base;
    const layer = layerOf(this.path);
    const active = siteAt(context, "lora", this.path, layer, this.layers);
    if (active !== undefined && x.shape[0] !== context.inputs.batch) {
      throw new OptionError(
        `Cannot drop from the input of ${this.path} as one row an example is required: ` +
          `found ${x.shape[0]} rows for ${context.inputs.batch} examples`,
      );
    }
    return this.#update(dropWhere(x, active), base);
  }

  /** `base + factor · B A x`, part by part. */
  #update(x: Tensor, base: Tensor): Tensor {
    const sizes: number[] = [];
    const updates: (Part | undefined)[] = [];
    let done = 0;
    for (const part of this.parts) {
      if (part.start > done) sizes.push(part.start - done), updates.push(undefined);
      sizes.push(part.size), updates.push(part);
      done = part.start + part.size;
    }
    if (done < this.outputs) sizes.push(this.outputs - done), updates.push(undefined);
    const pieces = split(base, -1, sizes).map((piece, i) => {
      const part = updates[i];
      if (part === undefined) return piece;
      const inner = matmulScaled(x, transpose(part.down.value), this.scaling);
      return matmulAdd(inner, transpose(part.up.value), piece);
    });
    return pieces.length === 1 ? pieces[0]! : concatenate(pieces, -1);
  }

  /** Whether the base weight holds the update. */
  get merged(): boolean {
    return this.#original !== undefined;
  }

  /** `factor · B A` in the layout of the base weight. */
  delta(): Tensor {
    const columns = this.parts.map(({ down, up }) =>
      scale(matmul(transpose(down.value), transpose(up.value)), this.scaling)
    );
    const [whole] = columns;
    if (this.parts.length === 1 && this.parts[0]!.size === this.outputs) {
      return this.base.transposed ? whole! : transpose(whole!);
    }
    const matrix = this.base.matrix();
    const zero = scale(matrix, 0);
    const pieces: Tensor[] = [];
    let done = 0;
    this.parts.forEach(({ start, size }, i) => {
      if (start > done) pieces.push(slice(zero, 1, done, start));
      pieces.push(columns[i]!);
      done = start + size;
    });
    if (done < this.outputs) pieces.push(slice(zero, 1, done, this.outputs));
    const joined = concatenate(pieces, 1);
    return this.base.transposed ? joined : transpose(joined);
  }

  /**
   * Puts the update into a new base weight; the frozen one stays untouched and shared.
   *
   * @throws {OptionError} If it is there already
   */
  merge(): void {
    if (this.merged) throw new OptionError(`Cannot merge ${this.path} twice: unmerge it first`);
    const { weight } = this.base;
    const { device } = weight.value;
    const scope = device.scope("merge");
    try {
      const merged = untracked(() => add(weight.value, this.delta()));
      scope.keep(merged);
      this.#original = weight.value;
      weight.value = merged;
    } finally {
      scope[Symbol.dispose]();
    }
  }

  /** Puts the frozen weight back, bit for bit. */
  unmerge(): void {
    if (this.#original === undefined) return;
    const { weight } = this.base;
    const merged = weight.value;
    weight.value = this.#original;
    this.#original = undefined;
    merged[Symbol.dispose]();
  }
}

/** Number of the layer that a path lies in, where it lies in one. */
export function layerOf(path: string): number | undefined {
  const found = /\.(\d+)\./.exec(path);
  return found === null ? undefined : Number(found[1]);
}

/**
 * Adapts every linear layer that a target names, and returns their paths.
 *
 * @param layers Layers of the model
 * @throws {OptionError} If a rank is no positive integer, an alpha is not positive, or a target
 * names nothing
 */
export function applyLora(model: Module, layers: number, options: LoraOptions): string[] {
  const { targets, rslora = false, exclude = [] } = options;
  const numberOf = (path: string, usual: number, some: LoraOptions["ranks"] = {}) =>
    Object.entries(some).find(([name]) => isNamed(path, name))?.[1] ?? usual;
  const linears = [...modules(model)].filter((entry): entry is [string, Linear] =>
    entry[1] instanceof Linear && !exclude.some((name) => `.${entry[0]}.`.includes(`.${name}.`))
  );
  const found = new Map<string, { linear: Linear; thirds: string[] }>();
  for (const target of targets) {
    const [, fused, third] = /^(.*c_attn)\.([qkv])$/.exec(target) ?? [undefined, target, undefined];
    const named = linears.filter(([path]) => isNamed(path, fused!));
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
  const wrapped = [...found].map(([path, { linear, thirds }]) => {
    const rank = numberOf(path, options.rank, options.ranks);
    const alpha = numberOf(path, options.alpha, options.alphas);
    if (!Number.isSafeInteger(rank) || rank < 1) {
      throw new OptionError(`Cannot adapt with rank ${rank}: a positive integer is required`);
    }
    if (!(Number.isFinite(alpha) && alpha > 0)) {
      throw new OptionError(`Cannot adapt with alpha ${alpha}: a positive number is required`);
    }
    const factor = alpha / (rslora ? Math.sqrt(rank) : rank);
    return new LoraLinear(linear, path, layers, rank, factor, thirds);
  });
  for (const layer of wrapped) replaceModule(model, layer.path, layer);
  return [...found.keys()];
}

/** Whether a module's path is a name or ends in it. */
function isNamed(path: string, name: string): boolean {
  return path === name || path.endsWith(`.${name}`);
}

/** The adapted layers of a model, with their paths. */
export function loraLayers(model: Module): [string, LoraLinear][] {
  return [...modules(model)].filter((entry): entry is [string, LoraLinear] =>
    entry[1] instanceof LoraLinear
  );
}

/** Merges every adapted layer. */
export function mergeLora(model: Module): void {
  for (const [, layer] of loraLayers(model)) layer.merge();
}

/** Takes every update out of the base weights again. */
export function unmergeLora(model: Module): void {
  for (const [, layer] of loraLayers(model)) layer.unmerge();
}
