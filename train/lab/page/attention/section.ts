/**
 * The first part of the page: one row of attention, forward and backward.
 *
 * @module
 */

import { element } from "../dom.ts";
import type { PageSection, SectionState } from "../section.ts";
import { cellOfKind } from "./cell_kinds.ts";
import { dropControls } from "./drop_controls.ts";
import { explanation } from "./explanation.ts";
import { jacobianMaps } from "./jacobians.ts";
import { kCurve } from "./k_curve.ts";
import { logitBars } from "./logit_bars.ts";
import { rowFields } from "./row.ts";
import { RowModel } from "./row_model.ts";
import { backwardStory, forwardStory, kStory, startStory } from "./story.ts";
import { weightBars } from "./weight_bars.ts";

/** One row of attention, of which everything can be moved. */
export const attentionSection: PageSection<typeof rowFields> = {
  id: "attention",
  title: "One row of attention",
  fields: rowFields,
  mount,
};

function mount(root: HTMLElement, state: SectionState<typeof rowFields>): void {
  const row = new RowModel(state);
  const bars = logitBars({
    onMove: (key, logit) => row.move(key, logit),
    onToggle: (key) => row.toggle(key),
  });
  const controls = dropControls({
    onDraw: (rate, seed) => row.drawBy(rate, seed),
    onKeepAll: () => row.drop([]),
    onReset: () => row.reset(),
  });
  const weights = weightBars();
  const maps = jacobianMaps((cell) => row.choose(cell));
  const explained = explanation((kind) => {
    const { dropped, results } = row;
    const cell = results && cellOfKind(kind, results.before, dropped, row.cell);
    if (cell !== undefined) row.choose(cell);
  });
  const curve = kCurve((key, logit) => row.move(key, logit));
  root.append(
    ...startStory(bars.root, controls.root),
    ...forwardStory(weights.root),
    ...backwardStory(maps, explained),
    ...kStory(curve.root),
  );
  row.onChange = () => {
    bars.draw(state.get("logits"), row.dropped);
    controls.draw(state.get("rate"), state.get("seed"), row.said);
  };
  row.onResults = (results, place, ks) => {
    alarm.textContent = "";
    weights.draw(results);
    maps.draw(results, row.dropped, row.cell);
    explained.draw(results, row.dropped, row.cell);
    curve.draw(results, state.get("logits"), place, ks);
    if (root.dataset["ready"] === undefined) performance.mark("first figure");
    root.dataset["ready"] = "true";
  };
  const alarm = element("p", { role: "alert" });
  root.append(alarm);
  row.onError = (error) => {
    const reason = error instanceof Error ? error.message : String(error);
    alarm.textContent = `These figures cannot be computed here: ${reason}`;
  };
  row.update();
}
