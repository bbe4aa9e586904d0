/**
 * Which tiles attention in one program has on an adapter, or that products and rows are better.
 *
 * @module
 */

import type { AttentionProgram } from "../../../core/program.ts";
import type { Limits } from "../limits.ts";

/** What of a pass each invocation and each workgroup have. */
export interface AttentionTiles {
  /** Rows of one side, queries or keys, that a workgroup owns. */
  readonly rows: number;
  /** Rows among them of an invocation: 4 or 8. */
  readonly own: number;
  /** Scores of a row that an invocation has in a turn: 4 or 8. */
  readonly across: number;
  /** Elements of a row of results that it has: 4 or 8. */
  readonly units: number;
  /**
   * Inner elements of products that are in workgroup memory at once, 4, 8 or 16 at most; 0 where each
   * invocation reads what it needs.
   */
  readonly depth: number;
}

/** What is known of a run. */
export interface AttentionSizes {
  /** What is computed. */
  readonly pass: AttentionProgram["pass"];
  /** Heads that have workgroups of their own. */
  readonly heads: number;
  /** Rows of each that workgroups own; of the gradient in one program, the most of both sides. */
  readonly rows: number;
  /** Elements of a head. */
  readonly size: number;
  /** Whether a mask is drawn for each query and key, of which 32 fit an invocation's word. */
  readonly drawsPairs: boolean;
}

/** Chooses tiles; nothing where attention is composed of products and rows. */
export type AttentionPolicy = (
  sizes: AttentionSizes,
  adapter: { readonly software: boolean; readonly limits: Limits },
) => AttentionTiles | undefined;

/** Workgroups of which a big GPU has some on each of its processors. */
const enough = 384;

/** Rows of four: enough workgroups where texts are short, few registers where two results are summed. */
const small: AttentionTiles = { rows: 32, own: 4, across: 8, units: 8, depth: 16 };
/** Rows of eight, whose numbers are read from workgroup memory half as often. */
const large: AttentionTiles = { rows: 64, own: 8, across: 4, units: 8, depth: 16 };
/** No tiles, for an adapter in software: it spends its time on the length of the text. */
const direct: AttentionTiles = { rows: 16, own: 4, across: 4, units: 4, depth: 0 };

/** Tiles as many rows as a turn has: the whole of a short text, whose gradient is one program. */
function squares(size: number, software: boolean): AttentionTiles[] {
  if (software) return [{ ...direct, rows: turnRows(direct, size) }];
  const few = [[4, 4], [8, 4], [4, 8]] as const;
  return few.map(([across, units]) => ({ rows: 64, own: 4, across, units, depth: 16 }))
    .filter((tiles) => turnRows(tiles, size) === tiles.rows);
}

/** One program wherever its tiles fit the adapter. */
export const attentionAlways: AttentionPolicy = (sizes, adapter) => {
  if (sizes.pass === "gradient") {
    return squares(sizes.size, adapter.software).find((tiles) =>
      fitsAdapter(tiles, sizes.size, adapter.limits)
    );
  }
  if (adapter.software) return direct;
  const { pass, heads, rows, drawsPairs } = sizes;
  const wide = pass === "forward" && !drawsPairs;
  const few = heads * Math.ceil(rows / large.rows) < enough;
  const liked = pass === "keys" || few ? small : wide ? { ...large, across: 8 } : large;
  return [liked, small, { ...small, across: 4 }].find((tiles) =>
    fitsAdapter(tiles, sizes.size, adapter.limits)
  );
};

/** Whether an adapter runs workgroups of such tiles. */
export function fitsAdapter(tiles: AttentionTiles, size: number, limits: Limits): boolean {
  return workgroupBytes(tiles, size) <= limits.maxComputeWorkgroupStorageSize &&
    invocationsOf(tiles, size) <= limits.maxComputeInvocationsPerWorkgroup;
}

/** Whether attention is one program: always, never, or where that is likely to be faster. */
export type AttentionChoice = "auto" | "always" | "never";

/**
 * The policy of a choice; nothing where attention is composed of products and rows: on adapters in
 * software, whose barriers are dear and whose products need none.
 */
export function attentionPolicy(
  choice: AttentionChoice,
  software: boolean,
): AttentionPolicy | undefined {
  return choice === "never" || (choice === "auto" && software) ? undefined : attentionAlways;
}

/** Invocations of a workgroup. */
export function invocationsOf({ rows, own, units }: AttentionTiles, size: number): number {
  return rows / own * (size / units);
}

/** Rows of the other side that pass by in a turn. */
export function turnRows({ across, units }: AttentionTiles, size: number): number {
  return size / units * across;
}

/** The largest of 16, 8 and 4 that is no more than `most` and divides a length; 0 where `most` is. */
export function depthOf(length: number, most: number): number {
  return [16, 8, 4].find((depth) => depth <= most && length % depth === 0) ?? 0;
}

/** Vectors of workgroup memory: rows that a product reads, what passes by, and weights. */
export function workgroupArrays(tiles: AttentionTiles, size: number) {
  const { rows, units } = tiles;
  const turn = turnRows(tiles, size);
  const [depth, steps] = [depthOf(size, tiles.depth), depthOf(turn, tiles.depth)];
  return {
    left: [Math.max(depth, size / units), rows / 4],
    right: [Math.max(depth, steps), Math.max(turn, size) / 4],
    weights: [turn, rows / 4],
  } as const;
}

/** Bytes of workgroup memory; words of keys and a flag are among them. */
export function workgroupBytes(tiles: AttentionTiles, size: number): number {
  const vectors = Object.values(workgroupArrays(tiles, size)).map(([a, b]) => a * b);
  const words = Math.max(turnRows(tiles, size), tiles.rows) + 2;
  return 16 * vectors.reduce((sum, count) => sum + count, 0) + 4 * words;
}
