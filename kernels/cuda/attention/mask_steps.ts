/**
 * Which scores of a turn take part. What varies along keys alone is drawn once a key, as a word of
 * bits; what varies along queries too is drawn element by element, into a register of bits.
 *
 * @module
 */

import type { AttentionMasks } from "../../../core/program.ts";
import { fallbacks, maskBits, type MaskPart } from "../../plan/attention.ts";
import { Values } from "../ptx/expression.ts";
import { floatText, type PtxText } from "../ptx/text.ts";
import type { AttentionFrame, HeadPlace } from "./frame.ts";
import type { ElementPlace } from "./element_place.ts";
import { MaskReads } from "./mask_reads.ts";
import type { Sums } from "./tile_products.ts";

/** Registers of a turn. */
interface Turn {
  /** Where the stage at hand begins, and words and tests in it. */
  readonly stage: string;
  /** First row of the side that passes by. */
  readonly row: string;
}

/** Writes masks. */
export class MaskSteps {
  readonly #text: PtxText;
  readonly #leaves: MaskReads;
  readonly #masks: AttentionMasks;
  readonly #byKeys: boolean;
  readonly #element: readonly MaskPart[];
  readonly #key: readonly MaskPart[];
  #head = new Values();
  #limits: readonly (readonly string[])[] = [];
  #words: readonly string[] = [];
  #drawn = new Map<MaskPart, string>();
  #turn: Turn | undefined;
  /** Predicate of a turn of which the warp sees everything. */
  #whole = "";

  /**
   * @param rows The two rows that a lane has, of the block's side
   * @param place Bytes from the beginning of a stage to the words of keys
   * @param tests Bits that a query tests: by the lane's row, or where queries pass by, by column
   */
  constructor(
    readonly frame: AttentionFrame,
    readonly rows: readonly [string, string],
    readonly place: number,
    readonly tests: (row: 0 | 1, column: string) => string,
  ) {
    this.#text = frame.text;
    this.#masks = frame.program.masks;
    this.#leaves = new MaskReads(frame);
    this.#byKeys = frame.program.pass === "keys";
    const parts = (Object.keys(maskBits) as MaskPart[]).filter((part) =>
      this.#masks[part] !== undefined
    );
    this.#element = parts.filter((part) => this.#masks[part]!.level === 3);
    this.#key = parts.filter((part) => this.#masks[part]!.level !== 3);
  }

  /** Whether keys have words. */
  get hasWords(): boolean {
    return this.#key.length > 0 || this.frame.shape.ragged;
  }

  /** Whether words are shared, in front of the turn that reads them. */
  get shares(): boolean {
    return this.hasWords && !this.#byKeys;
  }

  /** Finds a head. */
  begin(head: HeadPlace): void {
    this.#leaves.begin(head);
    this.#head = new Values();
    const uniform = this.#leaves.nodes.filter(({ level }) => level === 0);
    this.#head.compute(this.#text, uniform, this.#leaves.at({}));
  }

