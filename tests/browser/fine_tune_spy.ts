/** What is noted of the lab's page while it fine-tunes. */

import { axeSource } from "axe-core";
import type { Page } from "playwright-core";
import type { EvaluationRecord } from "../../train/evaluation.ts";
import type { Job, RunFacts } from "../../train/lab/page/fine_tune/protocol.ts";
import type { StepRecord } from "../../train/step.ts";

/** A run as its worker told it. */
export interface ToldRun {
  /** What it was asked for. */
  readonly job: Job;
  /** What it said of itself; absent where it failed. */
  readonly facts?: RunFacts;
  /** Its steps. */
  readonly steps: readonly StepRecord[];
  /** Its evaluations. */
  readonly evaluations: readonly EvaluationRecord[];
  /** Whether each part of it ended as it was stopped. */
  readonly ends: readonly boolean[];
  /** Probabilities that it gave the sample when it was asked. */
  readonly answers: readonly (readonly number[])[];
  /** Why it failed. */
  readonly failures: readonly string[];
}

/** Notes what pages and workers say to each other, what is spoken, and how late timers come. */
export const spy = `
  window.runs = [];
  window.spoken = new Set();
  const Plain = Worker;
  window.Worker = class extends Plain {
    #run;
    constructor(...given) {
      super(...given);
      this.addEventListener("message", ({ data: { message } }) => {
        const run = this.#run;
        if (run === undefined) return;
        if (message.kind === "opened") run.facts = message.facts;
        if (message.kind === "step") run.steps.push(message.record);
        if (message.kind === "evaluation") run.evaluations.push(message.record);
        if (message.kind === "ended") run.ends.push(message.isStopped);
        if (message.kind === "answer") run.answers.push(message.probabilities);
        if (message.kind === "failed") run.failures.push(message.message);
      });
    }
    postMessage(given, ...rest) {
      const { kind, job } = given.message ?? {};
      if (kind === "train") {
        this.#run = { job, steps: [], evaluations: [], ends: [], answers: [], failures: [] };
        runs.push(this.#run);
      }
      super.postMessage(given, ...rest);
    }
  };
  window.late = [];
  let last = performance.now();
  setInterval(() => {
    const now = performance.now();
    late.push(now - last - 10);
    last = now;
    for (const one of document.querySelectorAll("#fine-tune [role=status]")) {
      if (one.textContent) spoken.add(one.textContent);
    }
  }, 10);`;

/** An event of a trace, as far as it is read here; times are in microseconds. */
interface TraceEvent {
  readonly name: string;
  readonly pid: number;
  readonly tid: number;
  readonly tdur?: number;
  readonly args: { readonly name?: string };
}

/** Processor time of the longest task of a page's own thread, in milliseconds. */
export function longestTask(trace: Uint8Array): number {
  const { traceEvents } = JSON.parse(new TextDecoder().decode(trace)) as {
    traceEvents: TraceEvent[];
  };
  const threadOf = ({ pid, tid }: TraceEvent) => `${pid} ${tid}`;
  const own = new Set(
    traceEvents.filter(({ name, args }) => name === "thread_name" && args.name === "CrRendererMain")
      .map(threadOf),
  );
  const times = traceEvents.filter((event) =>
    /RunTask$/.test(event.name) && own.has(threadOf(event))
  )
    .map(({ tdur = 0 }) => tdur / 1000);
  return times.reduce((most, time) => Math.max(most, time), 0);
}

/** Bytes of the page's files but the base model, each compressed. */
export async function compressedBytes(files: ReadonlyMap<string, Uint8Array>): Promise<number> {
  let sum = 0;
  for (const [path, bytes] of files) {
    if (path.endsWith(".safetensors")) continue;
    const stream = new Blob([bytes.slice()]).stream().pipeThrough(new CompressionStream("gzip"));
    sum += (await new Response(stream).arrayBuffer()).byteLength;
  }
  return sum;
}

/** How a page looks in a window as narrow as a phone's, in both themes. */
export interface Looks {
  /** Whether something is wider than the window. */
  readonly overflows: boolean;
  /** What axe finds wrong, by theme. */
  readonly violations: readonly (readonly string[])[];
}

/** Looks at the section as it stands; the window is wide again afterwards. */
export async function lookAt(page: Page): Promise<Looks> {
  await page.setViewportSize({ width: 390, height: 800 });
  const overflows = await page.evaluate<boolean>(
    "document.documentElement.scrollWidth > document.documentElement.clientWidth",
  );
  const violations: string[][] = [];
  for (const colorScheme of ["light", "dark"] as const) {
    await page.emulateMedia({ colorScheme });
    await page.evaluate(axeSource);
    violations.push(
      await page.evaluate<string[]>(`axe.run("#fine-tune").then(({ violations }) =>
        violations.flatMap(({ id, nodes }) => nodes.map(({ html }) => id + ": " + html)))`),
    );
  }
  await page.setViewportSize({ width: 1280, height: 800 });
  return { overflows, violations };
}
