/**
 * The figures that the paper prints in tables 1 to 5 and 8, as it prints them: GLUE in percent, medians
 * of five seeds with their standard deviation; E2E and WebNLG, means of three seeds.
 *
 * Source: Wang et al., "LoRA Meets Dropout under a Unified Framework", arXiv 2403.00812
 *
 * @module
 */

/** A cell of a table. */
export interface PaperCell {
  /** Median or mean over the seeds. */
  readonly value: number;
  /** Standard deviation; absent where none is printed, or it is not sure which one is the cell's. */
  readonly sd?: number;
  /** What is not sure of it. */
  readonly note?: string;
}

/** A row of a table. */
export interface PaperRow {
  /** The method, by the names of sweeps: `dropkey (span)`. */
  readonly method: string;
  /** Cells by column: tasks of GLUE, metrics of texts. */
  readonly cells: Readonly<Record<string, PaperCell>>;
  /** The average of its cells, where one is printed. */
  readonly average?: number;
  /** What is not sure of the row. */
  readonly note?: string;
}

/** A table for one model. */
export interface PaperTable {
  /** Its number. */
  readonly table: 1 | 2 | 3 | 4 | 5;
  /** What was trained. */
  readonly model: string;
  /** Task of all cells; absent where each column is a task. */
  readonly task?: "e2e" | "webnlg";
  /** Its rows, in its order. */
  readonly rows: readonly PaperRow[];
}

/** A number, with its standard deviation and what is not sure of it. */
type Printed = number | readonly [value: number, sd?: number | undefined, note?: string];

function row(
  method: string,
  printed: Readonly<Record<string, Printed>>,
  more: Omit<PaperRow, "method" | "cells"> = {},
): PaperRow {
  const cells = Object.entries(printed).map(([column, cell]) => {
    const [value, sd, note] = typeof cell === "number" ? [cell] : cell;
    return [column, {
      value,
      ...(sd !== undefined && { sd }),
      ...(note !== undefined && { note }),
    }];
  });
  return { method, cells: Object.fromEntries(cells), ...more };
}

/** A row of table 1. */
function glue(
  method: string,
  [rte, mrpc, stsb, sst2]: readonly [Printed, Printed, Printed, Printed],
  average: number,
  note?: string,
): PaperRow {
  return row(method, { rte, mrpc, stsb, sst2 }, { average, ...(note !== undefined && { note }) });
}

const quoted = "quoted in the paper from other work";
const inferred = "which cells are this row's follows from their order and the printed average";
const unsettled = "1.60, 2.11 and 0.91 are the standard deviations of three rows in unknown order";
const mismatched = (found: string) =>
  `${inferred}; the cells average ${found}, not what is printed`;

