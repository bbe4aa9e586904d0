/**
 * The paper's tables and figures as sweeps.
 *
 * Source: "LoRA Meets Dropout under a Unified Framework", arXiv 2403.00812, tables 1 to 5 and 8, figures
 * 4 to 6. The figures are images without numbers: their rates are those of appendix E, their ranks
 * powers of two.
 *
 * @module
 */

import type { TaskName } from "../config/train_options.ts";
import { structured, sweepMethod, tableStructures } from "./methods.ts";
import { ratesOfRte, type SweepRequest } from "./request.ts";

/** What a preset adds to its tasks and methods. */
interface Row extends Pick<SweepRequest, "baseline" | "vary" | "settings"> {
  /** What help says of it. */
  readonly help: string;
  readonly tasks: readonly TaskName[];
  readonly methods: readonly string[];
}

const table1 = {
  tasks: ["rte", "mrpc", "stsb", "sst2"],
  methods: [
    "lora",
    ...structured.flatMap((method) => tableStructures.map((structure) => `${method}-${structure}`)),
    ...["hiddenkey-", "hiddenkey", "hiddenkey-+js", "hiddenkey-+input", "hiddenkey-+output"],
  ],
} satisfies Partial<Row>;

const generation = ["lora", "hiddencut", "dropkey", "hiddenkey-", "hiddenkey"];

const rows = {
  table1: { ...table1, help: "RTE, MRPC, STS-B, SST-2: every position and structure, HiddenKey" },
  table2: { tasks: ["e2e"], methods: generation, help: "E2E" },
  table3: { tasks: ["webnlg"], methods: generation, help: "WebNLG" },
  table4: {
    tasks: ["cola", "qnli"],
    methods: ["lora", "hiddenkey"],
    help: "CoLA, QNLI: LoRA and HiddenKey",
  },
  table5: {
    tasks: ["rte", "mrpc"],
    methods: ["lora", "hiddenkey"],
    help: "RTE, MRPC: LoRA and HiddenKey, for LLaMA",
  },
  table8: { ...table1, baseline: "hiddenkey", help: "p-values: the runs of table 1" },
  figure4: {
    tasks: ["rte"],
    methods: ["lora", ...structured],
    vary: { rate: ratesOfRte },
    help: "RTE: rates of each position",
  },
  figure5: {
    tasks: ["rte"],
    methods: ["lora", "hiddenkey-", "hiddenkey"],
    vary: { rank: [1, 2, 4, 8, 16, 32, 64] },
    help: "RTE: ranks of LoRA and HiddenKey",
  },
  figure6: {
    tasks: ["rte"],
    methods: ["lora", "hiddenkey-", "hiddenkey"],
    settings: { evalStart: true },
    help: "RTE: the course of training",
  },
} as const satisfies Readonly<Record<string, Row>>;

/** Names of the presets, and what help says of them. */
export const sweepPresetRows: readonly (readonly [string, string])[] = Object.entries(rows).map(
  ([name, { help }]) => [name, help],
);

/** What a preset asks for; undefined where none has the name. */
export function sweepPreset(name: string): SweepRequest | undefined {
  const row: Row | undefined = Object.entries(rows).find(([known]) => known === name)?.[1];
  if (row === undefined) return undefined;
  const { tasks, methods, help: _, ...others } = row;
  return {
    name,
    tasks: tasks.map((task) => ({ task, settings: {} })),
    methods: methods.map(sweepMethod),
    ...others,
  };
}
