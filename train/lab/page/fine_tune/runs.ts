/**
 * Runs beside each other, a worker each: what they are, and what they told so far.
 *
 * @module
 */

import type { Method } from "../../../../nn/dropout/methods.ts";
import type { EvaluationRecord } from "../../../evaluation.ts";
import type { StepRecord } from "../../../step.ts";
import { Client } from "./client.ts";
import type { Job, News, Reply, RunFacts } from "./protocol.ts";

/** Where a run is. */
export type Phase = "opening" | "training" | "stopped" | "done" | "failed";

/** One run. */
export class PageRun {
  /** Where it is. */
  phase: Phase = "opening";
  /** What it said of itself, once it was opened. */
  facts: RunFacts | undefined;
  /** Its steps. */
  readonly steps: StepRecord[] = [];
  /** Its evaluations. */
  readonly evaluations: EvaluationRecord[] = [];
  /** Why it failed, or what is fetched. */
  message = "";
  #client = new Client();

  /** Takes what is to be done; {@linkcode PageRun.start} does it. */
  constructor(readonly job: Job, private readonly onChange: () => void) {}

  /** Its method, by which it is called. */
  get method(): Method {
    return this.job.settings.method;
  }

  /** Opens and trains it, to the end or until it is stopped. */
  async start(): Promise<void> {
    this.#end(await this.#client.ask({ kind: "train", job: this.job }, (news) => this.#hear(news)));
  }

  /** Goes on where it was stopped. */
  async resume(): Promise<void> {
    this.phase = this.facts === undefined ? "opening" : "training";
    this.onChange();
    if (this.facts === undefined) return await this.start();
    this.#end(await this.#client.ask({ kind: "resume" }, (news) => this.#hear(news)));
  }

  /** Stops it behind the step that is running; what only opens is begun anew later. */
  stop(): void {
    if (this.phase !== "opening") return void this.#client.ask({ kind: "stop" });
    this.#client.close();
    this.#client = new Client();
    [this.phase, this.message] = ["stopped", ""];
    this.onChange();
  }

  /** Probabilities of the classes for a text; throws with the worker's sentence. */
  async ask(texts: readonly string[]): Promise<readonly number[]> {
    const reply = await this.#client.ask({ kind: "ask", texts });
    if (reply.kind === "answer") return reply.probabilities;
    throw new Error(reply.kind === "failed" ? reply.message : reply.kind);
  }

  /** The folder of its adapter as a zip. */
  async zip(): Promise<Uint8Array<ArrayBuffer>> {
    const reply = await this.#client.ask({ kind: "zip" });
    if (reply.kind === "zipped") return reply.bytes;
    throw new Error(reply.kind === "failed" ? reply.message : reply.kind);
  }

  /** Ends its worker. */
  close(): void {
    this.#client.close();
  }

  #hear(news: News): void {
    if (news.kind === "opened") {
      [this.facts, this.phase, this.message] = [news.facts, "training", ""];
    } else if (news.kind === "step") this.steps.push(news.record);
    else if (news.kind === "evaluation") this.evaluations.push(news.record);
    else this.message = fetchingText(news);
    this.onChange();
  }

  #end(reply: Reply): void {
    if (reply.kind === "ended") this.phase = reply.isStopped ? "stopped" : "done";
    else [this.phase, this.message] = ["failed", reply.kind === "failed" ? reply.message : ""];
    this.onChange();
  }
}

/** How far a file is. */
export function fetchingText({ file, done, total }: News & { kind: "fetching" }): string {
  return `${file}: ${megabytes(done)}${total === 0 ? "" : ` of ${megabytes(total)}`} MB`;
}

function megabytes(bytes: number): string {
  return (bytes / 1e6).toFixed(1);
}

/** An amount of memory, to three digits. */
export function bytesText(bytes: number): string {
  return bytes < 1e9 ? `${megabytes(bytes)} MB` : `${(bytes / 1e9).toPrecision(3)} GB`;
}