const table1: readonly PaperRow[] = [
  glue("full fine-tuning", [86.6, 90.9, 92.4, 96.4], 91.58, quoted),
  glue("lora", [[84.48, 0.98], [89.95, 0.5], [91.96, 0.48], [95.99, 0.25]], 90.6),
  glue("hiddencut (element)", [[87, 1.14], [90.69, 0.42], [91.94, 0.28], [96.1, 0.42]], 91.43),
  glue("hiddencut (column)", [[86.64, 0.8], [90.2, 0.8], [91.96, 0.11], [96.22, 0.19]], 91.26),
  glue("hiddencut (span)", [[86.64, 1.63], [90.69, 0.22], [92.05, 0.35], [96.1, 0.3]], 91.37),
  glue("dropkey (element)", [[87, 1.08], [90.93, 1.06], [92.21, 0.21], [96.22, 0.25]], 91.59),
  glue("dropkey (column)", [[87.36, 1.7], [90.93, 0.4], [92.25, 0.13], [96.22, 0.24]], 91.69),
  glue("dropkey (span)", [[86.28, 0.94], [90.69, 0.69], [92.21, 0.21], [96.22, 0.25]], 91.35),
  glue("dropattention (element)", [
    [85.56, undefined, "its standard deviation reads 11.73, perhaps 1.73"],
    [90.2, undefined, "its standard deviation reads 3.07, which is not sure"],
    [92.03, 0.27],
    [95.76, 0.3],
  ], 90.89),
  glue("dropattention (column)", [[85.56, 1.8], [90.2, 0.71], [92.11, 0.28], [95.87, 0.21]], 90.94),
  glue("dropattention (span)", [[86.28, 0.6], [89.95, 0.61], [92.21, 0.36], [96.1, 0.39]], 91.14),
  glue(
    "hiddenkey-",
    [[87.7, undefined, unsettled], [90.9, 0.72], [92.28, 0.19], [96.22, 0.2]],
    91.78,
    inferred,
  ),
  glue(
    "hiddenkey",
    [[88.1, undefined, unsettled], [91.2, 0.9], [92.3, 0.11], [96.44, 0.13]],
    92.01,
    inferred,
  ),
  glue(
    "hiddenkey- + js",
    [[87.7, 1.72], [90.9, 0.47], [92.24, 0.21], [96.22, 0.24]],
    91.77,
    inferred,
  ),
  glue(
    "hiddenkey- + input cutoff",
    [[88.5, undefined, `${unsettled}; 88.50 is no share of 277 examples`], [90.7, 1.03], [
      92.11,
      0.14,
    ], [96.33, 0.27]],
    91.16,
    mismatched("91.91"),
  ),
  glue(
    "hiddenkey- + output dropout",
    [[87.7, 2.24], [90.7, 1.2], [92.19, 0.11], [96.22, 0.15]],
    90.95,
    mismatched("91.70"),
  ),
];

/** A row of table 2. */
function e2e(
  method: string,
  [bleu, nist, meteor, rouge, cider]: readonly [Printed, Printed, Printed, Printed, Printed],
  note?: string,
): PaperRow {
  const cells = { BLEU: bleu, NIST: nist, METEOR: meteor, "ROUGE-L": rouge, CIDEr: cider };
  return row(method, cells, note === undefined ? {} : { note });
}

const gpt2E2e: readonly PaperRow[] = [
  e2e("full fine-tuning", [68.2, 8.62, 46.2, 71, 2.47], quoted),
  e2e("lora", [[68.5, 0.9], [8.615, 0.09], [46.43, 0.26], [71.08, 0.25], [2.49, 0.02]]),
  e2e("hiddencut (element)", [[69.22, 0.44], [8.7, 0.05], [46.66, 0.11], [71.39, 0.07], [
    2.491,
    0.01,
  ]]),
  e2e("dropkey (column)", [[68.78, 0.75], [8.651, 0.08], [46.53, 0.24], [71.4, 0.33], [
    2.486,
    0.01,
  ]]),
  e2e("hiddenkey-", [[69.35, 0.48], [8.726, 0.04], [46.6, 0.29], [71.61, 0.26], [2.51, 0]]),
  e2e("hiddenkey", [[69.76, 0.51], [8.765, 0.08], [46.8, 0.11], [71.78, 0.06], [2.511, 0.03]]),
];
const llamaE2e: readonly PaperRow[] = [
  e2e("lora", [[66.71, 0.65], [8.463, 0.09], [44.82, 0.26], [70.1, 0.46], [2.371, 0.01]]),
  e2e("hiddenkey", [[69.02, 0.64], [8.725, 0.08], [45.84, 0.13], [71.17, 0.13], [2.456, 0]]),
];

/** Three numbers of a part of WebNLG: BLEU, METEOR, TER. */
type WebnlgPart = readonly [bleu: Printed, meteor: Printed, ter: Printed];

/** A row of table 3: all texts, categories seen in training, and unseen ones. */
function webnlg(
  method: string,
  parts: readonly [all: WebnlgPart, seen: WebnlgPart, unseen: WebnlgPart],
  note?: string,
): PaperRow {
  const cells = ["all", "seen", "unseen"].flatMap((part, i) =>
    ["BLEU", "METEOR", "TER"].map((metric, k) => [`${metric}, ${part}`, parts[i]![k]!] as const)
  );
  return row(method, Object.fromEntries(cells), note === undefined ? {} : { note });
}

