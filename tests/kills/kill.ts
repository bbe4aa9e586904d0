/** Runs in processes of their own that are killed at random moments, and resumed. */

import { foldKey, seedKey, uniform } from "../../core/random.ts";
import { namesIn, Workspace } from "../support/workspace.ts";
import { differencesOf, leftoversIn, runContents } from "./compare.ts";
import { usualFlags } from "./recipes.ts";

/** A signal to a process, at a share of the time that a whole run takes. */
export interface Blow {
  /** What the process is sent. */
  readonly signal: "SIGKILL" | "SIGTERM" | "SIGHUP";
  /** When, from 0 to 1. */
  readonly moment: number;
}

/** What came of a run that was killed. */
export interface KillResult {
  /** What it was sent, one for each of its processes but the last. */
  readonly blows: readonly Blow[];
  /** What there was after each: nothing, a run without a checkpoint or with one, or a whole run. */
  readonly states: readonly RunState[];
  /** How many of the processes were asked to end and saved a checkpoint. */
  readonly saved: number;
  /** What differs; nothing where all is well. */
  readonly differences: readonly string[];
}

/** How far a run came. */
export type RunState = "nothing" | "no checkpoint" | "checkpoint" | "over";

/**
 * What runs are sent: of each three, one is killed once, one twice or three times, and one is asked
 * to end, then killed where there is a second blow.
 */
export function blowsOf(count: number, seed: number): Blow[][] {
  return Array.from({ length: count }, (_, i) => {
    const [which = 0, ...moments] = uniform(foldKey(seedKey(seed), `kill ${i}`), 4);
    const kills = moments.map((moment): Blow => ({ signal: "SIGKILL", moment }));
    if (i % 3 === 0) return kills.slice(0, 1);
    if (i % 3 === 1) return kills.slice(0, which < 0.5 ? 2 : 3);
    const asked: Blow = { signal: which < 0.5 ? "SIGTERM" : "SIGHUP", moment: moments[0]! };
    return which * 4 % 1 < 0.25 ? [asked, kills[1]!] : [asked];
  });
}

const root = decodeURIComponent(new URL("../..", import.meta.url).pathname);
const saveEvery = 3;
const flags = [
  ...["--method=hiddenkey", "--epochs=12", `--save-every=${saveEvery}`, "--keep=2"],
  ...["--eval-every=5", "--best-metric=loss", "--tensorboard", "--lr=0.005"],
];

/** A folder for runs, with those that they are compared with. */
export class KillBench implements AsyncDisposable {
  #folders = 0;

  private constructor(
    private readonly workspace: Workspace,
    /** Milliseconds that a whole run takes. */
    readonly duration: number,
    private readonly whole: Readonly<Record<string, string>>,
    /** The same with a checkpoint after each step. */
    private readonly steps: Readonly<Record<string, string>>,
  ) {}

  /** Makes the folder, its model and data, and the whole runs; the first one warms the caches. */
  static async open(): Promise<KillBench> {
    const workspace = await Workspace.open();
    const [every, whole] = [workspace.out("every"), workspace.out("whole")];
    const args = newRun(workspace);
    const often = args.map((arg) =>
      arg.replace(/^--save-every=.*/, "--save-every=1").replace(/^--keep=.*/, "--keep=1000")
    );
    requireEnd(await train([...often, `--out=${every}`]));
    const started = performance.now();
    requireEnd(await train([...args, `--out=${whole}`]));
    const duration = performance.now() - started;
    const contents = [await runContents(whole), await runContents(every)] as const;
    return new KillBench(workspace, duration, ...contents);
  }

  /** Removes the folder. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.workspace[Symbol.asyncDispose]();
  }

  /** Begins a run, kills it and goes on as often as there are blows, and looks for what differs. */
  async kill(blows: readonly Blow[]): Promise<KillResult> {
    const name = `killed-${this.#folders++}`;
    const out = this.workspace.out(name);
    const states: RunState[] = [];
    const differences: string[] = [];
    let saved = 0;
    const args = () =>
      ["no checkpoint", "checkpoint", "over"].includes(stateOf(this.workspace.root, name))
        ? [`--resume=${out}`]
        : [...newRun(this.workspace), `--out=${out}`];
    try {
      for (const { signal, moment } of blows) {
        const ended = await train(args(), { signal, after: moment * this.duration });
        const handled = signal !== "SIGKILL" && ended.signal === null && ended.code !== 0;
        if (handled) differences.push(...wrongEnd(signal, ended));
        else if (ended.signal !== signal) requireEnd(ended);
        if (handled) saved++;
        states.push(stateOf(this.workspace.root, name));
      }
      requireEnd(await train(args()));
      const contents = await runContents(out);
      differences.push(
        ...saved === 0 ? differencesOf(this.whole, contents) : this.#askedDifferences(contents),
      );
      differences.push(...leftoversIn(out));
    } catch (error) {
      differences.push(String(error));
    }
    await Deno.remove(out, { recursive: true }).catch(() => {});
    return { blows, states, saved, differences };
  }

