/**
 * What a configuration of DeBERTa says beside.
 *
 * @module
 */

import type { Activation } from "../layers/feed_forward.ts";
import { type ConfigFields, requireToken } from "./config_fields.ts";
import type { Convolution } from "./deberta_conv.ts";
import type { PlaceTable } from "./deberta_places.ts";
import type { EncoderConfig } from "./encoder_embeddings.ts";
import type { ModelConfig } from "./model.ts";

/** Configuration of DeBERTa. */
export interface DebertaConfig extends EncoderConfig {
  /** Width of the embeddings. */
  readonly embeddingSize: number;
  /** Whether embeddings know absolute positions. */
  readonly absolute: boolean;
  /** The table of relative places; absent where attention knows none. */
  readonly places: PlaceTable | undefined;
  /** Whether the table is normalised. */
  readonly normsPlaces: boolean;
  /** Whether content meets places, and places content. */
  readonly meets: Readonly<Record<"c2p" | "p2c", boolean>>;
  /** Whether places have the projections of content. */
  readonly sharesProjections: boolean;
  /** Factor of the scores. */
  readonly scale: number;
  /** What stands beside the first layer; absent in all but the largest models. */
  readonly convolution: Convolution | undefined;
  /** Activation of the head. */
  readonly headActivation: Activation;
}

/**
 * Completes a configuration by DeBERTa's own keys.
 *
 * @throws {FileError} If one of them does not fit
 */
export function debertaConfig(fields: ConfigFields, common: ModelConfig): DebertaConfig {
  requireToken(fields, common);
  const { hiddenSize, headSize } = common;
  fields.only("attention_head_size", [headSize], headSize);
  fields.only("pooler_hidden_size", [hiddenSize], hiddenSize);
  const types = fields.integer("type_vocab_size", 0);
  const kinds = fields.words("pos_att_type", ["none", "c2p", "p2c"]);
  const meets = { c2p: kinds.includes("c2p"), p2c: kinds.includes("p2c") };
  const sums = 1 + Number(meets.c2p) + Number(meets.p2c);
  return {
    ...common,
    positionOffset: 0,
    ...(types > 0 && { typeVocabularySize: types }),
    embeddingSize: fields.size(["embedding_size"], hiddenSize),
    absolute: fields.flag("position_biased_input", true),
    places: fields.flag("relative_attention", false) ? placeTable(fields, common) : undefined,
    normsPlaces: fields.words("norm_rel_ebd", ["none", "layer_norm"]).includes("layer_norm"),
    meets,
    sharesProjections: fields.flag("share_att_key", false),
    convolution: convolution(fields),
    // The root of transformers has 32 bits in every model.
    scale: 1 / Math.fround(Math.sqrt(headSize * sums)),
    headActivation: fields.activation("pooler_hidden_act", "gelu"),
  };
}

/** The convolution, whose kernel has a middle token. */
function convolution(fields: ConfigFields): Convolution | undefined {
  const tokens = fields.integer("conv_kernel_size", 0);
  if (tokens < 1) return undefined;
  if (tokens % 2 === 0) fields.fail("conv_kernel_size", "an odd number is required", tokens);
  fields.only("conv_groups", [1], 1);
  const activation = fields.fields["conv_act"] ?? "tanh";
  if (activation === "tanh") return { tokens, activation };
  return { tokens, activation: fields.activation("conv_act", "gelu") };
}

/** The table of relative places, by either of the two keys that bound it. */
function placeTable(fields: ConfigFields, { maxPositions }: ModelConfig): PlaceTable {
  const reach = fields.integer("max_relative_positions", -1);
  const furthest = reach < 1 ? maxPositions : reach;
  const buckets = fields.integer("position_buckets", -1);
  if (buckets < 1) return { span: furthest, buckets: undefined, furthest };
  const half = Math.floor(buckets / 2);
  if (half < 1) fields.fail("position_buckets", "at least 2 is required", buckets);
  // Distances that have a bucket each have no logarithm.
  if (furthest < maxPositions && furthest - 1 <= half) {
    fields.fail("max_relative_positions", `at least ${half + 2} is required`, reach);
  }
  return { span: buckets, buckets, furthest };
}
