/**
 * Where a block of a product works: the parameters of the launch, the block's tile and batch, and the
 * addresses of its operands.
 *
 * @module
 */

import { topological } from "../../../core/expr.ts";
import type { MatmulProgram } from "../../../core/program.ts";
import { slotsUsed } from "../../plan/slots.ts";
import type { PtxText } from "../ptx/text.ts";
import type { EpilogueHost } from "./epilogue.ts";
import type { FactorPlace } from "./factor.ts";
import type { ProductShape } from "./product_shape.ts";

/** Places of a product's parameters, in bytes. */
interface ProductPlaces {
  /** Addresses of A, B, extras and outputs, 8 bytes each. */
  readonly addresses: number;
  /** Sizes of the batch axes, M, N, K, inner elements of a chunk, tiles along M and along N. */
  readonly sizes: number;
  /** Steps of each operand along the batch axes and two more, in bytes. */
  readonly strides: number;
  /** Numbers of the run. */
  readonly scalars: number;
}

/** Registers that say where a block works. */
export interface ProductBlock {
  readonly thread: string;
  readonly lane: string;
  /** First row and column of the block. */
  readonly first: readonly [m: string, n: string];
  /** Coordinates along the batch axes. */
  readonly batch: readonly string[];
  /** First row and column of the warp within the block's tile. */
  readonly own: readonly [m: string, n: string];
  /** Which part of a turn's inner elements is the warp's; nothing where all are. */
  readonly slice: string | undefined;
  /** Inner elements of the block. */
  readonly depth: string;
}

/** Lays out the parameters of a product. */
function productPlaces(program: MatmulProgram, rank: number, text: PtxText): ProductPlaces {
  const operands = program.inputs.length + program.outputs.length;
  return {
    addresses: text.reserve(operands, 8),
    sizes: text.reserve(rank + 6, 4),
    strides: text.reserve(operands * (rank + 2), 4),
    scalars: text.reserve(slotsUsed(topological(program.outputs), "scalar"), 4),
  };
}

/** Reads the parameters of one product. */
export class BlockPlace {
  readonly #places: ProductPlaces;

  /** Lays out the parameters. */
  constructor(
    readonly text: PtxText,
    readonly program: MatmulProgram,
    readonly shape: ProductShape,
  ) {
    this.#places = productPlaces(program, shape.rank, text);
  }

  /** Size of an axis; what is meant beyond the axes, the parameters say. */
  size(axis: number): string {
    return this.text.parameter(this.#places.sizes + 4 * axis);
  }

  /** Bytes from one element of an operand to the next along an axis. */
  stride(operand: number, axis: number): string {
    const { rank } = this.shape;
    return this.text.parameter(this.#places.strides + 4 * (operand * (rank + 2) + axis));
  }

  /** Which tile of which batch is the block's. */
  block(): ProductBlock {
    const { text } = this;
    const { rank, tile, chunked } = this.shape;
    const thread = text.special("tid.x");
    const [tiles, m] = text.divide(text.special("ctaid.x"), this.size(rank + 4));
    const [batches, n] = text.divide(tiles, this.size(rank + 5));
    let rest: string = batches;
    const batch: string[] = [];
    for (let axis = rank - 1; axis > 0; axis--) {
      const [quotient, own] = text.divide(rest, this.size(axis));
      batch[axis] = own;
      rest = quotient;
    }
    if (rank > 0) batch[0] = rest;
    const k = this.size(rank + 2);
    let depth = k;
    if (chunked) {
      const chunk = this.size(rank + 3);
      const begin = text.into("b32", "mul.lo.u32", batch[0]!, chunk);
      depth = text.into("b32", "min.u32", chunk, text.into("b32", "sub.u32", k, begin));
    }
    const number = text.into("b32", "shr.u32", thread, 5);
    const [beside, warpM] = text.divide(number, tile.warps[0]);
    const [slice, warpN] = tile.slices === undefined
      ? [undefined, beside] as const
      : text.divide(beside, tile.warps[1]);
    return {
      thread,
      lane: text.into("b32", "and.b32", thread, 31),
      first: [
        text.into("b32", "mul.lo.u32", m, tile.m),
        text.into("b32", "mul.lo.u32", n, tile.n),
      ],
      batch,
      slice,
      own: [
        text.into("b32", "mul.lo.u32", warpM, tile.m / tile.warps[0]),
        text.into("b32", "mul.lo.u32", warpN, tile.n / tile.warps[1]),
      ],
      depth,
    };
  }

  /** Address of an operand's first element in the batch. */
  base(operand: number, batch: readonly string[]): string {
    const { text } = this;
    return batch.reduce(
      (sum, at, axis) => text.into("b64", "mad.wide.s32", at, this.stride(operand, axis), sum),
      text.parameter(this.#places.addresses + 8 * operand, "b64"),
    );
  }

  /** Where a factor's part of the block lies. */
  factor(which: 0 | 1, { thread, first }: ProductBlock, base: string): FactorPlace {
    const { rank } = this.shape;
    const [outer, inner] = which === 0 ? [rank, rank + 1] : [rank + 1, rank];
    return {
      thread,
      base,
      first: first[which],
      limit: this.size(rank + which),
      outerStep: this.stride(which, outer),
      innerStep: this.stride(which, inner),
    };
  }

  /** What the end of the product is given of it. */
  epilogueHost(bases: readonly [string, string], { batch, depth }: ProductBlock): EpilogueHost {
    const { text } = this;
    return {
      address: (operand) => this.base(operand, batch),
      step: (operand, axis) => this.stride(operand, axis),
      scalar: (slot, kind) =>
        text.parameter(this.#places.scalars + 4 * slot, kind === "f32" ? "f32" : "b32"),
      size: (axis) => this.size(this.shape.rank + axis),
      bases,
      depth,
    };
  }
}
