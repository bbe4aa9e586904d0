/**
 * The trained models in use: what each says of a text, and its adapter to take home.
 *
 * @module
 */

import { grammarWords } from "../../../data/grammar_clauses.ts";
import { element } from "../dom.ts";
import { button, scrolled, statusLine } from "./controls.ts";
import { colourOf } from "./curves.ts";
import type { RunFacts } from "./protocol.ts";
import type { PageRun } from "./runs.ts";

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** Hands bytes over as a file. */
function save(bytes: Uint8Array<ArrayBuffer>, name: string): void {
  const address = URL.createObjectURL(new Blob([bytes], { type: "application/zip" }));
  element("a", { href: address, download: name }).click();
  // The browser takes the bytes when it begins to save, which is later.
  setTimeout(() => URL.revokeObjectURL(address), 60_000);
}

/** What helps to ask the demonstration. */
function hintOf({ job: { model, data } }: PageRun, { classes }: RunFacts): string {
  const asks = data.kind === "demo"
    ? `Does the second sentence follow from the first (${classes[0]}), or not? `
    : "";
  return asks + (model.kind === "demo" ? `The model knows these words alone: ${known}` : "");
}

const known = grammarWords.toSorted().join(" ");

/** Table of what each model says. */
function answersTable(
  { classes }: RunFacts,
  answers: readonly (readonly [PageRun, readonly number[]])[],
): HTMLElement {
  const titles = ["Method", ...classes].map((title) => element("th", { scope: "col" }, title));
  const rows = answers.map(([{ method }, probabilities]) => {
    const most = Math.max(...probabilities);
    const cells = probabilities.map((one) =>
      element(
        "td",
        { class: one === most ? "number most" : "number" },
        `${(100 * one).toFixed(1)} %`,
      )
    );
    const name = element("span", { class: `swatch ${colourOf(method)}` }, method);
    return element("tr", {}, element("th", { scope: "row" }, name), ...cells);
  });
  return scrolled(
    "Answers",
    element(
      "table",
      { class: "results" },
      element("caption", {}, "What each model says"),
      element("thead", {}, element("tr", {}, ...titles)),
      element("tbody", {}, ...rows),
    ),
  );
}

/** The part of the section that uses what was trained. */
export class UseView {
  /** Element to put into the page. */
  readonly root: HTMLElement;
  readonly #status = statusLine();
  readonly #texts = element("div", { class: "texts" });
  readonly #hint = element("p", { class: "hint" });
  readonly #answers = element("div");
  readonly #downloads = element("div", { class: "controls" });
  #runs: readonly PageRun[] = [];
  /** The texts that were offered last: what was typed since stays until there are others. */
  #offered = "";

  /** Makes it, hidden until a run is open. */
  constructor() {
    const form = element(
      "form",
      {},
      this.#texts,
      element("button", { type: "submit" }, "Ask the models"),
    );
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      void this.#ask();
    });
    this.root = element(
      "div",
      { hidden: true },
      element("h3", {}, "Use what was trained"),
      element(
        "p",
        {},
        "Ask at any time, also while they train: change a word and see who changes sides.",
      ),
      this.#hint,
      form,
      this.#answers,
      this.#status.root,
      element("p", {}, "Each adapter is a folder that PEFT for Python reads:"),
      this.#downloads,
    );
  }

  /** Offers the runs that are open. */
  show(runs: readonly PageRun[]): void {
    const open = runs.filter(({ facts, phase }) => facts !== undefined && phase !== "failed");
    if (open.length === this.#runs.length && open.every((run, i) => run === this.#runs[i])) return;
    this.#runs = open;
    this.#answers.replaceChildren();
    this.#status.say("");
    this.#downloads.replaceChildren(
      ...open.map((run) => button(`Download ${run.method}`, () => void this.#save(run))),
    );
    const facts = open[0]?.facts;
    this.root.hidden = facts === undefined;
    if (facts !== undefined) this.#offer(facts);
  }

  /** Offers a training example as a start. */
  #offer(facts: RunFacts): void {
    const offered = JSON.stringify(facts.sample);
    if (offered === this.#offered) return;
    this.#offered = offered;
    this.#hint.textContent = hintOf(this.#runs[0]!, facts);
    this.#texts.replaceChildren(...facts.sample.map((text, i) => {
      const label = facts.pairs ? ["First sentence", "Second sentence"][i]! : "Text";
      return element(
        "label",
        { class: "wide" },
        label,
        element("input", { type: "text", value: text }),
      );
    }));
  }

  async #ask(): Promise<void> {
    const texts = [...this.#texts.querySelectorAll("input")].map(({ value }) => value);
    const runs = this.#runs;
    try {
      const answers = await Promise.all(
        runs.map(async (run) => [run, await run.ask(texts)] as const),
      );
      this.#status.say(
        runs.length === 1 ? "1 model has answered." : `${runs.length} models have answered.`,
      );
      this.#answers.replaceChildren(answersTable(runs[0]!.facts!, answers));
    } catch (error) {
      this.#status.say(messageOf(error), true);
    }
  }

  async #save(run: PageRun): Promise<void> {
    try {
      save(await run.zip(), `${run.method}.zip`);
      this.#status.say(`${run.method}.zip is ready.`);
    } catch (error) {
      this.#status.say(messageOf(error), true);
    }
  }
}
