/**
 * The row as it is set, and what is computed of it.
 *
 * @module
 */

import { Device } from "../../../../core/device.ts";
import { openCpu } from "../../../../kernels/cpu/backend.ts";
import { latest } from "../latest.ts";
import type { SectionState } from "../section.ts";
import { cellOfKind, type JacobianCell } from "./cell_kinds.ts";
import { computeK, computeRow, drawKeys, type RowResults } from "./compute.ts";
import type { KPlace } from "./k_curve.ts";
import { kLogits } from "./k_logits.ts";
import { rowFields, rowWords } from "./row.ts";

type State = SectionState<typeof rowFields>;

/** What is set, and what was computed of it last. */
export class RowModel {
  /** Keys that are dropped. */
  dropped: readonly number[] = [];
  /** What was computed last. */
  results: RowResults | undefined;
  /** Told at once when something is set, and again when keys were drawn. */
  onChange: () => void = () => {};
  /** Told what was computed. */
  onResults: (results: RowResults, place: KPlace | undefined, ks: readonly number[]) => void =
    () => {};
  /** Told why nothing could be computed. */
  onError: (error: unknown) => void = () => {};
  readonly #compute: () => void;
  readonly #state: State;
  readonly #device: Device = new Device(openCpu({ kernels: "simd" }));

  /** A row that is set by the state, which it changes. */
  constructor(state: State) {
    this.#state = state;
    this.#compute = latest(() => this.#computeAll(), (error) => this.onError(error));
    state.onRestore(() => this.update());
  }

  /** Draws what is set, and computes everything, once however often it is asked for meanwhile. */
  update(): void {
    if (this.#state.get("by") === "hand") this.dropped = this.#byHand();
    this.onChange();
    this.#compute();
  }

  /** The cell that is explained. */
  get cell(): JacobianCell {
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

  /** Sets a logit. */
  move(key: number, logit: number): void {
    this.#state.set("logits", this.#state.get("logits").with(key, logit));
    this.update();
  }

  /** Drops a key, whose noise is then explained, or takes it back. */
  toggle(key: number): void {
    const { dropped } = this;
    if (dropped.includes(key)) return this.drop(dropped.filter((k) => k !== key));
    const more = [...dropped, key].sort((a, b) => a - b);
    const cell = this.results &&
      cellOfKind("noise", this.results.before, more, [this.cell[0], key]);
    if (cell !== undefined) this.#state.set("cell", cell);
    this.drop(more);
  }

  /** Drops keys by hand; a row keeps at least one. */
  drop(keys: readonly number[]): void {
    if (keys.length === rowWords.length) return;
    this.#state.set("dropped", keys);
    this.#state.set("by", "hand");
    this.update();
  }

  /** Lets a rate and a seed choose what is dropped. */
  drawBy(rate: number, seed: number): void {
    this.#state.set("rate", rate);
    this.#state.set("seed", seed);
    this.#state.set("by", "rate");
    this.update();
  }

  /** Has a cell explained. */
  choose(cell: JacobianCell): void {
    this.#state.set("cell", cell);
    this.update();
  }

  /** Sets everything as it was at first. */
  reset(): void {
    for (const key of Object.keys(rowFields) as (keyof typeof rowFields)[]) {
      this.#state.set(key, rowFields[key].default as never);
    }
    this.update();
  }

  async #computeAll(): Promise<void> {
    const logits = this.#state.get("logits");
    const [rate, seed] = [this.#state.get("rate"), this.#state.get("seed")];
    if (this.#state.get("by") === "rate") {
      this.dropped = await drawKeys(this.#device, { keys: logits.length, rate, seed });
      this.onChange();
    }
    const { dropped } = this;
    this.results = await computeRow(this.#device, logits, dropped);
    const place = this.#kPlace(logits, this.results);
    const ks = place === undefined
      ? []
      : await computeK(this.#device, logits, dropped, { ...place, values: kLogits });
    this.onResults(this.results, place, ks);
  }

  #byHand(): readonly number[] {
    const dropped = this.#state.get("dropped");
    return dropped.length === rowWords.length ? [] : dropped;
  }

  /** The chosen words as far as they fit, or else those that weigh most. */
  #kPlace(logits: readonly number[], { before }: RowResults): KPlace | undefined {
    const { dropped } = this;
    if (dropped.length === 0 || logits.length - dropped.length < 2) return undefined;
    const cell = cellOfKind("noise", before, dropped, this.cell);
    return cell && { of: cell[0], moved: cell[1] };
  }
}
