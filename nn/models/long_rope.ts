/**
 * Rotary positions of Phi-3: of a part of a head's numbers, and scaled for long texts pair by pair.
 *
 * **Source**: Ding et al. 2024, "LongRoPE".
 *
 * @module
 */

import type { Rotary } from "../../core/ops/rotary.ts";
import type { ConfigFields } from "./config_fields.ts";
import type { LlamaConfig } from "./llama_layers.ts";
import type { RotarySizes } from "./rope.ts";

/** Names of the scaling; the older ones mean the same. */
const scaled = ["longrope", "su", "yarn"];

/**
 * Reads the rotary positions: plain ones, or those of short texts and of long ones. A `rope_scaling`
 * that says anything stands for the `rope_parameters`.
 *
 * @throws {FileError} If a key does not fit, or positions are scaled in another way
 */
export function longRotaries(
  fields: ConfigFields,
  { headSize, maxPositions }: RotarySizes,
): Pick<LlamaConfig, "rotaries" | "longestShort"> {
  const scaling = fields.object("rope_scaling") ?? {};
  const rope = fields.within(Object.keys(scaling).length > 0 ? "rope_scaling" : "rope_parameters");
  const theta = (rope.has("rope_theta") ? rope : fields).positive("rope_theta", 10000);
  const pairs = turnedPairs(rope.has("partial_rotary_factor") ? rope : fields, headSize);
  const plain = (pair: number) => theta ** (-pair / pairs);
  const key = rope.has("rope_type") ? "rope_type" : "type";
  const kind = rope.only(key, ["default", ...scaled], "default");
  if (kind === "default") {
    return { rotaries: [{ pairs, frequency: plain, factor: 1 }] };
  }
  const longest = ["original_max_position_embeddings"];
  // Beside the oldest name transformers requires it within the object too, and takes this one as well.
  if (kind === "su") rope.size(longest);
  const original = fields.size(longest, 4096);
  const growth = rope.has("factor") ? rope.positive("factor") : maxPositions / original;
  const usual = growth <= 1 ? 1 : Math.sqrt(1 + Math.log(growth) / Math.log(original));
  const factor = rope.positive("attention_factor", usual);
  const rotaries = ["short_factor", "long_factor"].map((name): Rotary => {
    const divisors = factorsOf(rope, name, pairs);
    return { pairs, frequency: (pair) => plain(pair) / divisors[pair]!, factor };
  });
  return { rotaries, longestShort: original };
}

/**
 * Pairs of a head that are turned.
 *
 * @param usual Their share where no key gives it
 * @throws {FileError} If it is no share, or that of an odd number
 */
export function turnedPairs(fields: ConfigFields, headSize: number, usual = 1): number {
  const key = "partial_rotary_factor";
  const share = fields.positive(key, usual);
  const turned = Math.floor(headSize * share);
  if (share <= 1 && turned >= 2 && turned % 2 === 0) return turned / 2;
  const required = `a share of 1 at most is required that is an even number of ${headSize} numbers`;
  return fields.fail(key, required, share);
}

/** Divisors of the frequencies, pair by pair. */
function factorsOf(rope: ConfigFields, key: string, pairs: number): readonly number[] {
  const found = rope.list(key);
  const isFactor = (one: unknown): one is number => Number.isFinite(one) && Number(one) > 0;
  if (found?.length === pairs && found.every(isFactor)) return found;
  const sizes = "head_dim (or hidden_size and num_attention_heads) and partial_rotary_factor";
  return rope.fail(key, `a list of ${pairs} positive numbers is required by ${sizes}`, found);
}
