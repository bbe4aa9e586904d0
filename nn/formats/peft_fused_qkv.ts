/**
 * GPT-2 layers adapted by thirds, which PEFT does not know, as one update of the fused layer,
 * without loss.
 *
 * @module
 */

import type { LoraLinear } from "../lora/lora.ts";
import type { AdapterConfig } from "./peft_config.ts";

/** Whether a layer is adapted in one part. */
export function isWhole({ parts, outputs }: LoraLinear): boolean {
  return parts.length === 1 && parts[0]!.size === outputs;
}

/**
 * The configuration of adapted layers in PEFT's terms: n thirds become one update of n times the
 * rank, with an alpha that leaves the factor as it is.
 */
export function fusedConfig(
  config: AdapterConfig,
  layers: readonly (readonly [string, LoraLinear])[],
): AdapterConfig {
  if (layers.every(([, layer]) => isWhole(layer))) return config;
  const rows = layers.map(([path, { rank, scaling, parts }]) => {
    const total = rank * parts.length;
    // A quotient times its divisor may miss by one digit: 5 / 3 * 3 must be 5.
    const alpha = Number((scaling * (config.rslora ? Math.sqrt(total) : total)).toPrecision(15));
    return { key: `^${path.replaceAll(".", "\\.")}`, rank: total, alpha };
  });
  const [{ rank, alpha }] = rows as [typeof rows[number]];
  const other = (of: "rank" | "alpha", usual: number) =>
    Object.fromEntries(rows.filter((row) => row[of] !== usual).map((row) => [row.key, row[of]]));
  const targets = [config.targets].flat().map((name) => name.replace(/(c_attn)\.[qkv]$/, "$1"));
  return {
    ...config,
    targets: [...new Set(targets)],
    rank,
    alpha,
    rankPattern: other("rank", rank),
    alphaPattern: other("alpha", alpha),
  };
}

/** One part of a fused update, on the host. */
export interface HostPart {
  /** First of its outputs. */
  readonly start: number;
  /** Number of its outputs. */
  readonly size: number;
  /** A, `[rank, inputs]`. */
  readonly down: ArrayLike<number>;
  /** B, `[size, rank]`. */
  readonly up: ArrayLike<number>;
}

/** Stacks the down-projections and places the up-projections in the rows and columns they own. */
export function fuseParts(
  parts: readonly HostPart[],
  rank: number,
  inputs: number,
  outputs: number,
): { down: Float32Array; up: Float32Array } {
  const total = rank * parts.length;
  const down = new Float32Array(total * inputs);
  const up = new Float32Array(outputs * total);
  parts.forEach((part, index) => {
    down.set(part.down, index * rank * inputs);
    for (let row = 0; row < part.size; row++) {
      for (let r = 0; r < rank; r++) {
        up[(part.start + row) * total + index * rank + r] = part.up[row * rank + r]!;
      }
    }
  });
  return { down, up };
}
