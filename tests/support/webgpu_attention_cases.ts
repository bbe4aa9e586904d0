// Cases of attention as one program on WebGPU: few structures over many sizes, as an adapter in software
// spends its time on compiling.
import type { FusedCase } from "./fused_attention_cases.ts";

/** Sizes that fill no tile, of one structure. */
const sizes: readonly Pick<FusedCase, "name" | "space" | "large">[] = [
  { name: "keys of a group", space: [2, 2, 2, 19, 19, 8] },
  { name: "more keys than queries", space: [1, 1, 2, 5, 41, 8] },
  { name: "more queries than keys", space: [1, 1, 1, 37, 9, 8] },
  { name: "short texts", space: [2, 2, 2, 7, 5, 8] },
  { name: "large scores", space: [2, 2, 1, 19, 19, 8], large: 400 },
];

/** Texts whose gradient is one program. */
export const shortTexts = [4, 2, 2, 8, 8, 8] as const;

/** Masks of every kind; what is drawn by pairs and by keys, seen and unseen by the gradient. */
export const structures: Readonly<Record<string, Omit<FusedCase, "name" | "space">>> = {
  "keys left by column": {
    mask: "keys",
    causal: true,
    logits: { structure: "column", rate: 0.8 },
  },
  "keys that each query sees, scores by pairs and weights by column": {
    mask: "queries and keys",
    causal: true,
    logits: { structure: "element", rate: 0.5 },
    weights: { structure: "column", rate: 0.5 },
  },
  "texts that share rows, of which keys outside of spans are left, and few weights, multiplied": {
    packed: true,
    logits: { structure: "span", rate: 0.6, perHead: false },
    weights: { structure: "element", rate: 0.8, rescale: true },
  },
};

/** All of them, on sizes at which turns are whole where masks are drawn; and short texts. */
export const attentionCases: readonly FusedCase[] = [
  ...sizes.map((own) => ({ ...own, causal: true, mask: "keys" } as const)),
  ...Object.entries(structures).flatMap(([name, structure]): FusedCase[] => [
    { ...structure, name, space: [2, 2, 2, 24, 24, 8] },
    { ...structure, name: `${name}, in short texts`, space: shortTexts },
  ]),
];
