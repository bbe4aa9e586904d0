/**
 * Fine-tuning in the page: what is learned and how, curves of a few methods beside each other, and
 * the trained models in use.
 *
 * @module
 */

import { element } from "../dom.ts";
import type { PageSection } from "../section.ts";
import { choices, type ChoiceState, settingsOf } from "./choices.ts";
import { Client } from "./client.ts";
import { button, statusLine } from "./controls.ts";
import { type DataView, dataView } from "./data_view.ts";
import { type ModelView, modelView } from "./model_view.ts";
import type { Facts, Job } from "./protocol.ts";
import { fetchingText, Run } from "./runs.ts";
import { RunsView } from "./runs_view.ts";
import { settingsView } from "./settings_view.ts";
import { UseView } from "./use_view.ts";

/** Milliseconds without a change before data are read. */
const pause = 300;

/** The runs that are asked for; none where model, data or methods are still to be chosen. */
function jobsOf(state: ChoiceState, models: ModelView, tables: DataView): Job[] {
  const [model, data] = [models.choice(), tables.choice()];
  if (model === undefined || data === undefined) return [];
  return state.get("methods").map((method) => ({
    model,
    data,
    settings: settingsOf(state, method),
    machine: state.get("machine"),
  }));
}

/** What is said of data that can be learned. */
function factsText({ train, dev, classes, steps, notes }: Facts): string {
  const shown = classes.length > 6 ? `${classes.length} classes` : classes.join(", ");
  return [
    `${train} examples to learn, ${dev} to judge by: ${shown}.`,
    `${steps} steps for each method.`,
    ...notes.map((note) => `${note}.`),
  ].join(" ");
}

/** Reads model and data before anything is trained, and says what is wrong with them. */
class Checker {
  readonly status = statusLine();
  #client: Client | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #count = 0;

  constructor(private readonly job: () => Job | undefined) {}

  /** Reads them once nothing has changed for a moment. */
  soon(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.#check(), pause);
  }

  async #check(): Promise<void> {
    const job = this.job();
    const number = ++this.#count;
    if (job === undefined) return this.status.say("Choose a model, data and a method.");
    this.#client ??= new Client();
    const reply = await this.#client.ask({ kind: "check", job }, (news) => {
      if (news.kind === "fetching") this.status.say(fetchingText(news));
    });
    // Another one may have been asked for meanwhile.
    if (number !== this.#count) return;
    if (reply.kind === "checked") this.status.say(factsText(reply.facts));
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
  #current: readonly Run[] = [];

  constructor(private readonly jobs: () => readonly Job[]) {
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
    for (const run of this.#current) run.close();
    const jobs = this.jobs();
    if (jobs.length === 0) {
      return this.#status.say("Choose a model, data and a method first.", true);
    }
    this.#current = jobs.map((job) => new Run(job, () => this.#changed()));
    this.#runs.show(this.#current);
    for (const run of this.#current) void run.start();
    this.#changed();
  }

  #stopOrGoOn(): void {
    const isRunning = this.#current.some(({ phase }) => phase === "training");
    for (const run of this.#current) {
      if (isRunning) run.stop();
      else if (run.phase === "stopped") void run.resume();
    }
  }

  #changed(): void {
    const of = (phase: Run["phase"]) => this.#current.filter((run) => run.phase === phase).length;
    const isBusy = of("training") + of("opening") > 0;
    this.#stop.hidden = of("training") + of("stopped") === 0;
    this.#stop.textContent = isBusy ? "Stop" : "Go on";
    this.#train.textContent = this.#current.length === 0 ? "Train" : "Train anew";
    const failed = this.#current.find(({ phase }) => phase === "failed");
    const backend = this.#current.find(({ facts }) => facts !== undefined)?.facts?.backend;
    if (failed !== undefined) this.#status.say(failed.message, true);
    else if (isBusy) {
      this.#status.say(backend === undefined ? "Opening…" : `Training on ${backend}.`);
    } else if (of("stopped") > 0) this.#status.say("Stopped; going on changes no number.");
    else this.#status.say("Done.");
    this.#runs.changed();
    this.#use.show(this.#current);
  }
}

/** The section that trains. */
export const fineTuneSection: PageSection<typeof choices> = {
  id: "fine-tune",
  title: "Fine-tune it here",
  fields: choices,
  mount(root, state) {
    const changed = () => checker.soon();
    const models = modelView(state, changed);
    const tables = dataView(state, changed);
    const settings = settingsView(state, changed);
    const checker = new Checker(() => jobsOf(state, models, tables)[0]);
    const trainer = new Trainer(() => jobsOf(state, models, tables));
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
          "Nothing that you choose or type leaves this machine.",
      ),
      element("h3", {}, "What is learned"),
      element("div", { class: "pair" }, models.root, tables.root),
      checker.status.root,
      element("h3", {}, "How"),
      settings.root,
      element("h3", {}, "Train"),
      element(
        "p",
        { class: "look" },
        "What to look for: plain LoRA learns the demonstration's wrong labels by heart. Its loss on " +
          "what is learned keeps falling, and it is right less and less often on unseen pairs. " +
          "HiddenKey has a harder time with single examples, and stays right more often.",
      ),
      trainer.root,
    );
  },
};
