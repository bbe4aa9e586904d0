/**
 * The second part of the page: what the noise does to the gradient of a model, measured meanwhile.
 *
 * @module
 */

import { caption } from "../attention/methods.ts";
import { element } from "../dom.ts";
import type { PageSection, SectionState } from "../section.ts";
import { commandOf, noiseControls, noiseFields } from "./controls.ts";
import { LiveStudy } from "./live_study.ts";
import type { NoiseSettings } from "./measure.ts";
import { numbersTable } from "./numbers_table.ts";
import { noisePanels } from "./panels.ts";

/** Gradient noise by rate. */
export const noiseSection: PageSection<typeof noiseFields> = {
  id: "noise",
  title: "From one row to a model",
  fields: noiseFields,
  mount,
};

function mount(root: HTMLElement, state: SectionState<typeof noiseFields>): void {
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
  const study = new LiveStudy((points, { rates }, error) => {
    panels.draw(points, rates);
    table.draw(points);
    const done = new Set(points.map(({ rate }) => rate)).size;
    said.textContent = error === undefined
      ? `${done} of ${rates.length} rates measured${done < rates.length ? " …" : "."}`
      : `Cannot measure here: ${error}`;
    root.dataset["measured"] = String(done === rates.length);
  });
  const controls = noiseControls(state, () => start());
  const show = () => {
    controls.draw();
    command.replaceChildren(...commandOf(settings()));
  };
  const start = () => {
    show();
    study.start(settings());
  };
  root.append(
    ...story({ panels: panels.root, controls: controls.root, said, command, table: table.root }),
  );
  panels.draw([], state.get("rates"));
  show();
  const seen = whenSeen(root, start);
  state.onRestore(() => seen.started ? start() : show());
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
      "One row is a toy. Here is a small trained model, BERT with two layers of four heads, and a few pairs of sentences. All layers drop at once, as in training; for every mask the loss is differentiated by every attention logit. The figures are means over the layers, the bars intervals of 95 %.",
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
