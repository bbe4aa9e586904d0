/**
 * Settings by which a run takes less memory, the gentlest first.
 *
 * @module
 */

import type { TrainConfig } from "./config/config.ts";

/** Settings and the flags that make them of a run's own. */
export interface SmallerRun {
  /** What is to be added to the command line. */
  readonly flags: string;
  /** All settings. */
  readonly config: TrainConfig;
}

/** Runs whose models are stored alike. */
export interface SmallerRuns {
  /** How matrices are stored, as far as it is not the run's own. */
  readonly format: Partial<Pick<TrainConfig, "half" | "quantize">>;
  /** Of less and less memory; the first that fits is enough. */
  readonly settings: readonly SmallerRun[];
}

/**
 * The runs to try: those with the same numbers first (16 bits of the file, layers computed again, the
 * same steps in more batches), then a base of 4 bits, which has others.
 *
 * @param halves Whether the file has matrices of 16 bits that the run widens
 */
export function* smallerRuns(config: TrainConfig, halves: boolean): Generator<SmallerRuns> {
  const format = { half: true };
  if (halves) yield runsOf(config, format, "--half", [{}]);
  const again = { gradientCheckpointing: true };
  const kept = config.gradientCheckpointing ? [] : [again];
  for (const change of kept) yield runsOf(config, {}, "", [change]);
  const batches = smallerBatches(config);
  yield runsOf(config, {}, "", batches);
  const both = batches.map((fewer) => ({ ...kept[0], ...fewer }));
  const all = [...kept, ...both];
  if (halves) yield runsOf(config, format, "--half", all);
  else if (kept.length > 0) yield runsOf(config, {}, "", both);
  const codes = { half: false, quantize: "nf4" } as const;
  if (config.quantize !== "nf4") yield runsOf(config, codes, "--quantize nf4", [{}, ...all]);
}

type Change = Partial<TrainConfig>;

function runsOf(
  config: TrainConfig,
  format: SmallerRuns["format"],
  flag: string,
  changes: readonly Change[],
): SmallerRuns {
  const settings = changes.map((change) => ({
    flags: [flag, flagOf(change)].filter((part) => part !== "").join(" "),
    config: { ...config, ...format, ...change },
  }));
  return { format, settings };
}

function flagOf({ gradientCheckpointing, batch, accumulate, evalBatch }: Change): string {
  return [
    ...(gradientCheckpointing ? ["--gradient-checkpointing"] : []),
    ...(batch === undefined ? [] : [`--batch ${batch} --accumulate ${accumulate}`]),
    ...(evalBatch === undefined ? [] : [`--eval-batch ${evalBatch}`]),
  ].join(" ");
}

/** Batches of half as many examples, and of half as many again, in steps and evaluations alike. */
function smallerBatches(config: TrainConfig): Change[] {
  let { batch, accumulate, evalBatch } = config;
  const changes: Change[] = [];
  for (;;) {
    const isSplit = batch % 2 === 0;
    if (isSplit) [batch, accumulate] = [batch / 2, accumulate * 2];
    const isCut = evalBatch > batch;
    if (isCut) evalBatch = Math.ceil(evalBatch / 2);
    if (!isSplit && !isCut) return changes;
    changes.push({
      ...(batch === config.batch ? {} : { batch, accumulate }),
      ...(evalBatch === config.evalBatch ? {} : { evalBatch }),
    });
  }
}
