/**
 * Options of what a run looks at while it trains, and of what it leaves behind.
 *
 * @module
 */

import type { OptionTable } from "./options.ts";

/** When a run evaluates, which evaluation is the best, and when it has seen enough. */
export const evaluationOptions = {
  evalStart: {
    group: "evaluation",
    kind: "switch",
    help: "do not evaluate before the first step",
    default: true,
  },
  evalEvery: {
    group: "evaluation",
    kind: "number",
    above: 0,
    help: "evaluate between the ends of epochs too: below 1 a share of the run, else steps",
    defaultText: "ends of epochs alone",
  },
  evalBatch: {
    group: "evaluation",
    kind: "integer",
    min: 1,
    help:
      "examples, or inputs to generate for, that are evaluated together: speed and memory alone",
    default: 32,
  },
  bestMetric: {
    group: "evaluation",
    kind: "text",
    help: "metric by which an evaluation is the best one",
    defaultText: "the task's",
  },
  earlyStop: {
    group: "evaluation",
    kind: "integer",
    min: 1,
    help: "stop after so many evaluations in a row that are not the best",
    defaultText: "never",
  },
} as const satisfies OptionTable;

/** What is written, and where. */
export const outputOptions = {
  out: {
    group: "output",
    kind: "text",
    help: "new folder for adapters, metrics and checkpoints",
    defaultText: "nothing is saved",
  },
  result: {
    group: "output",
    kind: "choice",
    choices: ["last", "best"],
    help: "which adapter the folder itself holds at the end; last/ and best/ hold both",
    defaultText: "last, best with --early-stop",
  },
  saveEvery: {
    group: "output",
    kind: "integer",
    min: 1,
    help: "steps between checkpoints",
    defaultText: "none is saved",
  },
  keep: {
    group: "output",
    kind: "integer",
    min: 1,
    help: "checkpoints that are kept, the latest ones",
    defaultText: "all",
  },
  tensorboard: {
    group: "output",
    kind: "switch",
    help: "write TensorBoard's event files beside metrics.jsonl",
    default: false,
  },
} as const satisfies OptionTable;
