/**
 * Renders products by warp groups of cards of compute capability 9.0.
 *
 * @module
 */

import type { MatmulProgram } from "../../../../core/program.ts";
import { type PtxProgram, PtxText } from "../../ptx/text.ts";
import { BlockPlace } from "../block_place.ts";
import { Epilogue, epilogueBytes } from "../epilogue.ts";
import { type ProductShape, threadsOf } from "../product_shape.ts";
import { GroupLoop } from "./group_loop.ts";
import { Halves } from "./halves.ts";
import { HalvesLoop } from "./halves_loop.ts";
import { LeftFloats } from "./left_floats.ts";
import { RightFloats } from "./right_floats.ts";

/** Renders a product whose tile is one of warp groups. */
export function renderGroupProduct(program: MatmulProgram, shape: ProductShape): PtxProgram {
  const text = new PtxText();
  const { tile, read } = shape;
  const place = new BlockPlace(text, program, shape);
  const block = place.block();
  const bases = [0, 1].map((k) => place.base(k, block.batch)) as [string, string];
  const threads = threadsOf(tile);
  const of = (which: 0 | 1) => place.factor(which, block, bases[which]);
  const loop = shape.parts === 2
    ? new GroupLoop(
      text,
      shape,
      new LeftFloats(text, read[0], threads, { ...of(0), lane: block.lane, own: block.own[0] }),
      new RightFloats(text, read[1], { n: tile.n, threads }, of(1)),
      block,
    )
    : new HalvesLoop(
      text,
      shape,
      new Halves(text, read[0], { outer: tile.m, threads }, of(0)),
      new Halves(text, read[1], { outer: tile.n, threads }, of(1)),
      block,
    );
  const sums = loop.write();
  new Epilogue(text, program, shape, place.epilogueHost(bases, block)).write(sums, block);
  const bytes = Math.max(loop.bytes, epilogueBytes(tile));
  return text.program(threads, bytes, { target: "sm_90a", resident: tile.resident });
}
