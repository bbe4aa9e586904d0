/**
 * Which layers of a model see a window of tokens alone.
 *
 * @module
 */

import type { Rotary } from "../../core/ops/rotary.ts";
import type { ConfigFields } from "./config_fields.ts";
import type { ModelConfig } from "./model.ts";
import { type RotarySizes, rotaryWithin } from "./rope.ts";

/** What a layer of a decoder does in its own way. */
export interface LayerKind {
  /** Which of the configuration's rotary positions turn its queries and keys; absent for none. */
  readonly rotary?: number | undefined;
  /** Tokens that a query sees, its own among them; absent for all. */
  readonly window?: number | undefined;
}

/** What a configuration says of its layers' ways. */
export function kindsOfLayers(layerKinds: readonly LayerKind[]): {
  readonly layerKinds: readonly LayerKind[];
  readonly windows: readonly number[];
} {
  const windows = [...new Set(layerKinds.flatMap(({ window }) => window ?? []))];
  return { layerKinds, windows };
}

/** Names of the kinds of layers in `layer_types`. */
const kinds = ["full_attention", "sliding_attention"] as const;
/** A kind of layers, as `layer_types` names it. */
export type LayerType = typeof kinds[number];

/**
 * The kind of each layer: by `layer_types`, else by a rule.
 *
 * @param usual Kind of a layer where the key is absent
 * @throws {FileError} If the key does not name a known kind for each layer
 */
export function layerTypes(
  fields: ConfigFields,
  { layers }: Pick<ModelConfig, "layers">,
  usual: (layer: number) => LayerType,
): readonly LayerType[] {
  const found = fields.list("layer_types");
  if (found === undefined) return Array.from({ length: layers }, (_, layer) => usual(layer));
  const isKind = (one: unknown): one is LayerType => kinds.some((kind) => kind === one);
  if (found.length === layers && found.every(isKind)) return found;
  return fields.fail(
    "layer_types",
    `${kinds.join(" or ")} is required for each layer of num_hidden_layers, ${layers}`,
    found,
  );
}

/** Keys and rules of a model whose layers have a window or none, and positions of their own for each. */
export interface TwoKinds {
  /** Tokens from which on a key is too far from the query to be seen, in layers with a window. */
  readonly window: number;
  /** Whether a layer has none, where `layer_types` does not say. */
  readonly isFull: (layer: number) => boolean;
  /** Key of the base of the angles and its usual value, of layers without a window and with one. */
  readonly thetas: Readonly<Record<"full" | "local", readonly [key: string, usual: number]>>;
  /** Kinds of layers whose positions `rope_scaling` scales. */
  readonly scaled: readonly LayerType[];
}

/**
 * Rotary positions and windows of such a model: `rope_parameters` has an object for each kind of layers.
 *
 * @throws {FileError} If a key does not fit
 */
export function layersOfTwoKinds(
  fields: ConfigFields,
  sizes: Pick<ModelConfig, "layers"> & RotarySizes,
  { window, isFull, thetas, scaled }: TwoKinds,
): ReturnType<typeof kindsOfLayers> & { readonly rotaries: readonly Rotary[] } {
  const scaling = fields.object("rope_scaling") ?? {};
  const given = fields.object("rope_parameters") ?? {};
  if (Object.keys(given).some((key) => !kinds.some((kind) => kind === key))) {
    fields.fail(
      "rope_parameters",
      `an object for each of ${kinds.join(" and ")} is required`,
      given,
    );
  }
  const rotaries = ([["full_attention", "full"], ["sliding_attention", "local"]] as const)
    .map(([type, name]) => {
      const rope = fields.within("rope_parameters").within(type);
      const isScaled = scaled.includes(type) && Object.keys(scaling).length > 0;
      const own = isScaled ? rope.and(scaling) : rope;
      return rotaryWithin(fields, own, sizes, thetas[name]);
    });
  const types = layerTypes(fields, sizes, (layer) => {
    return isFull(layer) ? "full_attention" : "sliding_attention";
  });
  const layerKinds = types.map((type) =>
    type === "full_attention" ? { rotary: 0 } : { rotary: 1, window }
  );
  return { ...kindsOfLayers(layerKinds), rotaries };
}

/**
 * The window of each layer as Qwen's configurations say it: none without `use_sliding_window`, and then in
 * the layers from `max_window_layers` on, or where `layer_types` says.
 *
 * @returns Tokens that a query sees, its own among them; undefined for all
 * @throws {FileError} If a key does not fit, or a layer has a window without a size
 */
export function qwenWindows(
  fields: ConfigFields,
  common: Pick<ModelConfig, "layers">,
): readonly (number | undefined)[] {
  const slides = fields.flag("use_sliding_window", false);
  const size = slides && fields.fields["sliding_window"] !== null
    ? fields.size(["sliding_window"], 4096)
    : undefined;
  const first = fields.number("max_window_layers", 28);
  const usual = (layer: number): LayerType =>
    size !== undefined && layer >= first ? "sliding_attention" : "full_attention";
  return layerWindows(fields, layerTypes(fields, common, usual), size);
}

/**
 * The window of each layer by its kind.
 *
 * @throws {FileError} If a layer has a window without a size
 */
export function layerWindows(
  fields: ConfigFields,
  types: readonly LayerType[],
  size: number | undefined,
): readonly (number | undefined)[] {
  const windowed = types.findIndex((type) => type === "sliding_attention");
  if (windowed >= 0 && size === undefined) {
    const required = "a number, where there is one with use_sliding_window, is required by " +
      `layer ${windowed} of layer_types, which is sliding_attention`;
    fields.fail("sliding_window", required, fields.fields["sliding_window"]);
  }
  return types.map((type) => type === "sliding_attention" ? size : undefined);
}
