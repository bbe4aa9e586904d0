/**
 * The loop over the side that passes by: rows are copied one turn ahead into two stages.
 *
 * @module
 */

import { queryAxis } from "../../plan/attention.ts";
import type { PtxText } from "../ptx/text.ts";
import { ownedRows } from "./attention_shape.ts";
import type { AttentionFrame, HeadPlace } from "./frame.ts";
import type { TileCopy } from "./tile_copy.ts";

/** A turn, in registers. */
export interface TurnPlace {
  /** Where its stage begins in shared memory. */
  readonly stage: string;
  /** First row that passes by. */
  readonly row: string;
  /** The head, and its number: where keys own the block, queries of a whole group pass by. */
  readonly head: HeadPlace;
  readonly number: string;
}

/** What happens in a turn. */
export interface TurnParts {
  /** Further copies that go with a turn; rows from `limit` on are zero. */
  readonly copy?: (turn: TurnPlace, limit: string) => void;
  /** What threads share, in front of the barrier. */
  readonly share: (turn: TurnPlace) => void;
  /** What follows it. */
  readonly use: (turn: TurnPlace) => void;
}

/** Writes the loop. */
export class TurnLoop {
  readonly #text: PtxText;
  readonly #side: "queries" | "keys";
  readonly #bases: readonly string[];
  /** First row that passes by, and how many turns there are. */
  readonly #start: string;
  readonly #count: string;

  /**
   * @param copies What passes by
   * @param place Where stages begin
   * @param stage Bytes of one
   */
  constructor(
    readonly frame: AttentionFrame,
    readonly copies: readonly TileCopy[],
    readonly place: number,
    readonly stage: number,
  ) {
    this.#text = frame.text;
    this.#side = frame.program.pass === "keys" ? "queries" : "keys";
    this.#bases = copies.map(({ operand }) => frame.base(operand));
    [this.#start, this.#count] = this.#extent();
  }

  /** TurnLoop that have anything to see. */
  #extent(): readonly [string, string] {
    const text = this.#text;
    const { frame, frame: { shape: { turn }, program: { masks } } } = this;
    const turnsOf = (rows: string) => {
      const up = text.into("b32", "add.u32", rows, turn - 1);
      return text.into("b32", "shr.u32", up, Math.log2(turn));
    };
    const whole = frame.size(this.#side);
    if (this.#side === "keys") {
      const start = text.into("b32", "mov.u32", 0);
      if (!masks.causal) return [start, turnsOf(whole)];
      const last = text.into("b32", "add.u32", frame.first, ownedRows);
      const seen = text.into("b32", "add.u32", last, frame.beyond());
      const least = text.into("b32", "max.s32", seen, 0);
      return [start, turnsOf(text.into("b32", "min.s32", least, whole))];
    }
    let start = text.into("b32", "mov.u32", 0);
    if (masks.causal) {
      const first = text.into("b32", "sub.u32", frame.first, frame.beyond());
      const least = text.into("b32", "max.s32", first, 0);
      const within = text.into("b32", "min.s32", least, whole);
      start = text.into("b32", "and.b32", within, -turn);
    }
    const own = turnsOf(text.into("b32", "sub.u32", whole, start));
    return [start, text.into("b32", "mul.lo.u32", own, frame.size("group"))];
  }

  /** Writes the loop once; what was copied before is there in its first turn. */
  write(parts: TurnParts): void {
    const text = this.#text;
    const { frame } = this;
    const [batch, keyHead, group] = frame.head;
    const grouped = this.#side === "queries";
    const copy = (into: "b32", from: string) => text.into(into, "mov.u32", from);
    const left = copy("b32", this.#count);
    const next = { row: copy("b32", this.#start), group: copy("b32", group) };
    const [first] = [text.into("b32", "mov.u32", "tiles")];
    const into = text.into("b32", "add.u32", first, this.place);
    const from = text.into("b32", "add.u32", into, this.stage);
    const both = text.into("b32", "add.u32", into, from);
    const placeOf = (stage: string, row: string, g: string): TurnPlace => ({
      stage,
      row,
      head: grouped ? [batch, keyHead, g] : frame.head,
      number: grouped ? text.into("b32", "add.u32", frame.firstHead, g) : frame.firstHead,
    });
    const ahead = (limit: string) => {
      const turn = placeOf(into, next.row, next.group);
      this.copies.forEach((each, i) => each.begin(this.#baseOf(i, turn), next.row, limit, into));
      parts.copy?.(turn, limit);
      text.add("cp.async.commit_group");
    };
    ahead(frame.size(this.#side));
    this.copies.forEach((each) => each.finish());
    text.add("cp.async.wait_all");
    const [again, done] = [text.label(), text.label()];
    const row = text.register("b32");
    const g = text.register("b32");
    text.place(again);
    text.add(`@${text.into("pred", "setp.le.s32", left, 0)} bra ${done}`);
    text.add(`mov.u32 ${row}, ${next.row}`);
    text.add(`mov.u32 ${g}, ${next.group}`);
    text.add(`sub.u32 ${from}, ${both}, ${from}`);
    text.add(`sub.u32 ${into}, ${both}, ${into}`);
    const turn = placeOf(from, row, g);
    parts.share(turn);
    text.add("bar.sync 0");
    this.#advance(next);
    text.add(`sub.s32 ${left}, ${left}, 1`);
    const more = text.into("pred", "setp.gt.s32", left, 0);
    ahead(text.into("b32", "selp.b32", frame.size(this.#side), 0, more));
    parts.use(turn);
    this.copies.forEach((each) => each.finish());
    text.add("cp.async.wait_all");
    text.add(`bra ${again}`);
    text.place(done);
    text.add("bar.sync 0");
  }

  #baseOf(i: number, { head: [, , group] }: TurnPlace): string {
    if (this.#side === "keys") return this.#bases[i]!;
    const step = this.frame.step(this.copies[i]!.operand, queryAxis - 1);
    return this.#text.into("b64", "mad.wide.s32", group, step, this.#bases[i]!);
  }

  /** Moves on by a turn; after the last one of a head to the first of the next. */
  #advance(next: { readonly row: string; readonly group: string }): void {
    const text = this.#text;
    text.add(`add.u32 ${next.row}, ${next.row}, ${this.frame.shape.turn}`);
    if (this.#side === "keys") return;
    const beyond = text.into("pred", "setp.ge.u32", next.row, this.frame.size("queries"));
    text.add(`selp.b32 ${next.row}, ${this.#start}, ${next.row}, ${beyond}`);
    const one = text.into("b32", "selp.b32", 1, 0, beyond);
    text.add(`add.u32 ${next.group}, ${next.group}, ${one}`);
  }
}
