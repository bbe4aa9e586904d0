/**
 * The loop over the inner axis of products of bf16 by warp groups (`wgmma`): both factors are read from
 * a ring of tiles in shared memory, which are copied ahead.
 *
 * @module
 */

import { floatText, type PtxText } from "../../ptx/text.ts";
import type { ProductShape } from "../product_shape.ts";
import { descriptorUpper, ringStart } from "./group_loop.ts";
import type { Halves } from "./halves.ts";

/** Writes the loop of one product. */
export class HalvesLoop {
  constructor(
    readonly text: PtxText,
    readonly shape: ProductShape,
    readonly a: Halves,
    readonly b: Halves,
    readonly place: { readonly thread: string; readonly depth: string },
  ) {}

  get #stage(): number {
    return this.a.bytes + this.b.bytes;
  }

  /** Bytes of shared memory, of which the tiles begin at a multiple of 1024. */
  get bytes(): number {
    return 1024 + this.shape.tile.stages * this.#stage;
  }

  /** Writes it; gives the registers of the sums, eight columns at a time. */
  write(): string[][] {
    const { text, a, b, place, shape: { tile, even } } = this;
    const sums = Array.from(
      { length: tile.n / 8 },
      () => [0, 1, 2, 3].map(() => text.into("f32", "mov.f32", floatText(0))),
    );
    const first = ringStart(text);
    const end = text.into("b32", "add.u32", first, tile.stages * this.#stage);
    const [from, into] = [0, 1].map(() => text.into("b32", "mov.u32", first)) as [string, string];
    const next = (register: string) => {
      text.add(`add.u32 ${register}, ${register}, ${this.#stage}`);
      const beyond = text.into("pred", "setp.ge.u32", register, end);
      text.add(`selp.b32 ${register}, ${first}, ${register}, ${beyond}`);
    };
    const [rest, left] = [0, 1].map(() => text.into("b32", "mov.u32", place.depth)) as [
      string,
      string,
    ];
    const copy = () => {
      a.copy(into, rest, even);
      b.copy(text.into("b32", "add.u32", into, a.bytes), rest, even);
      text.add(`sub.s32 ${rest}, ${rest}, ${tile.k}`);
      text.add("cp.async.commit_group");
      next(into);
    };
    // The tiles before those that are read may still be read by the other groups.
    const ahead = tile.stages - 2;
    for (let i = 0; i < ahead; i++) copy();
    const again = text.label();
    text.place(again);
    text.add(`cp.async.wait_group ${ahead - 1}`);
    text.add("fence.proxy.async.shared::cta");
    text.add("bar.sync 0");
    text.add("wgmma.fence.sync.aligned");
    this.#multiply(from, sums);
    text.add("wgmma.commit_group.sync.aligned");
    copy();
    next(from);
    text.add("wgmma.wait_group.sync.aligned 1");
    text.add(`sub.s32 ${left}, ${left}, ${tile.k}`);
    text.add(`@${text.into("pred", "setp.gt.s32", left, 0)} bra ${again}`);
    text.add("wgmma.wait_group.sync.aligned 0");
    text.add("cp.async.wait_all");
    return sums;
  }

  /** The products of a turn. */
  #multiply(from: string, sums: readonly string[][]): void {
    const { text, a, b, place, shape: { tile } } = this;
    const base = text.into("b32", "shr.u32", from, 4);
    const group = text.into("b32", "shr.u32", place.thread, 7);
    const own = text.into("b32", "mad.lo.u32", group, a.at(1, 0) >> 4, base);
    const more = text.into("pred", "setp.eq.u32", base, base);
    const described = (word: string, lower: number, at: number) => {
      const descriptor = text.register("b64");
      const low = text.into("b32", "add.u32", word, lower + (at >> 4));
      text.add(`mov.b64 ${descriptor}, {${low}, ${descriptorUpper}}`);
      return descriptor;
    };
    for (let step = 0; step < tile.k / 16; step++) {
      const left = described(own, a.lower, a.at(0, step));
      const right = described(base, b.lower, a.bytes + b.at(0, step));
      text.add(
        `wgmma.mma_async.sync.aligned.m64n${tile.n}k16.f32.bf16.bf16 {${
          sums.flat().join(", ")
        }}, ${left}, ${right}, ${more}, 1, 1, ${a.turned}, ${b.turned}`,
      );
    }
  }
}
