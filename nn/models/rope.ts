/**
 * Rotary positions of a configuration: how fast each pair of numbers turns, in the spellings of
 * transformers 4 and 5.
 *
 * **Sources**: Su et al. 2021, "RoFormer"; Peng et al. 2023, "YaRN"; the scaling of Llama 3.1 is that of
 * Meta's llama-models.
 *
 * @module
 */

import type { Rotary } from "../../core/ops/rotary.ts";
import type { ConfigFields } from "./config_fields.ts";
import type { ModelConfig } from "./model.ts";

/** What the angles depend on beside their own keys. */
export type RotarySizes = Pick<ModelConfig, "headSize" | "maxPositions">;

/** A head's own frequencies, by pair. */
type Frequency = Rotary["frequency"];

/** Frequencies of scaled positions, and the factor of what is turned. */
type Scaled = Pick<Rotary, "frequency" | "factor">;

/** How positions are scaled, by `rope_type`. */
const scalings = {
  default: (plain) => ({ frequency: plain, factor: 1 }),
  linear(plain, rope) {
    const factor = rope.positive("factor");
    return { frequency: (pair) => plain(pair) / factor, factor: 1 };
  },
  // Its base grows with texts beyond the longest one, which are refused.
  dynamic(plain, rope) {
    rope.positive("factor");
    return { frequency: plain, factor: 1 };
  },
  llama3(plain, rope, original) {
    const factor = rope.positive("factor");
    const [low, high] = [rope.positive("low_freq_factor"), rope.positive("high_freq_factor")];
    const frequency = (pair: number) => {
      const f = plain(pair);
      const turns = original * f / (2 * Math.PI);
      if (turns > high) return f;
      if (turns < low) return f / factor;
      const share = (turns - low) / (high - low);
      return f * (share + (1 - share) / factor);
    };
    return { frequency, factor: 1 };
  },
  yarn: yarnRotary,
} as const satisfies Record<
  string,
  (plain: Frequency, rope: ConfigFields, original: number, sizes: YarnSizes) => Scaled
>;

/** What YaRN's angles depend on. */
interface YarnSizes extends RotarySizes {
  /** Base of the angles. */
  readonly theta: number;
}

function yarnRotary(
  plain: Frequency,
  rope: ConfigFields,
  original: number,
  { headSize, maxPositions, theta }: YarnSizes,
): Scaled {
  // By null the file asks for the ratio.
  const factor = rope.fields["factor"] === null ? maxPositions / original : rope.positive("factor");
  const [fast, slow] = [rope.positive("beta_fast", 32), rope.positive("beta_slow", 1)];
  const dimension = (turns: number) =>
    headSize * Math.log(original / (turns * 2 * Math.PI)) / (2 * Math.log(theta));
  const isWhole = rope.flag("truncate", true);
  const round = (by: (x: number) => number, x: number) => isWhole ? by(x) : x;
  const first = Math.max(round(Math.floor, dimension(fast)), 0);
  const last = Math.min(round(Math.ceil, dimension(slow)), headSize - 1);
  const width = last === first ? 0.001 : last - first;
  const frequency = (pair: number) => {
    const share = Math.min(1, Math.max(0, (pair - first) / width));
    return plain(pair) / factor * share + plain(pair) * (1 - share);
  };
  return { frequency, factor: yarnFactor(rope, factor) };
}

/** Factor of cosines and sines. */
function yarnFactor(rope: ConfigFields, factor: number): number {
  const growth = (weight: number) => factor <= 1 ? 1 : 0.1 * weight * Math.log(factor) + 1;
  const [one, all] = [rope.notNegative("mscale", 0), rope.notNegative("mscale_all_dim", 0)];
  const usual = one !== 0 && all !== 0 ? growth(one) / growth(all) : growth(1);
  return rope.positive("attention_factor", usual);
}

/**
 * Reads the rotary positions of a configuration with one kind of them. A `rope_scaling` that says
 * anything stands for the `rope_parameters`.
 *
 * @param usualTheta Base of the angles where no key gives it
 * @throws {FileError} If a key does not fit, or positions are scaled in a way that is not implemented
 */
export function readRotary(fields: ConfigFields, sizes: RotarySizes, usualTheta = 10000): Rotary {
  const scaling = fields.object("rope_scaling") ?? {};
  const key = Object.keys(scaling).length > 0 ? "rope_scaling" : "rope_parameters";
  return rotaryWithin(fields, fields.within(key), sizes, ["rope_theta", usualTheta]);
}

/**
 * Reads the rotary positions that an object of a configuration describes.
 *
 * @param base Key beside the object that counts where it has no `rope_theta`, and its usual value
 * @throws {FileError} If a key does not fit, or positions are scaled in a way that is not implemented
 */
export function rotaryWithin(
  fields: ConfigFields,
  rope: ConfigFields,
  sizes: RotarySizes,
  base: readonly [key: string, usual: number],
): Rotary {
  const theta = rope.has("rope_theta") ? rope.positive("rope_theta") : fields.positive(...base);
  const kinds = Object.keys(scalings) as (keyof typeof scalings)[];
  const kind = rope.only(rope.has("rope_type") ? "rope_type" : "type", kinds, "default");
  // Plain angles of these models are of all numbers of a head, whatever it says.
  if (kind !== "default") {
    for (const place of [rope, fields]) place.only("partial_rotary_factor", [1], 1);
  }
  const size = sizes.headSize;
  // A file may ask for heads that no memory holds: what they need is computed behind the weights.
  const plain = (pair: number) => theta ** (-2 * pair / size);
  const longest = "original_max_position_embeddings";
  const original = (fields.has(longest) ? fields : rope).size([longest], sizes.maxPositions);
  return { pairs: size / 2, ...scalings[kind](plain, rope, original, { ...sizes, theta }) };
}
