/**
 * What `train` shows while it runs: where it is, how long it still takes, and how it goes.
 *
 * @module
 */

import type { EvaluationRecord } from "../evaluation.ts";
import type { StepRecord } from "../step.ts";
import type { Progress } from "../tasks/progress.ts";
import { clockText, type Screen, StatusLine } from "./terminal.ts";
import { progressParts } from "./work_line.ts";

/** Weight of the steps before in a smoothed loss. */
const memory = 0.95;

/** A mean in which a value counts less with each that follows; the first ones count in full. */
class Smoothed {
  #sum = 0;
  #weight = 0;

  add(value: number): number {
    this.#sum = memory * this.#sum + (1 - memory) * value;
    this.#weight = memory * this.#weight + (1 - memory);
    return this.#sum / this.#weight;
  }
}

/** What a run calls what is shown of it. */
export interface ShownNames {
  /** Metric of evaluations that the line has; default their first. */
  readonly metric?: string | undefined;
  /** Loss between two passes; default KL. */
  readonly compensation?: string | undefined;
}

/** What is shown of a run. */
export class TrainProgress {
  readonly #line: StatusLine;
  readonly #task = new Smoothed();
  readonly #compensation = new Smoothed();
  /** When something last happened, in milliseconds. */
  #last: number;
  /** When the first step of this process began, and how many steps there had been. */
  #training: { readonly since: number; readonly from: number } | undefined;
  #tokens = 0;
  #dev: string[] = [];

  /** Shows nothing yet. */
  constructor(private readonly screen: Screen, private readonly names: ShownNames = {}) {
    this.#line = new StatusLine(screen);
    this.#last = screen.now();
  }

  /** A message, which stays. */
  say(message: string): void {
    this.#line.say(message);
    this.#last = this.screen.now();
  }

  /** Takes away what is shown, before something else writes. */
  clear(): void {
    this.#line.clear();
  }

  /** A step, of so many. */
  step(record: StepRecord, steps: number): void {
    const { step, tokens } = record;
    this.#training ??= { since: this.#last, from: step - 1 };
    const { since, from } = this.#training;
    this.#tokens += tokens;
    this.#last = this.screen.now();
    const passed = (this.#last - since) / 1000;
    const left = passed / (step - from) * (steps - step);
    this.#line.show([
      `step ${step}/${steps}`,
      `${clockText(passed)}<${clockText(left)}`,
      ...this.#losses(record),
      ...this.#dev,
      `${rateText(this.#tokens / passed)} tok/s`,
    ], step === from + 1 || step === steps);
  }

  #losses({ task_loss: task, compensation }: StepRecord): string[] {
    const shown = `loss ${this.#task.add(task).toFixed(4)}`;
    if (compensation === undefined) return [shown];
    const { compensation: name = "kl" } = this.names;
    return [`${shown} + ${name.toUpperCase()} ${this.#compensation.add(compensation).toFixed(4)}`];
  }

  /** Work between steps. */
  work(progress: Progress): void {
    this.#line.show(progressParts(progress));
    this.#last = this.screen.now();
  }

  /** An evaluation. */
  evaluation({ step, epoch, ...figures }: EvaluationRecord, isBest: boolean): void {
    const list = Object.entries(figures).map(([name, value]) =>
      [name.replace("eval_", ""), value.toFixed(4)] as const
    );
    const texts = list.map(([name, value]) => `${name} ${value}`);
    const best = isBest ? ["best so far"] : [];
    this.#line.sayParts([`step ${step}`, `epoch ${epoch.toFixed(2)}`, ...texts, ...best]);
    this.#last = this.screen.now();
    const shown = list.find(([name]) => name === this.names.metric) ?? list[0];
    this.#dev = shown === undefined ? [] : [`dev ${shown.join(" ")}`];
  }
}

/** A number of tokens, to three digits. */
function rateText(rate: number): string {
  if (!Number.isFinite(rate)) return "-";
  return rate < 1000 ? rate.toFixed(0) : `${Number((rate / 1000).toPrecision(3))}k`;
}
