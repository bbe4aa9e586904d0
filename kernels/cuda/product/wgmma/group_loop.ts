/**
 * The loop over the inner axis of products by warp groups (`wgmma`): while a turn is multiplied, the
 * next one is taken apart and the one after it read.
 *
 * @module
 */

import { floatText, type PtxText } from "../../ptx/text.ts";
import type { ProductShape } from "../product_shape.ts";
import type { LeftFloats, LeftStep } from "./left_floats.ts";
import type { RightFloats } from "./right_floats.ts";
import { TurnsAhead } from "./turns_ahead.ts";

/** Products of parts, the smallest first. */
const pairs = [["low", "high"], ["high", "low"], ["high", "high"]] as const;

/** Upper word of a matrix descriptor: eight lines of 128 bytes after another, swizzled. */
export const descriptorUpper = (1024 >> 4) | (1 << 30);
const lower = 1 << 16;

/** Register of where the tiles begin in shared memory: at a multiple of 1024 bytes. */
export function ringStart(text: PtxText): string {
  const raised = text.into(
    "b32",
    "add.u32",
    text.into("b32", "mov.u32", "tiles"),
    1023,
  );
  return text.into("b32", "and.b32", raised, "0xfffffc00");
}

/** Threads of a warp group. */
const groupThreads = 128;

/** Tiles of B: the one that is read, the one that is written next, and how to go on from either. */
interface Ring {
  readonly from: string;
  readonly into: string;
  readonly next: (register: string) => void;
}

/** Writes the loop of one product. */
export class GroupLoop {
  /** Tiles of B in the ring, and how many turns ahead they are written. */
  readonly #stages: number;
  readonly #ahead: number;
  /** Turns on their way to shared memory; none where they are read into registers. */
  readonly #raw: number;
  /** Whether two groups multiply in turn, so that each has the time of the other's products. */
  readonly #inTurn: boolean;

  constructor(
    readonly text: PtxText,
    readonly shape: ProductShape,
    readonly a: LeftFloats,
    readonly b: RightFloats,
    readonly place: { readonly thread: string; readonly depth: string },
  ) {
    const { stages, m } = shape.tile;
    this.#stages = stages;
    this.#inTurn = stages === 4 && m === 128;
    this.#raw = shape.tile.raw ?? 0;
    this.#ahead = this.#inTurn ? 2 : 1;
  }

  /** Bytes of shared memory, of which the tiles begin at a multiple of 1024. */
  get bytes(): number {
    return 1024 + this.#stages * this.b.bytes +
      this.#raw * (this.a.bytes + this.b.rawBytes);
  }

  /** A (0) or B (1) on its way: to places behind the tiles. */
  #way(end: string, which: 0 | 1): TurnsAhead {
    const { text, a, b, place, shape: { tile, even } } = this;
    return new TurnsAhead(text, which === 0 ? a : b, {
      thread: place.thread,
      depth: place.depth,
      base: which === 0 ? end : text.into("b32", "add.u32", end, this.#raw * a.bytes),
      bytes: which === 0 ? a.bytes : b.rawBytes,
      count: this.#raw,
      k: tile.k,
      even,
    });
  }

