/**
 * Fine-tuning in the page: what is learned and how, curves of a few methods beside each other, and
 * the trained models in use.
 *
 * @module
 */

import { element } from "../dom.ts";
import type { PageSection } from "../section.ts";
import { choices, type ChoiceState, chosenSettings } from "./choices.ts";
import { Client } from "./client.ts";
import { button, statusLine } from "./controls.ts";
import { type DataView, dataView } from "./data_view.ts";
import { type ModelView, modelView } from "./model_view.ts";
import type { Job, Reply } from "./protocol.ts";
import { bytesText, fetchingText, PageRun } from "./runs.ts";
import { RunsView } from "./runs_view.ts";
import { type SettingsView, settingsView } from "./settings_view.ts";
import { UseView } from "./use_view.ts";

/** Milliseconds without a change before data are read. */
const pause = 300;

/** What the section's jobs are made of. */
interface Views {
  readonly models: ModelView;
  readonly tables: DataView;
  readonly settings: SettingsView;
}

/** The runs that are asked for, or what is still to be chosen. */
function jobsOf(state: ChoiceState, { models, tables, settings }: Views): Job[] | string {
  const [model, data, chosen] = [models.choice(), tables.choice(), state.get("methods")];
  const fault = settings.fault();
  if (fault !== undefined) return fault;
  if (model === undefined) {
    return state.get("model") === "hub" ? "Name a repository and fetch it." : "Choose a folder.";
  }
  if (data === undefined) return "Paste a table or choose its file.";
  if (chosen.length === 0) return "Choose a method.";
  const machine = state.get("machine");
  return chosen.map((method) => ({
    model,
    data,
    machine,
    settings: chosenSettings(state, method),
  }));
}

/** What is said of data that can be learned, and of the memory that takes. */
function factsText({ facts, memory }: Reply & { kind: "checked" }): string {
  const { train, dev, classes, steps, notes } = facts;
  const shown = classes.length > 6 ? `${classes.length} classes` : classes.join(", ");
  return [
    `${train} examples to learn, ${dev} to judge by: ${shown}.`,
    `${steps} ${steps === 1 ? "step" : "steps"} and ${
      bytesText(memory)
    } of tensors for each method.`,
    ...notes.map((note) => `${note}.`),
  ].join(" ");
}

/** Reads model and data before anything is trained, and says what is wrong with them. */
class Checker {
  readonly status = statusLine();
  #client: Client | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #count = 0;

  constructor(private readonly jobs: () => readonly Job[] | string) {}

  /** Reads them once nothing has changed for a moment. */
  soon(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.#check(), pause);
  }

  async #check(): Promise<void> {
    const jobs = this.jobs();
    const number = ++this.#count;
    if (typeof jobs === "string") return this.status.say(jobs);
    this.#client ??= new Client();
    const reply = await this.#client.ask({ kind: "check", job: jobs[0]! }, (news) => {
      if (news.kind === "fetching") this.status.say(fetchingText(news));
    });
    // Another one may have been asked for meanwhile.
    if (number !== this.#count) return;
    if (reply.kind === "checked") this.status.say(factsText(reply));
    else if (reply.kind === "failed") this.status.say(reply.message, true);
  }
}

/** The buttons, and the runs that they start, stop and go on with. */
class Trainer {
  readonly root: HTMLElement;
  readonly #status = statusLine();
  readonly #runs = new RunsView();
  readonly #use = new UseView();
  readonly #train = button("Train", () => this.#start());
  readonly #stop = button("Stop", () => this.#stopOrGoOn());
  #current: readonly PageRun[] = [];

  constructor(private readonly jobs: () => readonly Job[] | string) {
    this.#stop.hidden = true;
    this.#train.classList.add("main");
    this.root = element(
      "div",
      {},
      element("div", { class: "controls" }, this.#train, this.#stop),
      this.#status.root,
      this.#runs.root,
      this.#use.root,
    );
  }

  #start(): void {
    const jobs = this.jobs();
    if (typeof jobs === "string") return this.#status.say(jobs, true);
    for (const run of this.#current) run.close();
    this.#current = jobs.map((job) => new PageRun(job, () => this.#changed()));
    this.#runs.show(this.#current);
    for (const run of this.#current) void run.start();
    this.#changed();
  }

  #stopOrGoOn(): void {
    const running = this.#current.filter(({ phase }) =>
      phase === "training" || phase === "opening"
    );
    for (const run of running) run.stop();
    if (running.length > 0) return;
    for (const run of this.#current) if (run.phase === "stopped") void run.resume();
  }

  #changed(): void {
    const of = (phase: PageRun["phase"]) =>
      this.#current.filter((run) => run.phase === phase).length;
    const isBusy = of("training") + of("opening") > 0;
    this.#stop.hidden = !isBusy && of("stopped") === 0;
    this.#stop.textContent = isBusy ? "Stop" : "Go on";
    this.#train.textContent = this.#current.length === 0 ? "Train" : "Train anew";
    const failed = this.#current.find(({ phase }) => phase === "failed");
    const backend = this.#current.find(({ facts }) => facts !== undefined)?.facts?.backend;
    if (failed !== undefined) this.#status.say(failed.message, true);
    else if (isBusy) {
      this.#status.say(backend === undefined ? "Opening…" : `Training on ${backend}.`);
    } else if (of("stopped") > 0) {
      this.#status.say("Stopped. Runs that go on have the numbers of runs that never stopped.");
    } else this.#status.say("Done.");
    this.#runs.changed();
    this.#use.show(this.#current);
  }
}

/** The section that trains. */
export const fineTuneSection: PageSection<typeof choices> = {
  id: "fine-tune",
  title: "Fine-tune a model here",
  fields: choices,
  mount(root, state) {
    const changed = () => checker.soon();
    const models = modelView(state, changed);
    const tables = dataView(state, changed);
    const settings = settingsView(state, changed);
    const jobs = () => jobsOf(state, { models, tables, settings });
    const checker = new Checker(jobs);
    const trainer = new Trainer(jobs);
    const restore = () => {
      for (const view of [models, tables, settings]) view.restore();
      checker.soon();
    };
    state.onRestore(restore);
    restore();
    root.append(
      element(
        "p",
        {},
        "Train a model in this page, with several kinds of dropout beside each other. " +
          "Texts and models stay on this machine; the hub is asked for the repository that you fetch.",
      ),
      element("h3", {}, "What is learned"),
      element("div", { class: "pair" }, models.root, tables.root),
      checker.status.root,
      element("h3", {}, "How it is learned"),
      settings.root,
      element("h3", {}, "Train"),
      element(
        "p",
        { class: "hint" },
        element(
          "span",
          { class: "look" },
          "In the demonstration plain LoRA ends less often right on unseen pairs than HiddenKey.",
        ),
        " It learns the wrong labels by heart: its loss on what is learned keeps falling. HiddenKey " +
          "cannot lean on single words, so it stays right more often. It is also less sure of what " +
          "it says, which costs loss on unseen pairs: the two measures judge different things.",
      ),
      trainer.root,
    );
  },
};
