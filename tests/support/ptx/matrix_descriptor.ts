// Matrices in shared memory as descriptors of warp groups' products name them.
import { UnknownPtx } from "./parse.ts";

/** A matrix of a product, seen over its outer and inner axis. */
export interface DescribedMatrix {
  /** Bytes of an element. */
  readonly bytes: 2 | 4;
  /** Whether neighbours lie along the outer axis, not along the inner one. */
  readonly turned: boolean;
}

/**
 * Address of an element as a function of its outer and inner index.
 *
 * @param low Lower word of the descriptor
 * @param high Upper word
 */
export function elementAddress(
  low: number,
  high: number,
  { bytes, turned }: DescribedMatrix,
  line: string,
): (outer: number, inner: number) => number {
  const field = (word: number) => (word & 0x3fff) << 4;
  const [start, leading, stride] = [field(low), field(low >>> 16), field(high)];
  // Only the swizzle of 128 bytes is told here, whose pattern begins at a multiple of 1024.
  if ((high & 0xffffc000) !== 1 << 30 || (low & 0xc000c000) !== 0) throw new UnknownPtx(line);
  const perLine = 128 / bytes;
  const plain = turned
    ? (outer: number, inner: number) =>
      Math.floor(outer / perLine) * leading + (inner >> 3) * stride + (inner & 7) * 128 +
      (outer % perLine) * bytes
    : (outer: number, inner: number) => (outer >> 3) * stride + (outer & 7) * 128 + inner * bytes;
  return (outer, inner) => {
    const address = start + plain(outer, inner);
    return address ^ ((address >> 7 & 7) << 4);
  };
}
