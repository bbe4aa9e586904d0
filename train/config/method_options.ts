/**
 * Options of the method: LoRA, and the dropout framework.
 *
 * @module
 */

import { methods } from "../../nn/dropout/methods.ts";
import { positions, structures } from "../../nn/dropout/plan.ts";
import type { OptionTable } from "./options.ts";

/** What is adapted, and how strongly. */
export const loraOptions = {
  rank: {
    group: "LoRA",
    kind: "integer",
    min: 1,
    below: 16385,
    help: "inner size of the update, at most 16384",
    default: 8,
  },
  alpha: {
    group: "LoRA",
    kind: "number",
    min: 0,
    help: "numerator of the scale alpha/rank",
    default: 16,
  },
  rslora: {
    group: "LoRA",
    kind: "switch",
    help: "scale by alpha/√rank instead of alpha/rank",
    default: false,
  },
  targets: {
    group: "LoRA",
    kind: "list",
    help: "modules to adapt",
    defaultText: "query and value",
  },
} as const satisfies OptionTable;

/** What one site says for itself; names are those of `Site`. */
const siteSettings = {
  structure: { kind: "choice", choices: structures, help: "what is dropped together" },
  rate: { kind: "number", min: 0, below: 1, help: "dropout rate" },
  layers: { kind: "layers", help: "layers in which it drops" },
  spanLength: { kind: "integer", min: 1, help: "tokens in a span" },
  start: { kind: "choice", choices: ["uniform", "attention"], help: "where a span begins" },
  rescale: { kind: "switch", help: "survivors times 1/(1 - rate)" },
  nograd: { kind: "switch", help: "keep the denominator from the gradient" },
  perHead: { kind: "switch", help: "a mask for each head" },
  perExample: { kind: "switch", help: "a mask for each example" },
  point: { kind: "choice", choices: ["output", "inner"], help: "where HiddenCut acts" },
  hide: { kind: "switch", help: "attend to no dropped token" },
  stream: { kind: "choice", choices: positions, help: "position whose masks are drawn" },
} as const satisfies OptionTable;

/** The method of the paper, and what it leaves open; names are those of `PlanOptions`. */
export const dropoutOptions = {
  method: {
    group: "dropout",
    kind: "choice",
    choices: methods,
    help: "dropout method",
    default: "lora",
  },
  structure: {
    group: "dropout",
    kind: "choice",
    choices: structures,
    help: "structure of every mask",
    defaultText: "the method's",
  },
  compensation: {
    group: "dropout",
    kind: "choice",
    choices: ["none", "kl", "js"],
    help: "loss between two passes",
    defaultText: "the method's",
  },
  kl: { group: "dropout", kind: "number", min: 0, help: "weight of that loss", default: 1 },
  branches: {
    group: "dropout",
    kind: "choice",
    choices: [1, 2],
    help: "branches of KL with a gradient",
    default: 1,
  },
  rate: {
    group: "dropout",
    kind: "rate",
    positions,
    help: "dropout rate, or POSITION=RATE,…",
    defaultText: "0.1",
  },
  site: {
    group: "dropout",
    kind: "sites",
    positions,
    settings: siteSettings,
    help:
      "a place instead of the method's there, or beside it, once for each: its structure (element, " +
      "column, span or feature), its rate, and any of layers=0+2, span-length=N, start=attention, " +
      "point=inner, [no-]rescale, no-nograd, no-per-head, no-per-example and no-hide",
    defaultText: "the method's",
  },
  layers: {
    group: "dropout",
    kind: "layers",
    help: "layers with dropout",
    defaultText: "all; for decoders latter-half, but all for LoRA dropout",
  },
  nograd: {
    group: "dropout",
    kind: "switch",
    help: "DropAttention: let the gradient pass the denominator too",
    default: true,
  },
  point: {
    group: "dropout",
    kind: "choice",
    choices: ["output", "inner"],
    help: "HiddenCut after the feed-forward module or inside it",
    default: "output",
  },
  perHead: {
    group: "dropout",
    kind: "switch",
    help: "draw one attention mask for all heads",
    default: true,
  },
  spanLength: {
    group: "dropout",
    kind: "integer",
    min: 1,
    help: "tokens in a span",
    defaultText: "rate x length",
  },
  instances: {
    group: "dropout",
    kind: "integer",
    min: 1,
    below: 10001,
    help: "draws of all masks that a step's loss is the mean of",
    defaultText: "1",
  },
  neftuneAlpha: {
    group: "dropout",
    kind: "number",
    min: 0,
    help: "NEFTune's noise on the word embeddings, times √(tokens x width)",
    defaultText: "none",
  },
} as const satisfies OptionTable;

/** How often a saved run is evaluated under its own dropout. */
export const samplesOption = {
  samples: {
    group: "dropout",
    kind: "integer",
    min: 1,
    below: 10001,
    help: "passes under the run's own dropout, whose mean distribution or score counts",
    defaultText: "one pass without dropout",
  },
} as const satisfies OptionTable;
