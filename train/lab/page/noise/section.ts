/**
 * The second part of the page: what the noise does to the gradient of a model, measured meanwhile.
 *
 * @module
 */

import { caption } from "../attention/methods.ts";
import { element } from "../dom.ts";
import { ascendingField, numberField } from "../fields.ts";
import type { PageSection, SectionState } from "../section.ts";
import type { NoisePoint, NoiseSettings } from "./measure.ts";
import { numbersTable } from "./numbers_table.ts";
import { noisePanels } from "./panels.ts";
import type { NoiseMessage } from "./worker.ts";

const noiseFields = {
  seed: numberField(1, { min: 0, max: 999_999, whole: true }),
  masks: numberField(32, { min: 4, max: 192, whole: true }),
  batch: numberField(8, { min: 1, max: 16, whole: true }),
  rates: ascendingField([0.05, 0.1, 0.2, 0.3, 0.5], { min: 0.01, max: 0.9, count: 2 }),
} as const;

type State = SectionState<typeof noiseFields>;

/** Gradient noise by rate. */
export const noiseSection: PageSection<typeof noiseFields> = {
  id: "noise",
  title: "From one row to a model",
  fields: noiseFields,
  mount,
};

function mount(root: HTMLElement, state: State): void {
  const panels = noisePanels();
  const table = numbersTable();
  const said = element("p", { class: "said", role: "status" });
  const command = element("code");
  const settings = (): NoiseSettings => ({
    rates: state.get("rates"),
    masks: state.get("masks"),
    batch: state.get("batch"),
    seed: state.get("seed"),
  });
  const study = new Study((points, { rates }, error) => {
    panels.draw(points, rates);
    table.draw(points);
    const done = new Set(points.map(({ rate }) => rate)).size;
    said.textContent = error === undefined
      ? `${done} of ${rates.length} rates measured${done < rates.length ? " …" : "."}`
      : `Cannot measure here: ${error}`;
    root.dataset["measured"] = String(done === rates.length);
  });
  const controls = noiseControls(state, () => start());
  const start = () => {
    controls.draw();
    command.replaceChildren(...commandOf(settings()));
    study.start(settings());
  };
  root.append(
    ...story({ panels: panels.root, controls: controls.root, said, command, table: table.root }),
  );
  panels.draw([], state.get("rates"));
  controls.draw();
  command.replaceChildren(...commandOf(settings()));
  const seen = whenSeen(root, start);
  state.onRestore(() => seen.started ? start() : controls.draw());
}

/** Runs once the element is on the screen: whoever does not look pays nothing. */
function whenSeen(target: Element, run: () => void): { readonly started: boolean } {
  const state = { started: false };
  const observer = new IntersectionObserver((entries) => {
    if (state.started || !entries.some(({ isIntersecting }) => isIntersecting)) return;
    state.started = true;
    observer.disconnect();
    run();
  }, { rootMargin: "200px" });
  observer.observe(target);
  return state;
}

/** The command that prints the same numbers. */
function commandOf({ rates, masks, batch, seed }: NoiseSettings): Node[] {
  const words = [
    "deno task noise",
    "--kernels simd",
    `--masks ${masks}`,
    `--batch ${batch}`,
    `--seed ${seed}`,
    `--rates ${rates.join(",")}`,
  ];
  // Options stay on one line with their values.
  return words.flatMap((word) => [element("span", {}, word), document.createTextNode(" ")]);
}

/** Measures in a worker, of which a newer one takes the place. */
class Study {
  #worker: Worker | undefined;

  constructor(
    readonly onPoints: (
      points: readonly NoisePoint[],
      settings: NoiseSettings,
      error?: string,
    ) => void,
  ) {}

  start(settings: NoiseSettings): void {
    this.#worker?.terminate();
    const points: NoisePoint[] = [];
    this.onPoints(points, settings);
    const worker = new Worker(new URL("noise/worker.js", document.baseURI), { type: "module" });
    worker.addEventListener("message", ({ data }: MessageEvent<NoiseMessage>) => {
      if ("points" in data) points.push(...data.points);
      this.onPoints(points, settings, "error" in data ? data.error : undefined);
    });
    worker.addEventListener("error", ({ message }) => {
      this.onPoints(points, settings, message || "its script cannot be loaded");
    });
    worker.postMessage(settings);
    this.#worker = worker;
  }
}

function noiseControls(state: State, onChange: () => void) {
  const seed = element("input", { type: "number", min: 0, max: 999_999, step: 1 });
  const masks = element(
    "select",
    {},
    ...[8, 16, 32, 64, 192].map((count) => element("option", { value: count }, String(count))),
  );
  const next = element("button", { type: "button" }, "Next seed");
  const change = (value: number) => {
    state.set("seed", value);
    onChange();
  };
  seed.addEventListener("change", () => change(Number(seed.value)));
  next.addEventListener("click", () => change(state.get("seed") + 1));
  masks.addEventListener("change", () => {
    state.set("masks", Number(masks.value));
    onChange();
  });
  return {
    root: element(
      "div",
      { class: "controls", role: "group", "aria-label": "What is measured" },
      element("label", {}, "Seed", seed),
      next,
      element("label", {}, "Masks", masks),
    ),
    draw() {
      seed.value = String(state.get("seed"));
      const count = String(state.get("masks"));
      if (![...masks.options].some(({ value }) => value === count)) {
        masks.append(element("option", { value: count }, count));
      }
      masks.value = count;
    },
  };
}

interface Parts {
  readonly panels: HTMLElement;
  readonly controls: HTMLElement;
  readonly said: HTMLElement;
  readonly command: HTMLElement;
  readonly table: HTMLElement;
}

function story({ panels, controls, said, command, table }: Parts): Node[] {
  return [
    element(
      "p",
      {},
      "One row is a toy. Here is a small trained model, BERT with two layers of four heads, and eight pairs of sentences. All layers drop at once, as in training; for every mask the loss is differentiated by every attention logit. The figures are means over the layers, the bars intervals of 95 %.",
    ),
    element(
      "figure",
      {},
      element("div", { class: "panel" }, controls, said, panels),
      caption(
        "DropKey stays at 0: nothing reaches a dropped logit. With NoGrad a share of the gradient does, and it grows with the rate.",
        "What lands on a single dropped logit does not clearly grow in this model: more logits are hit, not harder. The variance of the whole gradient is many times that of DropKey; mind the logarithmic axis. HiddenCut drops numbers of the feed-forward layers and no logits. Few masks leave wide intervals; take more to narrow them.",
      ),
    ),
    element("p", {}, "In a terminal, the same numbers to the last bit:"),
    element("p", { class: "program" }, command),
    table,
  ];
}