  /**
   * Differences of a run that was asked to end. It has a checkpoint of a step of its own, so that
   * others may have gone: each is compared with that of its step.
   */
  #askedDifferences(contents: Readonly<Record<string, string>>): string[] {
    const stepOf = (path: string) => /^\/checkpoint-(\d+)\//.exec(path)?.[1];
    const usual = (all: Readonly<Record<string, string>>) =>
      Object.fromEntries(Object.entries(all).filter(([path]) => stepOf(path) === undefined));
    const own = new Set(Object.keys(contents).map(stepOf));
    // What the run remembers within an evaluation is not what it remembers behind it.
    const compared = ([path]: readonly [string, string]) => {
      const step = stepOf(path);
      return step !== undefined && own.has(step) &&
        (Number(step) % saveEvery === 0 || path.endsWith(".safetensors"));
    };
    const checkpoints = (all: Readonly<Record<string, string>>) =>
      Object.fromEntries(
        Object.entries(all).filter(compared).map(([path, text]) => [path, unscheduled(text)]),
      );
    return [
      ...differencesOf(usual(this.whole), usual(contents)),
      ...differencesOf(checkpoints(this.steps), checkpoints(contents)),
    ];
  }
}

/** Text without when checkpoints come. */
function unscheduled(text: string): string {
  return text.replace(/"(saveEvery|keep)": \d+/g, '"$1": N');
}

function newRun(workspace: Workspace): readonly string[] {
  return [...usualFlags(workspace).filter((flag) => !flag.startsWith("--epochs")), ...flags];
}

/** How a process ended. */
interface Ended extends Deno.CommandStatus {
  readonly text: string;
}

/** Runs `train` in a process, which may be sent a signal after some milliseconds. */
async function train(
  args: readonly string[],
  blow?: { readonly signal: Deno.Signal; readonly after: number },
): Promise<Ended> {
  const permissions = ["--no-prompt", "--allow-read", "--allow-write", "--allow-env"];
  const child = new Deno.Command("deno", {
    args: ["run", "--quiet", ...permissions, "train/main.ts", "train", ...args],
    cwd: root,
    env: { NO_COLOR: "1" },
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const timer = blow && setTimeout(() => {
    try {
      child.kill(blow.signal);
    } catch {
      // It has ended.
    }
  }, blow.after);
  const { stdout, stderr, code, success, signal } = await child.output();
  clearTimeout(timer);
  const text = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes)).join("");
  return { code, success, signal, text };
}

function requireEnd({ success, text }: Ended): void {
  if (!success) throw new Error(`a run that ends well is required: ${text.slice(-300)}`);
}

/** What is wrong with the end of a process that was asked to end. */
function wrongEnd(signal: Blow["signal"], { code, text }: Ended): string[] {
  const required = signal === "SIGTERM" ? 143 : 129;
  const isSaved = /saved \S+checkpoint-\d+\n/.test(text);
  return code === required && isSaved
    ? []
    : [`${signal} ended it with ${code}: ${text.slice(-300)}`];
}

function stateOf(root: string, name: string): RunState {
  if (!namesIn(root).includes(name)) return "nothing";
  const names = namesIn(`${root}/${name}`);
  if (!names.includes("run.json")) return "nothing";
  const json = JSON.parse(Deno.readTextFileSync(`${root}/${name}/run.json`));
  if (json.result !== undefined) return "over";
  // One that was being replaced has its name back when the run goes on.
  return names.some((each) => /^checkpoint-\d+$|^\.checkpoint-\d+\.old$/.test(each))
    ? "checkpoint"
    : "no checkpoint";
}

/** Resumes a run twice at once; gives what is wrong: one must be refused, the other end the run. */
export async function resumeTwice(): Promise<string[]> {
  await using workspace = await Workspace.open();
  const out = workspace.out("two");
  const long = [...usualFlags(workspace), "--epochs=100", "--save-every=10", `--out=${out}`]
    .filter((flag) => flag !== "--epochs=2");
  await train(long, { signal: "SIGTERM", after: 2500 });
  if (stateOf(workspace.root, "two") !== "checkpoint") return ["no run to resume"];
  const ends = await Promise.all([1, 2].map(() => train([`--resume=${out}`])));
  const refused = ends.filter(({ code, text }) =>
    code === 1 && text.includes("as no other process may hold it")
  );
  const ended = ends.filter(({ success }) => success);
  const wrong = refused.length === 1 && ended.length === 1
    ? []
    : ends.map(({ code, text }) => `${code}: ${text.slice(-200)}`);
  const lines = (await Deno.readTextFile(`${out}/metrics.jsonl`)).trimEnd().split("\n");
  const steps = lines.map((line) => JSON.parse(line)).filter((line) => "loss" in line);
  if (steps.length !== 400) wrong.push(`${steps.length} lines for 400 steps`);
  return [...wrong, ...leftoversIn(out)];
}
