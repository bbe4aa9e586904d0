/**
 * The loop over the inner axis: turns are copied into a ring of stages in shared memory ahead of their
 * use, and fragments into registers while those before them are multiplied.
 *
 * @module
 */

import { floatText, type PtxText } from "../ptx/text.ts";
import type { Factor } from "./factor.ts";
import { MatrixSteps } from "./matrix_steps.ts";
import type { ProductShape } from "./product_shape.ts";

/** Where a warp works. */
export interface WarpPlace {
  /** Register of the lane's number. */
  readonly lane: string;
  /** Registers of the warp's first row and column within the block's tile. */
  readonly own: readonly [m: string, n: string];
  /** Register of the number of the warp's slice of a turn; nothing where the turn is one. */
  readonly slice: string | undefined;
  /** Register of the number of inner elements. */
  readonly depth: string;
}

/** Writes the loop of one product. */
export class InnerLoop {
  readonly #steps: MatrixSteps;
  /** Fragments of 16 rows and of 16 columns that a warp has. */
  readonly #counts: readonly [rows: number, columns: number];
  /** Registers of the fragments of a step and of the next. */
  readonly #sets;
  readonly #stage: number;
  /** Registers of where the ring begins and ends. */
  readonly #first: string;
  readonly #end: string;
  /** The stage that is copied to next, and the inner elements that are left from there on. */
  readonly #into: string;
  readonly #rest: string;
  /** The stage that is read, and the lane's places in it. */
  readonly #from: string;
  readonly #places: readonly string[];
  readonly #here: readonly string[];

  /** Writes what stands before the loop. */
  constructor(
    readonly text: PtxText,
    readonly shape: ProductShape,
    readonly factors: readonly [Factor, Factor],
    readonly place: WarpPlace,
  ) {
    const { tile, parts } = shape;
    const [a, b] = factors;
    this.#steps = new MatrixSteps(text, a, b, parts);
    this.#counts = [tile.m / tile.warps[0] / 16, tile.n / tile.warps[1] / 16];
    const registers = (factor: Factor, count: number) =>
      Array.from({ length: count }, () => factor.registers());
    this.#sets = [0, 1].map(() => ({
      a: registers(a, this.#counts[0]),
      b: registers(b, this.#counts[1]),
    }));
    this.#stage = a.bytes + b.bytes;
    this.#first = text.into("b32", "mov.u32", "tiles");
    this.#end = text.into("b32", "add.u32", this.#first, tile.stages * this.#stage);
    this.#into = text.into("b32", "mov.u32", this.#first);
    this.#from = text.into("b32", "mov.u32", this.#first);
    this.#rest = text.into("b32", "mov.u32", place.depth);
    const [left, beside] = factors.map((factor, i) => {
      const first = factor.lanePlace(place.lane, place.own[i]!);
      if (place.slice === undefined) return first;
      return text.into("b32", "mad.lo.u32", place.slice, factor.distance(0, this.#depth), first);
    }) as [string, string];
    this.#places = [left, text.into("b32", "add.u32", beside, a.bytes)];
    this.#here = this.#places.map((own) => text.into("b32", "add.u32", own, this.#from));
  }

  /** Inner elements of a turn that are the warp's. */
  get #depth(): number {
    const { k, slices = 1 } = this.shape.tile;
    return k / slices;
  }

  /** Bytes of shared memory that the ring takes. */
  get bytes(): number {
    return this.shape.tile.stages * this.#stage;
  }

  /** Writes the loop; gives the registers of the sums, by fragment. */
  write(): string[][] {
    const { text, shape: { tile } } = this;
    const sums = Array.from(
      { length: 2 * this.#counts[0] * this.#counts[1] },
      () => [0, 1, 2, 3].map(() => text.into("f32", "mov.f32", floatText(0))),
    );
    for (let i = 0; i < tile.stages - 1; i++) this.#ahead();
    const left = text.into("b32", "mov.u32", this.place.depth);
    const [again, done] = [text.label(), text.label()];
    this.#arrive();
    this.#load(0);
    text.place(again);
    text.add(`@${text.into("pred", "setp.le.s32", left, 0)} bra ${done}`);
    this.#ahead();
    const steps = this.#depth / 16;
    for (let step = 0; step < steps; step++) {
      if (step === steps - 1) {
        this.#next(this.#from);
        this.#here.forEach((here, i) =>
          text.add(`add.u32 ${here}, ${this.#places[i]}, ${this.#from}`)
        );
        this.#arrive();
      }
      this.#load((step + 1) % steps);
      this.#steps.step(this.#sets[step % 2]!, sums);
    }
    text.add(`sub.s32 ${left}, ${left}, ${tile.k}`);
    text.add(`bra ${again}`);
    text.place(done);
    text.add("cp.async.wait_all");
    return sums;
  }

  /** Copies the next turn, where there is one. */
  #ahead(): void {
    const { text, shape: { tile, even }, factors: [a, b] } = this;
    a.copy(this.#into, this.#rest, even);
    b.copy(text.into("b32", "add.u32", this.#into, a.bytes), this.#rest, even);
    a.advance();
    b.advance();
    text.add(`sub.s32 ${this.#rest}, ${this.#rest}, ${tile.k}`);
    text.add("cp.async.commit_group");
    this.#next(this.#into);
  }

  /** Waits until the stage that is read has been copied by all threads. */
  #arrive(): void {
    this.text.add(`cp.async.wait_group ${this.shape.tile.stages - 2}`);
    this.text.add("bar.sync 0");
  }

  /** Loads the fragments of a step of the turn at hand. */
  #load(step: number): void {
    const [a, b] = this.factors;
    const set = this.#sets[step % 2]!;
    set.b.forEach((registers, c) => b.load(registers, this.#here[1]!, 16 * c, 16 * step));
    set.a.forEach((registers, r) => a.load(registers, this.#here[0]!, 16 * r, 16 * step));
  }

  /** Moves a register on to the next stage, after the last to the first. */
  #next(register: string): void {
    const { text } = this;
    text.add(`add.u32 ${register}, ${register}, ${this.#stage}`);
    const beyond = text.into("pred", "setp.ge.u32", register, this.#end);
    text.add(`selp.b32 ${register}, ${this.#first}, ${register}, ${beyond}`);
  }
}