/** A cell whose standard deviation is printed as 0.00. */
const steady = (value: number): Printed => [value, 0];

const table3: readonly PaperRow[] = [
  webnlg(
    "full fine-tuning",
    [[46.5, 0.38, 0.53], [64.2, 0.45, 0.33], [27.7, 0.3, 0.76]],
    quoted,
  ),
  webnlg("lora", [
    [[54.78, 0.16], steady(0.411), steady(0.395)],
    [
      [62.3, 0.47],
      [0.42, 0.04, "looks like a slip of the paper: other rows have 0.441"],
      steady(0.331),
    ],
    [[45.53, 0.21], steady(0.376), steady(0.464)],
  ]),
  webnlg("hiddencut (element)", [
    [[55.06, 0.18], steady(0.411), steady(0.391)],
    [[62.43, 0.21], steady(0.442), steady(0.329)],
    [[46.11, 0.2], steady(0.377), steady(0.458)],
  ]),
  webnlg("dropkey (column)", [
    [[55.22, 0.34], steady(0.411), steady(0.389)],
    [[62.47, 0.17], steady(0.441), steady(0.328)],
    [[46.39, 0.75], steady(0.378), [0.455, 0.01]],
  ]),
  webnlg("hiddenkey-", [
    [[55.26, 0.2], steady(0.411), steady(0.388)],
    [[62.57, 0.24], steady(0.441), steady(0.328)],
    [[46.36, 0.34], steady(0.378), steady(0.454)],
  ]),
  webnlg("hiddenkey", [
    [[55.27, 0.21], steady(0.413), steady(0.386)],
    [[62.49, 0.18], steady(0.441), steady(0.326)],
    [[46.48, 0.46], steady(0.381), steady(0.452)],
  ]),
];

const table4: readonly PaperRow[] = [
  row("lora", { cola: [67.96, 0.25], qnli: [94.23, 0.17] }),
  row("hiddenkey", { cola: [69.91, 0.52], qnli: [95.04, 0.11] }),
];
const table5: readonly PaperRow[] = [
  row("lora", { rte: [88.45, 0.79], mrpc: [88.73, 0.56] }),
  row("hiddenkey", { rte: [90.25, 1.05], mrpc: [89.46, 0.6] }),
];

/** Tables 1 to 5. */
export const paperTables: readonly PaperTable[] = [
  { table: 1, model: "RoBERTa-large", rows: table1 },
  { table: 2, model: "GPT-2 medium", task: "e2e", rows: gpt2E2e },
  { table: 2, model: "LLaMA2-7B", task: "e2e", rows: llamaE2e },
  { table: 3, model: "GPT-2 medium", task: "webnlg", rows: table3 },
  { table: 4, model: "RoBERTa-large", rows: table4 },
  { table: 5, model: "LLaMA2-7B", rows: table5 },
];

/** Table 8: p-values of HiddenKey against other methods; the paper does not say of which test, nor of
 * which structures. */
export const paperPValues: readonly {
  /** What was trained. */
  readonly model: string;
  /** Its tasks. */
  readonly tasks: "glue" | "e2e";
  /** p-values by the method that HiddenKey is compared with. */
  readonly against: Readonly<Record<string, number>>;
}[] = [
  {
    model: "RoBERTa-large",
    tasks: "glue",
    against: {
      "lora": 0.08,
      "dropkey (column)": 0.059,
      "hiddencut (element)": 0.024,
      "hiddenkey-": 0.031,
    },
  },
  {
    model: "GPT-2 medium",
    tasks: "e2e",
    against: {
      "lora": 0.044,
      "dropkey (column)": 0.052,
      "hiddencut (element)": 0.041,
      "hiddenkey-": 0.043,
    },
  },
];
