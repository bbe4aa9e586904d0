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

/** Tiles of B: one is read while the other is written. */
const buffers = 2;

/** Products of parts, the smallest first. */
const pairs = [["low", "high"], ["high", "low"], ["high", "high"]] as const;

/** Words of a matrix descriptor that do not say where a tile is: lines of 128 bytes, swizzled. */
const upper = (1024 >> 4) | (1 << 30);
const lower = 1 << 16;

/** Writes the loop of one product. */
export class GroupLoop {
  constructor(
    readonly text: PtxText,
    readonly shape: ProductShape,
    readonly a: LeftFloats,
    readonly b: RightFloats,
    readonly depth: string,
  ) {}

  /** Bytes of shared memory, of which the tiles begin at a multiple of 1024. */
  get bytes(): number {
    return 1024 + buffers * this.b.bytes;
  }

  /** Writes it; gives the registers of the sums, eight columns at a time. */
  write(): string[][] {
    const { text, a, b, shape: { tile, even } } = this;
    const four = () => [0, 1, 2, 3].map(() => text.register("f32"));
    const columns = Array.from({ length: tile.n / 8 });
    const [sums, turn] = [columns.map(four), columns.map(four)];
    for (const sum of sums.flat()) text.add(`mov.f32 ${sum}, ${floatText(0)}`);
    const raised = text.into("b32", "add.u32", text.into("b32", "mov.u32", "tiles"), 1023);
    const first = text.into("b32", "and.b32", raised, "0xfffffc00");
    const from = text.into("b32", "mov.u32", first);
    const into = text.into("b32", "add.u32", first, b.bytes);
    const rest = text.into("b32", "mov.u32", this.depth);
    const left = text.into("b32", "mov.u32", this.depth);
    const next = () => {
      b.read(rest, even);
      a.read(rest, even);
      text.add(`sub.s32 ${rest}, ${rest}, ${tile.k}`);
    };
    next();
    b.split(from);
    a.split();
    next();
    text.add("fence.proxy.async");
    text.add("bar.sync 0");
    const again = text.label();
    text.place(again);
    text.add("wgmma.fence.sync.aligned");
    this.#multiply(from, a.steps(), turn);
    text.add("wgmma.commit_group.sync.aligned");
    b.split(into);
    b.read(rest, even);
    text.add("fence.proxy.async");
    text.add("wgmma.wait_group.sync.aligned 0");
    a.split();
    a.read(rest, even);
    text.add(`sub.s32 ${rest}, ${rest}, ${tile.k}`);
    // Tensor units cut sums off: those of turns are added with rounding.
    sums.flat().forEach((sum, i) => text.add(`add.rn.f32 ${sum}, ${sum}, ${turn.flat()[i]}`));
    const other = text.into("b32", "mov.u32", from);
    text.add(`mov.u32 ${from}, ${into}`);
    text.add(`mov.u32 ${into}, ${other}`);
    text.add("bar.sync 0");
    text.add(`sub.s32 ${left}, ${left}, ${tile.k}`);
    text.add(`@${text.into("pred", "setp.gt.s32", left, 0)} bra ${again}`);
    return sums;
  }

  /** The products of a turn. */
  #multiply(from: string, steps: readonly LeftStep[], sums: readonly string[][]): void {
    const { text, b, shape: { tile } } = this;
    const base = text.into("b32", "add.u32", text.into("b32", "shr.u32", from, 4), lower);
    const kept = text.into("pred", "setp.ne.u32", base, base);
    const more = text.into("pred", "setp.eq.u32", base, base);
    pairs.forEach(([i, j], order) =>
      steps.forEach((step, s) => {
        const at = ((j === "low" ? b.lowAt : 0) + 32 * s) >> 4;
        const word = text.into("b32", "add.u32", base, at);
        const descriptor = text.register("b64");
        text.add(`mov.b64 ${descriptor}, {${word}, ${upper}}`);
        text.add(
          `wgmma.mma_async.sync.aligned.m64n${tile.n}k8.f32.tf32.tf32 {${
            sums.flat().join(", ")
          }}, {${step[i].join(", ")}}, ${descriptor}, ${order + s === 0 ? kept : more}, 1, 1`,
        );
      })
    );
  }
}
