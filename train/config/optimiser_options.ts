/**
 * Options of the optimiser: steps, learning rates and their course, decay, seeds.
 *
 * @module
 */

import type { OptionTable } from "./options.ts";

/** Courses of the learning rate after warm-up. */
export const schedules = ["linear", "cosine", "constant", "polynomial"] as const;
/** A course of the learning rate, by name. */
export type ScheduleName = typeof schedules[number];

/** How a model is trained, whatever it is trained on. */
export const optimiserOptions = {
  epochs: {
    group: "optimiser",
    kind: "number",
    above: 0,
    help: "passes over the training data",
    default: 3,
  },
  maxSteps: {
    group: "optimiser",
    kind: "integer",
    min: 1,
    help: "most optimiser steps",
    defaultText: "all of the epochs",
  },
  batch: { group: "optimiser", kind: "integer", min: 1, help: "examples in a batch", default: 16 },
  accumulate: {
    group: "optimiser",
    kind: "integer",
    min: 1,
    help: "batches in an optimiser step",
    default: 1,
  },
  lr: { group: "optimiser", kind: "number", min: 0, help: "peak learning rate", default: 5e-4 },
  headLr: {
    group: "optimiser",
    kind: "number",
    min: 0,
    help: "peak learning rate of what is trained whole: the head and what goes with it",
    defaultText: "as the others",
  },
  schedule: {
    group: "optimiser",
    kind: "choice",
    choices: schedules,
    help: "course of the learning rate after warm-up",
    default: "linear",
  },
  minLr: {
    group: "optimiser",
    kind: "number",
    min: 0,
    help: "learning rate that the schedule falls to",
    default: 0,
  },
  power: {
    group: "optimiser",
    kind: "number",
    above: 0,
    help: "power of the polynomial schedule",
    default: 1,
  },
  warmup: {
    group: "optimiser",
    kind: "number",
    min: 0,
    help: "warm-up: below 1 a share of the steps, else steps",
    default: 0.06,
  },
  weightDecay: {
    group: "optimiser",
    kind: "number",
    min: 0,
    help: "decoupled weight decay of every trained parameter",
    default: 0,
  },
  decayExclude: {
    group: "optimiser",
    kind: "list",
    help: "parameters without decay: bias,norm as transformers' Trainer does",
    defaultText: "none",
  },
  beta1: {
    group: "optimiser",
    kind: "number",
    min: 0,
    below: 1,
    help: "decay of AdamW's first moment",
    default: 0.9,
  },
  beta2: {
    group: "optimiser",
    kind: "number",
    min: 0,
    below: 1,
    help: "decay of AdamW's second moment",
    default: 0.999,
  },
  loraplusRatio: {
    group: "optimiser",
    kind: "number",
    above: 0,
    help: "LoRA+: learning rate of B, biases and norms over that of A",
    default: 1,
  },
  epsilon: { group: "optimiser", kind: "number", min: 0, help: "epsilon of AdamW", default: 1e-8 },
  clip: {
    group: "optimiser",
    kind: "number",
    min: 0,
    help: "largest norm of the gradient, 0 for none",
    default: 1,
  },
  smoothing: {
    group: "optimiser",
    kind: "number",
    min: 0,
    below: 1,
    help: "label smoothing",
    default: 0,
  },
  seed: {
    group: "optimiser",
    kind: "integer",
    min: 0,
    help: "seed of order, initialisation and masks",
    default: 1,
  },
  orderSeed: {
    group: "optimiser",
    kind: "integer",
    min: 0,
    help: "seed of the order of examples, and of what --dev-fraction holds back",
    defaultText: "--seed",
  },
  initSeed: {
    group: "optimiser",
    kind: "integer",
    min: 0,
    help: "seed of the initial numbers of LoRA and head",
    defaultText: "--seed",
  },
  maskSeed: {
    group: "optimiser",
    kind: "integer",
    min: 0,
    help: "seed of the masks in training",
    defaultText: "--seed",
  },
} as const satisfies OptionTable;
