/**
 * How far a sweep is, and what is remarkable of it.
 *
 * @module
 */

import { nameOf } from "./arms.ts";
import { type Choice, pointOf } from "./choice.ts";
import type { PlannedRun, Stage } from "./planned_run.ts";
import { changedSources } from "./run_sources.ts";
import type { RunStatus } from "./sweep_result.ts";
import type { RunState, SweepState } from "./sweep_state.ts";

/** How far the runs of a stage are. */
export interface StageStatus {
  /** What they are for. */
  readonly stage: Stage;
  /** How many there are. */
  readonly runs: number;
  /** How many are how far. */
  readonly counts: Readonly<Record<RunStatus, number>>;
}

/** How far a sweep is. */
export interface SweepStatus {
  /** By stage, those that have runs. */
  readonly stages: readonly StageStatus[];
  /** Runs that failed, with their sentences. */
  readonly failures: readonly { readonly run: PlannedRun; readonly error: string }[];
  /** What is remarkable of the settings that were chosen, one line each. */
  readonly remarks: readonly string[];
  /** Seconds that one process still needs, by medians of what is done; undefined where nothing is. */
  readonly secondsLeft: number | undefined;
}

/**
 * Looks how far a sweep is.
 *
 * @throws {FileError} If a file of it is malformed
 */
export async function statusOf(sweep: SweepState): Promise<SweepStatus> {
  const states = await sweep.states();
  const stages = (["tune", "report"] as const).flatMap((stage) => {
    const own = states.filter(({ run }) => run.stage === stage);
    return own.length === 0 ? [] : [{ stage, runs: own.length, counts: countsOf(own) }];
  });
  const failures = states.flatMap(({ run, outcome }) =>
    outcome?.status === "failed" ? [{ run, error: outcome.error ?? "no reason is known" }] : []
  );
  const changed = changedSources(states.flatMap(({ outcome }) => outcome ?? []))
    .map((what) => `changed between the runs: ${what}`);
  const remarks = [...changed, ...remarksOf(sweep, states)];
  return { stages, failures, remarks, secondsLeft: secondsLeft(states) };
}

function countsOf(states: readonly RunState[]): Record<RunStatus, number> {
  const counts = { done: 0, failed: 0, running: 0, waiting: 0, left: 0 };
  for (const { status } of states) counts[status]++;
  return counts;
}

/** Runs are taken to need the median of those of their task and method, or of their task, or of all. */
function secondsLeft(states: readonly RunState[]): number | undefined {
  const open = states.filter(({ outcome }) => outcome === undefined);
  const times = new Map<string, number[]>();
  const keysOf = ({ arm: { task, method } }: PlannedRun) => [`${task} ${method}`, task, ""];
  for (const { run, outcome } of states) {
    if (outcome?.status !== "done") continue;
    for (const key of keysOf(run)) times.set(key, [...times.get(key) ?? [], outcome.seconds]);
  }
  if (times.size === 0) return open.length === 0 ? 0 : undefined;
  const medians = new Map([...times].map(([key, list]) => [key, middleOf(list)]));
  const expected = ({ run }: RunState) =>
    medians.get(keysOf(run).find((key) => medians.has(key))!)!;
  return open.reduce((sum, state) => sum + expected(state), 0);
}

function middleOf(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return (sorted[(sorted.length - 1) >> 1]! + sorted[sorted.length >> 1]!) / 2;
}

/** What was chosen at the edge of its grid, and what could not be chosen from, a line for each arm. */
function remarksOf(sweep: SweepState, states: readonly RunState[]): string[] {
  const byId = new Map(sweep.plan.runs.map((run) => [run.id, run]));
  const arms = Map.groupBy(states, ({ run }) => nameOf(run.arm));
  return [...arms].flatMap(([name, members]) => {
    const { run, choice } = members.find(({ choice }) => choice !== undefined) ?? {};
    if (run?.tunedBy === undefined || choice === undefined || choice.open > 0) return [];
    const tuned = Object.keys(sweep.plan.head.tuned);
    const points = run.tunedBy.map((id) => pointOf(byId.get(id)!.settings, tuned));
    const stale = members.filter((one) => isStale(one, choice)).length;
    return [
      ...failedRemarks(name, choice),
      ...edgeRemarks(name, choice, points),
      ...(stale === 0 ? [] : [`${name}: ${stale} runs have settings that are no longer chosen`]),
    ];
  });
}

/** Whether a run was made before a run that was tried again changed the choice. */
function isStale({ outcome }: RunState, { point = {} }: Choice): boolean {
  if (outcome?.status !== "done") return false;
  return Object.entries(point).some(([name, value]) => outcome.settings[name] !== value);
}

function failedRemarks(name: string, { failed, point }: Choice): string[] {
  if (point === undefined) return [`${name}: each point that was tried has a run that failed`];
  return failed === 0 ? [] : [`${name}: ${failed} of the runs that were tried failed`];
}

function edgeRemarks(
  name: string,
  { point = {} }: Choice,
  points: readonly Readonly<Record<string, number>>[],
): string[] {
  return Object.entries(point).flatMap(([option, value]) => {
    const values = new Set(points.map((one) => one[option]!));
    const [least, most] = [Math.min(...values), Math.max(...values)];
    if (values.size < 2 || (value > least && value < most)) return [];
    return [`${name}: the best ${option}, ${value}, lies at the edge of the grid`];
  });
}
