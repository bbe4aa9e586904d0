/**
 * Which pieces of work must wait for which, by the memory that they read and write.
 *
 * @module
 */

/** Memory that a piece of work uses. */
export interface MemoryAccess {
  /** First byte. */
  readonly from: number;
  /** Byte behind the last. */
  readonly to: number;
  /** Whether it is written, and read too perhaps; else it is read alone. */
  readonly isWritten: boolean;
}

/** Memory with those who used it since it was last written. */
interface Range {
  readonly from: number;
  readonly to: number;
  readonly writer?: number | undefined;
  readonly readers: readonly number[];
}

/**
 * For each piece of work, those before it whose end it has to wait for, the latest first, without
 * those that one of the others has waited for. Work that comes later may then run at the same time as
 * work before it, with results as if all ran in order.
 *
 * @param works What each uses, in order
 */
export function dependenciesOf(works: readonly (readonly MemoryAccess[])[]): number[][] {
  const ranges: Range[] = [];
  /** Everything that a piece of work has waited for, a bit each. */
  const before: bigint[] = [];
  return works.map((accesses, own) => {
    const wanted = new Set<number>();
    for (const access of accesses) note(ranges, access, own, wanted);
    wanted.delete(own);
    let known = 0n;
    const needed: number[] = [];
    for (const other of [...wanted].sort((a, b) => b - a)) {
      if ((known >> BigInt(other)) & 1n) continue;
      known |= before[other]! | 1n << BigInt(other);
      needed.push(other);
    }
    before.push(known);
    return needed;
  });
}

/**
 * Notes that a piece of work uses memory; whom it has to wait for is added to `wanted`.
 *
 * @param ranges The memory that was used so far: in order, none of it twice
 */
function note(
  ranges: Range[],
  { from, to, isWritten }: MemoryAccess,
  own: number,
  wanted: Set<number>,
): void {
  const first = firstBehind(ranges, from);
  const noted: Range[] = [];
  let last = first;
  let next = from;
  for (; last < ranges.length && ranges[last]!.from < to; last++) {
    const range = ranges[last]!;
    const { writer, readers } = range;
    if (writer !== undefined) wanted.add(writer);
    if (isWritten) { for (const reader of readers) wanted.add(reader); }
    const [begin, end] = [Math.max(from, range.from), Math.min(to, range.to)];
    if (range.from < from) noted.push({ ...range, to: from });
    if (!isWritten) {
      // What nobody used before lies between.
      if (next < begin) noted.push({ from: next, to: begin, readers: [own] });
      noted.push({ from: begin, to: end, writer, readers: [...readers, own] });
      next = end;
    }
    if (to < range.to) noted.push({ ...range, from: to });
  }
  if (isWritten) {
    const behind = noted.at(-1)?.from === to ? 1 : 0;
    noted.splice(noted.length - behind, 0, { from, to, writer: own, readers: [] });
  } else if (next < to) noted.push({ from: next, to, readers: [own] });
  ranges.splice(first, last - first, ...noted);
}

/** The first range that ends behind a byte. */
function firstBehind(ranges: readonly Range[], byte: number): number {
  let [low, high] = [0, ranges.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (ranges[middle]!.to <= byte) low = middle + 1;
    else high = middle;
  }
  return low;
}
