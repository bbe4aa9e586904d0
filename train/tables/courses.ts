/**
 * How training went: losses and evaluations by step, averaged over the seeds.
 *
 * @module
 */

import { type Curve, downsampled, smoothed, smoothingSpan } from "../report/series.ts";
import { bcaInterval, type Interval } from "../statistics/bootstrap.ts";
import { sampleMean } from "../statistics/summary.ts";
import type { ArmRuns } from "./arms.ts";
import { resampling } from "./scores.ts";

/** The course of an arm. */
export interface ArmCourse {
  /** Method and what else tells it apart. */
  readonly label: string;
  /** Its method. */
  readonly method: string;
  /** Runs that it is the mean of. */
  readonly runs: number;
  /** Mean training loss of the steps that all runs have, smoothed as reports do. */
  readonly loss: Curve;
  /** Mean figure of the evaluations that all runs have, with an interval of 95 %. */
  readonly evaluations: readonly {
    readonly step: number;
    readonly mean: number;
    readonly interval: Interval;
  }[];
}

/** Courses of the arms of a task. */
export interface CourseTable {
  /** Task. */
  readonly task: string;
  /** Metric of the evaluations. */
  readonly metric: string;
  /** Courses of arms that have any. */
  readonly courses: readonly ArmCourse[];
}

/** Most points of a curve of losses. */
const mostPoints = 240;

/** The courses of all arms whose runs have any. */
export function coursesOf(arms: readonly ArmRuns[]): CourseTable[] {
  return [...Map.groupBy(arms, ({ task }) => task)].flatMap(([task, own]) => {
    const courses = own.flatMap((arm) => courseOf(arm) ?? []);
    return courses.length === 0 ? [] : [{ task, metric: own[0]!.metric, courses }];
  });
}

function courseOf({ label, method, metric, runs }: ArmRuns): ArmCourse | undefined {
  const courses = runs.flatMap(({ course = [] }) => course.length === 0 ? [] : [course]);
  if (courses.length === 0) return undefined;
  const losses = shared(courses, "loss");
  const curve = {
    steps: losses.map(({ step }) => step),
    values: losses.map(({ values }) => sampleMean(values)),
  };
  const span = smoothingSpan(curve.steps.length);
  return {
    ...{ label, method },
    runs: courses.length,
    loss: downsampled(smoothed(curve, span), mostPoints),
    evaluations: shared(courses, `eval_${metric}`).map(({ step, values }) => ({
      step,
      mean: sampleMean(values),
      interval: bcaInterval(values, sampleMean, resampling),
    })),
  };
}

/** Values of a name at the steps at which every course has a finite one. */
function shared(
  courses: readonly (readonly Readonly<Record<string, number>>[])[],
  name: string,
): { readonly step: number; readonly values: readonly number[] }[] {
  const byStep = courses.map((course) =>
    new Map(
      course.filter((line) => Number.isFinite(line[name])).map((
        line,
      ) => [line["step"]!, line[name]!]),
    )
  );
  const steps = [...byStep[0]!.keys()].filter((step) => byStep.every((one) => one.has(step)));
  return steps.map((step) => ({ step, values: byStep.map((one) => one.get(step)!) }));
}
