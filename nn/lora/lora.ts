/**
 * Low-rank adaptation of any linear layer: `y = W x + s B A x`, with the base layer frozen, shared
 * and a field of the adapted one.
 *
 * **Source**: Hu et al. 2021, "LoRA". Initialisation and scaling are PEFT's.
 *
 * @module
 */

import { OptionError } from "../../core/errors.ts";
import { shown } from "../../core/excerpt.ts";
import { add, scale } from "../../core/ops/elementwise.ts";
import { matmul, matmulAdd, matmulScaled } from "../../core/ops/matmul.ts";
import { transpose } from "../../core/ops/view.ts";
import { untracked } from "../../core/tape.ts";
import type { Tensor } from "../../core/tensor.ts";
import { dropWhere } from "../dropout/drop_hidden.ts";
import { type ActiveSite, type LayerPlace, siteAt } from "../dropout/site.ts";
import type { ForwardContext } from "../layers/forward_context.ts";
import { type Linear, Projection } from "../layers/linear.ts";
import { type Module, modules, Parameter } from "../layers/module.ts";

/** The low-rank update of some outputs of a layer. */
export interface Part {
  /** Name in parameter paths, or "" for the whole layer. */
  readonly name: string;
  /** First of its outputs. */
  readonly start: number;
  /** Number of its outputs. */
  readonly size: number;
  /** A, `[rank, inputs]`. */
  readonly down: Parameter;
  /** B, `[size, rank]`. */
  readonly up: Parameter;
}

/** Where a {@linkcode LoraLinear} stands, and how strong its update is. */
export interface LoraLinearOptions {
  /** Where the layer stands; its path is that in the model. */
  readonly place: LayerPlace;
  /** Inner size of the update. */
  readonly rank: number;
  /** Factor s of the update. */
  readonly scaling: number;
}

/**
 * Checks the inner size of an update.
 *
 * @throws {OptionError} If it is no positive integer
 */
export function requireRank(rank: number): void {
  if (Number.isSafeInteger(rank) && rank >= 1) return;
  throw new OptionError(`Cannot adapt with rank ${shown(rank)}: a positive integer is required`);
}

/** A linear layer with a low-rank update. */
export class LoraLinear extends Projection {
  /** Where the layer stands. */
  readonly place: LayerPlace;
  /** Inner size of the update. */
  readonly rank: number;
  /** Factor s of the update. */
  readonly scaling: number;
  /** Low-rank updates, in the order of their outputs; one alone for the whole layer. */
  readonly parts: readonly Part[];
  #original: Tensor | undefined;

  /**
   * Wraps a layer; the updates have no numbers yet.
   *
   * @param base The frozen layer
   * @param spans Outputs that are updated, in their order
   * @throws {OptionError} If the rank is no positive integer, or the factor not finite
   */
  constructor(
    readonly base: Linear,
    { place, rank, scaling }: LoraLinearOptions,
    spans: readonly Omit<Part, "down" | "up">[] = [{ name: "", start: 0, size: base.outputs }],
  ) {
    super();
    requireRank(rank);
    if (!Number.isFinite(scaling)) {
      throw new OptionError(
        `Cannot adapt with scaling ${shown(scaling)}: a finite number is required`,
      );
    }
    [this.place, this.rank, this.scaling] = [place, rank, scaling];
    this.parts = spans.map((span) => ({
      ...span,
      down: new Parameter([rank, base.inputs], { kind: "uniform", bound: base.inputs ** -0.5 }),
      up: new Parameter([span.size, rank], { kind: "zeros" }),
    }));
    for (const { down, up } of this.parts) down.trainable = up.trainable = true;
  }

  /** Path of the layer in the model, with which its parameters begin. */
  get path(): string {
    return this.place.path;
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

  /** `W x + s B A x`; the update is part of W where it is merged. */
  override forward(x: Tensor, context: ForwardContext, beside?: Tensor): Tensor {
    const base = this.base.forward(x, context, beside);
    if (this.merged) return base;
    return this.updated(base, dropWhere(x, this.#siteAt("lora", context)), context);
  }

  /** `base + s B A x`: `[…, outputs], […, inputs] -> […, outputs]`. */
  protected updated(base: Tensor, x: Tensor, context: ForwardContext): Tensor {
    return this.updatedPart(this.parts[0]!, base, x, context);
  }

  /** The same for the outputs of one part. */
  protected updatedPart(part: Part, base: Tensor, x: Tensor, context: ForwardContext): Tensor {
    const { name, down, up } = part;
    const scaled = matmulScaled(x, transpose(down.value), this.scaling);
    const inner = dropWhere(scaled, this.#siteAt("rank", context, name));
    const active = this.#siteAt("update", context, name);
    return active === undefined
      ? matmulAdd(inner, transpose(up.value), base)
      : add(base, dropWhere(matmul(inner, transpose(up.value)), active));
  }

  /** The site of a position in this layer, or in a part of it, that is active. */
  #siteAt(
    position: "lora" | "rank" | "update",
    context: ForwardContext,
    part = "",
  ): ActiveSite | undefined {
    const path = part === "" ? this.path : `${this.path}.${part}`;
    return siteAt(context, position, { ...this.place, path });
  }

  /** `s B A` in the layout of the base weight. */
  delta(): Tensor {
    const update = this.matrix();
    return this.base.transposed ? update : transpose(update);
  }

  /** `s B A` as `[inputs, outputs]`. */
  protected matrix(): Tensor {
    return this.partMatrix(this.parts[0]!);
  }

  /** `s B A` of one part as `[inputs, size]`. */
  protected partMatrix({ down, up }: Part): Tensor {
    return scale(matmul(transpose(down.value), transpose(up.value)), this.scaling);
  }

  /** Whether the base weight holds the update. */
  get merged(): boolean {
    return this.#original !== undefined;
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

/** The adapted layers of a model, with their paths. */
export function loraLayers(model: Module): [string, LoraLinear][] {
  return [...modules(model)].filter((entry): entry is [string, LoraLinear] =>
    entry[1] instanceof LoraLinear
  );
}