  /** The word of a key. */
  #wordOf(key: string): string {
    const text = this.#text;
    const last = text.into("b32", "sub.u32", this.frame.size("keys"), 1);
    const within = text.into("b32", "min.u32", key, last);
    const values = new Values(this.#head);
    const nodes = this.#leaves.nodes.filter(({ level }) => level === 0 || level === 2);
    values.compute(text, nodes, this.#leaves.at({ key: within }));
    let word: string | undefined;
    const add = (bit: number, predicate: string, negated: boolean) => {
      const one = text.into("b32", "selp.b32", negated ? 0 : bit, negated ? bit : 0, predicate);
      word = word === undefined ? one : text.into("b32", "or.b32", word, one);
    };
    for (const part of this.#key) {
      add(maskBits[part], values.of(this.#masks[part]!), part === "visible");
    }
    if (this.frame.shape.ragged) {
      add(maskBits.visible, text.into("pred", "setp.gt.s32", key, last), false);
    }
    return word!;
  }

  /** Computes the words of a turn's keys, each once; a barrier must follow. */
  share({ stage, row }: Turn): void {
    const text = this.#text;
    const { thread, shape: { turn } } = this.frame;
    const skip = text.label();
    text.add(`@${text.into("pred", "setp.ge.u32", thread, turn)} bra ${skip}`);
    const word = this.#wordOf(text.into("b32", "add.u32", row, thread));
    const address = text.into("b32", "mad.lo.u32", thread, 4, stage);
    text.add(`st.shared.b32 [${address}+${this.place}], ${word}`);
    text.place(skip);
  }

  /** Prepares a turn. */
  enter(turn: Turn): void {
    const text = this.#text;
    this.#turn = turn;
    const { columns, program: { masks } } = this.frame;
    if (masks.causal) {
      const beyond = this.frame.beyond();
      this.#whole = this.#seesAll(turn, beyond);
      this.#limits = this.rows.map((row) =>
        columns.map((column) => {
          const passing = text.into("b32", "add.u32", turn.row, column);
          const [query, key] = this.#byKeys ? [passing, row] : [row, passing];
          const last = text.into("b32", "add.u32", query, beyond);
          return text.into("b32", "sub.u32", last, key);
        })
      );
    }
    if (this.#byKeys && this.hasWords) this.#words = this.rows.map((row) => this.#wordOf(row));
    if (this.#element.length > 0) this.#draw(turn);
  }

  /** Whether the last key of a turn is no later than the first query, in what a warp has of both. */
  #seesAll({ row }: Turn, beyond: string): string {
    const text = this.#text;
    const { first, warpRow, shape } = this.frame;
    const own = text.into("b32", "add.u32", first, warpRow);
    const [query, key, keys] = this.#byKeys ? [row, own, 16] : [own, row, shape.turn];
    const last = text.into("b32", "add.u32", query, beyond);
    const left = text.into("b32", "sub.u32", last, key);
    return text.into("pred", "setp.ge.s32", left, keys - 1);
  }

  /**
   * Runs over the scores of a turn, where any may be out.
   *
   * @param each Called for each, with whether it takes part
   */
  over(sums: Sums, each: (x: string, scored: string | undefined, at: ElementPlace) => void): void {
    const text = this.#text;
    const apart = this.#masks.causal && !this.hasWords && this.#element.length === 0;
    const end = text.label();
    if (apart) text.add(`@${this.#whole} bra ${end}`);
    sums.forEach((four, j) =>
      four.forEach((x, i) => {
        const at: ElementPlace = [j, (i >> 1) as 0 | 1, (i & 1) as 0 | 1];
        each(x, this.scored(at), at);
      })
    );
    text.place(end);
  }

  /** Draws what varies from element to element: four at a time, as many as a lane has in 8 columns. */
  #draw({ row }: Turn): void {
    const text = this.#text;
    const { columns, shape } = this.frame;
    for (const part of this.#element) this.#drawn.set(part, text.into("b32", "mov.u32", 0));
    const [again, column] = [text.label(), text.into("b32", "mov.u32", 0)];
    text.place(again);
    const nibbles = new Map<MaskPart, string>();
    const ends = ["queries", "keys"] as const;
    const [queryEnd, keyEnd] = ends.map((size) =>
      text.into("b32", "sub.u32", this.frame.size(size), 1)
    );
    for (const e of [0, 1]) {
      const own = text.into("b32", "add.u32", column, columns[e]!);
      const passing = text.into("b32", "add.u32", row, own);
      for (const r of [0, 1] as const) {
        const [query, key] = this.#byKeys ? [passing, this.rows[r]] : [this.rows[r], passing];
        const values = new Values(this.#head);
        const place = {
          query: text.into("b32", "min.u32", query, queryEnd!),
          key: text.into("b32", "min.u32", key, keyEnd!),
        };
        values.compute(text, this.#leaves.nodes, this.#leaves.at(place));
        for (const part of this.#element) {
          const bit = 1 << (2 * r + e);
          const out = this.#out(part, values.of(this.#masks[part]!), () => this.tests(r, own));
          const one = text.into("b32", "selp.b32", bit, 0, out);
          const before = nibbles.get(part);
          nibbles.set(part, before === undefined ? one : text.into("b32", "or.b32", before, one));
        }
      }
    }
    for (const [part, nibble] of nibbles) {
      const drawn = this.#drawn.get(part)!;
      text.add(`shr.u32 ${drawn}, ${drawn}, 4`);
      const top = text.into("b32", "shl.b32", nibble, 28);
      text.add(`or.b32 ${drawn}, ${drawn}, ${top}`);
    }
    text.add(`add.u32 ${column}, ${column}, 8`);
    text.add(`@${text.into("pred", "setp.lt.u32", column, shape.turn)} bra ${again}`);
  }

  /** Whether an element is out by a part, where its query does not ignore it. */
  #out(part: MaskPart, value: string, tests: () => string): string {
    const text = this.#text;
    if (part === "visible") return text.into("pred", "not.pred", value);
    if (!fallbacks(this.#masks).includes(part)) return value;
    const tested = text.into("b32", "and.b32", tests(), maskBits[part]);
    const minds = text.into("pred", "setp.ne.u32", tested, 0);
    return text.into("pred", "and.pred", value, minds);
  }

  /**
   * Predicate of whether an element is in by all of some parts; nothing where it always is.
   *
   * @param at Eighth column of the turn, row of the lane, column of the lane
   */
  #within(parts: readonly MaskPart[], [j, r, e]: ElementPlace): string | undefined {
    const text = this.#text;
    let found: string | undefined;
    const also = (test: string, ...operands: (string | number)[]) => {
      const [name, type] = test.split(" ");
      found = found === undefined
        ? text.into("pred", `setp.${name}.${type}`, ...operands)
        : text.into("pred", `setp.${name}.and.${type}`, ...operands, found);
    };
    if (parts.includes("visible") && this.#masks.causal) {
      // Further keys are less visible, further queries see more.
      const limit = this.#limits[r]![e]!;
      if (this.#byKeys) also("ge s32", text.into("b32", "add.u32", limit, 8 * j), 0);
      else also("ge s32", limit, 8 * j);
    }
    const own = parts.filter((part) =>
      this.#key.includes(part) || (part === "visible" && this.frame.shape.ragged)
    );
    if (own.length > 0) {
      const mask = own.reduce((sum, part) => sum | maskBits[part], 0);
      const minds = own.some((part) => fallbacks(this.#masks).includes(part));
      const word = this.#word([j, r, e]);
      const tested = minds
        ? text.into("b32", "and.b32", this.tests(r, this.#column(j, e)), mask)
        : mask;
      also("eq u32", text.into("b32", "and.b32", word, tested), 0);
    }
    for (const part of parts) {
      if (!this.#element.includes(part)) continue;
      const bit = 32 - this.frame.shape.turn / 2 + 4 * j + 2 * r + e;
      const mask = `0x${((1 << bit) >>> 0).toString(16)}`;
      also("eq u32", text.into("b32", "and.b32", this.#drawn.get(part)!, mask), 0);
    }
    return found;
  }

  #column(j: number, e: number): string {
    return this.#text.into("b32", "add.u32", this.frame.columns[e]!, 8 * j);
  }

  #word([j, r, e]: ElementPlace): string {
    const text = this.#text;
    if (this.#byKeys) return this.#words[r]!;
    const address = text.into("b32", "mad.lo.u32", this.frame.columns[e]!, 4, this.#turn!.stage);
    return text.into("b32", "ld.shared.b32", `[${address}+${this.place + 32 * j}]`);
  }

  /** Makes a score count for nothing where the predicate is false. */
  without(x: string, predicate: string | undefined): void {
    if (predicate === undefined) return;
    this.#text.add(`selp.f32 ${x}, ${x}, ${floatText(-Infinity)}, ${predicate}`);
  }

  /** Whether a score is seen. */
  visible(at: ElementPlace): string | undefined {
    return this.#within(["visible"], at);
  }

  /** Whether a score takes part in the softmax. */
  scored(at: ElementPlace): string | undefined {
    return this.#within(["visible", "scores"], at);
  }

  /** Whether its weight is left, where it took part. */
  weighed(at: ElementPlace): string | undefined {
    return this.#within(["weights"], at);
  }
}
