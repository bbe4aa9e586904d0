/**
 * The first part of the page: one row of attention, forward and backward.
 *
 * @module
 */

import { Device } from "../../../../core/device.ts";
import { openCpu } from "../../../../kernels/cpu/backend.ts";
import { element } from "../dom.ts";
import { latest } from "../latest.ts";
import type { PageSection, SectionState } from "../section.ts";
import { cellOfKind } from "./cell_kinds.ts";
import { computeK, computeRow, drawKeys, type RowResults } from "./compute.ts";
import { dropControls } from "./drop_controls.ts";
import { explanation } from "./explanation.ts";
import { jacobianMaps } from "./jacobians.ts";
import { kCurve, kLogits, type KPlace } from "./k_curve.ts";
import { logitBars } from "./logit_bars.ts";
import { rowFields, rowWords } from "./row.ts";
import { backwardStory, forwardStory, kStory, startStory } from "./story.ts";
import { weightBars } from "./weight_bars.ts";

type State = SectionState<typeof rowFields>;

/** One row of attention, of which everything can be moved. */
export const attentionSection: PageSection<typeof rowFields> = {
  id: "attention",
  title: "One row of attention",
  fields: rowFields,
  mount,
};

function mount(root: HTMLElement, state: State): void {
  const row = new Row(state);
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
    weights.draw(results);
    maps.draw(results, row.dropped, row.cell);
    explained.draw(results, row.dropped, row.cell);
    curve.draw(results, state.get("logits"), place, ks);
    root.dataset["ready"] = "true";
  };
  row.onError = (error) => {
    root.append(element("p", { role: "alert" }, `This figure cannot be computed here: ${error}`));
  };
  row.update();
}

/** What is set, and what was computed of it last. */
class Row {
  /** Keys that are dropped. */
  dropped: readonly number[] = [];
  /** What was computed last. */
  results: RowResults | undefined;
  onChange: () => void = () => {};
  onResults: (results: RowResults, place: KPlace | undefined, ks: readonly number[]) => void =
    () => {};
  onError: (error: unknown) => void = () => {};
  /** Computes and draws everything, once however often it is asked for meanwhile. */
  readonly update: () => void;
  readonly #state: State;
  readonly #device: Device = new Device(openCpu({ kernels: "simd" }));

  constructor(state: State) {
    this.#state = state;
    this.update = latest(() => this.#compute(), (error) => this.onError(error));
    state.onRestore(this.update);
  }

  get cell(): readonly [number, number] {
    const [weight = 0, logit = 0] = this.#state.get("cell");
    return [weight, logit];
  }

  /** How the keys were dropped, in words. */
  get said(): string {
    const names = this.dropped.map((key) => rowWords[key]).join(", ") || "nothing";
    if (this.#state.get("by") === "hand") return `Dropped by hand: ${names}.`;
    const [rate, seed] = [this.#state.get("rate"), this.#state.get("seed")];
    return `Drawn with rate ${rate} and seed ${seed}: ${names} dropped.`;
  }

  move(key: number, logit: number): void {
    this.#state.set("logits", this.#state.get("logits").with(key, logit));
    this.update();
  }

  toggle(key: number): void {
    const { dropped } = this;
    this.drop(
      dropped.includes(key)
        ? dropped.filter((k) => k !== key)
        : [...dropped, key].sort((a, b) => a - b),
    );
  }

  /** Drops keys by hand; a row keeps at least one. */
  drop(keys: readonly number[]): void {
    if (keys.length === rowWords.length) return;
    this.#state.set("dropped", keys);
    this.#state.set("by", "hand");
    this.update();
  }

  drawBy(rate: number, seed: number): void {
    this.#state.set("rate", rate);
    this.#state.set("seed", seed);
    this.#state.set("by", "rate");
    this.update();
  }

  choose(cell: readonly number[]): void {
    this.#state.set("cell", cell);
    this.update();
  }

  reset(): void {
    for (const key of Object.keys(rowFields) as (keyof typeof rowFields)[]) {
      this.#state.set(key, rowFields[key].default as never);
    }
    this.update();
  }

  async #compute(): Promise<void> {
    const logits = this.#state.get("logits");
    this.dropped = await this.#dropped(logits.length);
    this.onChange();
    this.results = await computeRow(this.#device, logits, this.dropped);
    const place = this.#kPlace(logits, this.results);
    const ks = place === undefined
      ? []
      : await computeK(this.#device, logits, this.dropped, { ...place, values: kLogits });
    this.onResults(this.results, place, ks);
  }

  async #dropped(keys: number): Promise<readonly number[]> {
    const [rate, seed] = [this.#state.get("rate"), this.#state.get("seed")];
    if (this.#state.get("by") === "rate") return await drawKeys(this.#device, { keys, rate, seed });
    const dropped = this.#state.get("dropped");
    return dropped.length === keys ? [] : dropped;
  }

  /** The chosen words as far as they fit, or else those that weigh most. */
  #kPlace(logits: readonly number[], { before }: RowResults): KPlace | undefined {
    const { dropped } = this;
    if (dropped.length === 0 || logits.length - dropped.length < 2) return undefined;
    const cell = cellOfKind("noise", before, dropped, this.cell);
    return cell && { of: cell[0], moved: cell[1] };
  }
}
