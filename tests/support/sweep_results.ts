/** Results of sweeps, made by hand, for the tests of tables. */

import type { Collected } from "../../train/sweep/collect.ts";
import type { SweepHead, SweepResult } from "../../train/sweep/sweep_result.ts";

/** What an arm is made from: a figure a seed, from seed 1 on; `undefined` for a run that failed. */
export interface MadeArm extends Partial<Omit<SweepResult, "arm" | "seed" | "id">> {
  readonly task?: SweepResult["arm"]["task"];
  readonly method: string;
  readonly varied?: Readonly<Record<string, number | string>>;
  readonly figures: readonly (number | undefined)[];
  readonly firstSeed?: number;
}

/** The runs of an arm on RTE by accuracy, unless it says otherwise. */
export function runsOf(made: MadeArm): SweepResult[] {
  const { task = "rte", method, varied = {}, figures, firstSeed = 1, ...more } = made;
  const { metric = "accuracy", stage = "report" } = more;
  return figures.map((figure, i) => {
    const seed = firstSeed + i;
    const known = figure === undefined ? {} : { [metric]: figure };
    return {
      id: [task, method, JSON.stringify(varied), stage, seed, JSON.stringify(more.settings)].join(),
      stage,
      arm: { task, method, varied },
      seed,
      status: figure === undefined ? "failed" : "done",
      settings: {},
      metric,
      isHigherBetter: true,
      last: known,
      best: known,
      ...more,
    };
  });
}

/** A head with a baseline `lora` and learning rates that were tuned. */
export const madeHead: SweepHead = {
  name: "table1",
  plan: "0123456789abcdef",
  baseline: "lora",
  tuned: { lr: [1e-4, 1e-3] },
  version: "0.1.0",
};

/** The results of a sweep with these arms. */
export function sweepOf(arms: readonly MadeArm[], head: Partial<SweepHead> = {}): Collected {
  return { head: { ...madeHead, ...head }, results: arms.flatMap(runsOf) };
}

/** The same as the lines of `results.jsonl`. */
export function linesOf({ head, results }: Collected): string {
  return [head, ...results].map((value) => `${JSON.stringify(value)}\n`).join("");
}

/**
 * A sweep of two tasks on which one of two methods wins on each of eight seeds, with tuning, costs, a
 * run that failed and one that is left.
 */
export function wholeSweep(): Collected {
  const base = [0.5, 0.52, 0.54, 0.5, 0.56, 0.53, 0.51, 0.55];
  const better = base.map((figure, i) => figure + 0.03 + 0.002 * i);
  const mixed = base.map((figure, i) => i === 7 ? undefined : figure + (i % 2 ? 0.01 : -0.012));
  const cost = { seconds: 60, peakBytes: 4e8, backend: "CPU" };
  const settings = { model: "models/tiny", lr: 1e-3 };
  const arms = (["rte", "mrpc"] as const).flatMap((task): MadeArm[] => [
    { task, method: "lora", figures: base, settings, ...cost },
    { task, method: "hiddenkey", figures: better, settings, ...cost, seconds: 90 },
    { task, method: "dropkey (span)", figures: mixed, settings, ...cost },
    ...["lora", "hiddenkey", "dropkey (span)"].flatMap((method) =>
      [1e-4, 1e-3].map((lr): MadeArm => ({
        ...{ task, method, stage: "tune", varied: { lr }, settings: { ...settings, lr } },
        figures: [0.5 + 10 * lr, 0.52 + 10 * lr],
        firstSeed: 100_001,
      }))
    ),
  ]);
  return sweepOf(arms);
}
