/**
 * Renders matrix products to PTX for the matrix units: bf16 in, sums in 32 bits. What has more bits is
 * taken apart into terms of 8 bits, whose products are added from the smallest up.
 *
 * @module
 */

import type { MatmulProgram } from "../../../core/program.ts";
import { type PtxProgram, PtxText } from "../ptx/text.ts";
import { BlockPlace, type ProductBlock } from "./block_place.ts";
import { Epilogue, epilogueBytes } from "./epilogue.ts";
import { Factor } from "./factor.ts";
import { InnerLoop } from "./inner_loop.ts";
import { type ProductShape, threadsOf } from "./product_shape.ts";

/** Renders a product. */
export function renderProduct(program: MatmulProgram, shape: ProductShape): PtxProgram {
  return new ProductWriter(program, shape).render();
}

class ProductWriter {
  readonly #text = new PtxText();
  readonly #place: BlockPlace;

  constructor(readonly program: MatmulProgram, readonly shape: ProductShape) {
    this.#place = new BlockPlace(this.#text, program, shape);
  }

  render(): PtxProgram {
    const text = this.#text;
    const { tile } = this.shape;
    const block = this.#place.block();
    const bases = [0, 1].map((k) => this.#place.base(k, block.batch)) as [string, string];
    const [a, b] = [0, 1].map((k) => this.#operand(k as 0 | 1, block, bases[k]!)) as [
      Factor,
      Factor,
    ];
    const loop = new InnerLoop(text, this.shape, [a, b], block);
    const sums = loop.write();
    const host = this.#place.epilogueHost(bases, block);
    new Epilogue(text, this.program, this.shape, host).write(sums, block);
    return text.program(threadsOf(tile), Math.max(loop.bytes, epilogueBytes(tile)));
  }

  #operand(which: 0 | 1, block: ProductBlock, base: string): Factor {
    const { tile, read } = this.shape;
    const place = this.#place.factor(which, block, base);
    return new Factor(this.#text, which, read[which], tile, place);
  }
}