  /** Writes it; gives the registers of the sums, eight columns at a time. */
  write(): string[][] {
    const { text, b, place, shape: { tile } } = this;
    const four = () => [0, 1, 2, 3].map(() => text.register("f32"));
    const columns = Array.from({ length: tile.n / 8 });
    const [sums, turn] = [columns.map(four), columns.map(four)];
    for (const sum of sums.flat()) text.add(`mov.f32 ${sum}, ${floatText(0)}`);
    const first = ringStart(text);
    const end = text.into("b32", "add.u32", first, this.#stages * b.bytes);
    const ring: Ring = {
      from: text.into("b32", "mov.u32", first),
      into: text.into("b32", "mov.u32", first),
      next: (register) => {
        text.add(`add.u32 ${register}, ${register}, ${b.bytes}`);
        const beyond = text.into("pred", "setp.ge.u32", register, end);
        text.add(`selp.b32 ${register}, ${first}, ${register}, ${beyond}`);
      },
    };
    const left = text.into("b32", "mov.u32", place.depth);
    const ways = [this.#way(end, 0), this.#way(end, 1)] as const;
    this.#begin(ways, ring);
    const turns = this.#turns();
    const again = text.label();
    text.place(again);
    this.#turn(ways, ring, turns, turn);
    // Tensor units cut sums off: those of turns are added with rounding.
    sums.flat().forEach((sum, i) => text.add(`add.rn.f32 ${sum}, ${sum}, ${turn.flat()[i]}`));
    if (!this.#inTurn) text.add("bar.sync 0");
    text.add(`sub.s32 ${left}, ${left}, ${tile.k}`);
    text.add(`@${text.into("pred", "setp.gt.s32", left, 0)} bra ${again}`);
    if (this.#inTurn) this.#leave(turns[0]);
    if (this.#raw > 0) text.add("cp.async.wait_all");
    return sums;
  }

  /** Takes B apart into the next tile. */
  #splitB({ into, next }: Ring): void {
    this.b.split(into);
    next(into);
  }

  /** What is multiplied first, and the turns that are on their way meanwhile. */
  #begin([wayA, wayB]: readonly [TurnsAhead, TurnsAhead], ring: Ring): void {
    const { text, a } = this;
    wayA.read();
    for (let i = 0; i < this.#ahead; i++) {
      wayB.read();
      if (i < this.#ahead - 1) this.#splitB(ring);
    }
    for (let i = 0; i < this.#raw; i++) {
      wayB.send();
      wayA.send();
    }
    this.#splitB(ring);
    text.add("fence.proxy.async.shared::cta");
    if (this.#raw === 0) wayB.send();
    a.split();
    if (this.#raw === 0) wayA.send();
    text.add("bar.sync 0");
  }

  /** Multiplies a turn and takes the next one apart meanwhile. */
  #turn(
    [wayA, wayB]: readonly [TurnsAhead, TurnsAhead],
    ring: Ring,
    [own, other]: readonly [string, string],
    sums: readonly string[][],
  ): void {
    const { text, a } = this;
    if (this.#inTurn) text.add(`bar.sync ${own}, ${2 * groupThreads}`);
    text.add("wgmma.fence.sync.aligned");
    this.#multiply(ring.from, a.steps(), sums);
    text.add("wgmma.commit_group.sync.aligned");
    if (this.#inTurn) text.add(`bar.arrive ${other}, ${2 * groupThreads}`);
    wayB.take();
    this.#splitB(ring);
    text.add("fence.proxy.async.shared::cta");
    wayB.send();
    text.add("wgmma.wait_group.sync.aligned 0");
    wayA.take();
    a.split();
    wayA.send();
    ring.next(ring.from);
  }

  /** The barriers at which a group waits for its turn, and at which it gives it to the other. */
  #turns(): readonly [own: string, other: string] {
    const { text, place: { thread } } = this;
    if (!this.#inTurn) return ["", ""];
    const group = text.into("b32", "shr.u32", thread, 7);
    const own = text.into("b32", "add.u32", group, 1);
    const other = text.into("b32", "sub.u32", 2, group);
    const label = text.label();
    // The first group begins as if the second had given it the turn.
    text.add(`@${text.into("pred", "setp.eq.u32", group, 0)} bra ${label}`);
    text.add(`bar.arrive ${other}, ${2 * groupThreads}`);
    text.place(label);
    return [own, other];
  }

  /** The first group takes the turn that the second gave at last. */
  #leave(own: string): void {
    const { text } = this;
    const label = text.label();
    text.add(`@${text.into("pred", "setp.ne.u32", own, 1)} bra ${label}`);
    text.add(`bar.sync ${own}, ${2 * groupThreads}`);
    text.place(label);
  }

  /** The products of a turn. */
  #multiply(
    from: string,
    steps: readonly LeftStep[],
    sums: readonly string[][],
  ): void {
    const { text, b, shape: { tile } } = this;
    const base = text.into(
      "b32",
      "add.u32",
      text.into("b32", "shr.u32", from, 4),
      lower,
    );
    const kept = text.into("pred", "setp.ne.u32", base, base);
    const more = text.into("pred", "setp.eq.u32", base, base);
    pairs.forEach(([i, j], order) =>
      steps.forEach((step, s) => {
        const at = ((j === "low" ? b.lowAt : 0) + 32 * s) >> 4;
        const word = text.into("b32", "add.u32", base, at);
        const descriptor = text.register("b64");
        text.add(`mov.b64 ${descriptor}, {${word}, ${descriptorUpper}}`);
        text.add(
          `wgmma.mma_async.sync.aligned.m64n${tile.n}k8.f32.tf32.tf32 {${
            sums.flat().join(", ")
          }}, {${step[i].join(", ")}}, ${descriptor}, ${order + s === 0 ? kept : more}, 1, 1`,
        );
      })
    );
  }
}
