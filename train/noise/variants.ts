/**
 * The dropout methods that the study compares, as plans that draw the same masks.
 *
 * @module
 */

import { dropoutPlan, type Method, type PlanOptions } from "../../nn/dropout/methods.ts";
import type { DropoutPlan } from "../../nn/dropout/plan.ts";

/** Names of the variants, in the order of tables and charts. */
export const variants = [
  "dropkey",
  "dropattention-nograd",
  "dropattention",
  "hiddencut",
] as const;
/** A dropout method as it is measured here. */
export type Variant = typeof variants[number];

/** How variants are written for readers. */
export const titles: Readonly<Record<Variant, string>> = {
  "dropkey": "DropKey",
  "dropattention-nograd": "DropAttention with NoGrad",
  "dropattention": "DropAttention without NoGrad",
  "hiddencut": "HiddenCut",
};

/** DropAttention under the masks of DropKey. */
const paired = [{ position: "weights", stream: "logits" }] as const;

const layout: Readonly<Record<Variant, readonly [Method, PlanOptions]>> = {
  "dropkey": ["dropkey", { structure: "column" }],
  "dropattention-nograd": ["dropattention", { structure: "column", nograd: true, site: paired }],
  "dropattention": ["dropattention", { structure: "column", nograd: false, site: paired }],
  "hiddencut": ["hiddencut", { structure: "element" }],
};

/**
 * The plan of a variant, active in all layers. Both DropAttentions draw DropKey's masks: under one
 * key all three drop the same keys of each head.
 *
 * @param options What differs from the variant's own plan, such as the length of a span
 * @throws {OptionError} If the rate lies outside [0, 1) or an option does not fit
 */
export function variantPlan(
  variant: Variant,
  rate: number,
  options: PlanOptions = {},
): DropoutPlan {
  const [method, own] = layout[variant];
  return dropoutPlan(method, false, { ...own, ...options, rate, layers: "all" });
}
