/**
 * Launches: all about a program's run that the layout of its operands decides. A step meets the
 * layouts of the step before, so kernels, parameters and grids are looked up, not made.
 *
 * @module
 */

import { bytesPerElement, type Dtype } from "../../../core/dtype.ts";
import { DeviceError } from "../../../core/errors.ts";
import type { Kernel } from "./modules.ts";

/** A run without its addresses, offsets and scalars. */
export interface CardLaunch {
  /** Number of it, unique on its backend. */
  readonly id: number;
  /** The compiled program. */
  readonly kernel: Kernel;
  /** Blocks. */
  readonly blocks: number;
  /** Parameters, of which the varying ones are 0: addresses first, each in two words. */
  readonly words: Uint32Array;
  /** Bytes of an element of each operand in memory. */
  readonly elementBytes: readonly number[];
  /** Word of the first index's offset; the others follow. */
  readonly offsets: number;
  /** Number of the indices. */
  readonly indices: number;
  /** Operands that it writes: the last so many. */
  readonly results: number;
  /** Kinds of the scalars, which come last. */
  readonly scalars: readonly string[];
  /** Queues what is no kernel of our own, at the addresses of its operands. */
  readonly foreign?: (addresses: readonly number[]) => void;
}

/** What a launch is made from. */
export interface CardLaunchParts {
  /** The compiled program. */
  readonly kernel: Kernel;
  /** Blocks. */
  readonly blocks: number;
  /** Element types of the operands in memory. */
  readonly dtypes: readonly Dtype[];
  /** Operands that it writes, which come last. */
  readonly results: number;
  /** Number of the indices, whose offsets follow the addresses. */
  readonly indices: number;
  /** Words after the offsets: sizes and strides. */
  readonly words: readonly number[];
  /** Kinds of the scalars. */
  readonly scalars: readonly string[];
}

let serial = 0;

/** Bytes, elements and blocks that programs can count are fewer. */
const most = 2 ** 31;

/**
 * Fails where threads cannot count on.
 *
 * @throws {DeviceError} If they cannot
 */
export function checkCount(what: string, count: number): void {
  if (count < most) return;
  throw new DeviceError(`Cannot run a program over ${count} ${what} as fewer than ${most} can be`);
}

/**
 * Steps of an operand along the axes of a space, in bytes.
 *
 * @throws {DeviceError} If programs cannot count that far
 */
export function byteSteps(
  space: readonly number[],
  strides: readonly number[],
  bytes: number,
): number[] {
  return strides.map((step, axis) => space[axis] === 1 ? 0 : byteStep(space, step, bytes));
}

/**
 * One such step, however long its axis is.
 *
 * @throws {DeviceError} If programs cannot count that far
 */
export function byteStep(space: readonly number[], step: number, bytes: number): number {
  if (Math.abs(step * bytes) < most) return step * bytes;
  throw new DeviceError(
    `Cannot run a program over space [${space}] as rows lie at most ${most - 1} bytes apart: ` +
      `found ${step * bytes}`,
  );
}

/** Lays out the parameters. */
export function makeCardLaunch(parts: CardLaunchParts): CardLaunch {
  const { kernel, blocks, dtypes, results, indices, words, scalars } = parts;
  if (blocks * kernel.threads >= most) {
    throw new DeviceError(
      `Cannot run ${kernel.name} by ${
        blocks * kernel.threads
      } threads as a launch has fewer than ` +
        `${most}`,
    );
  }
  const offsets = 2 * dtypes.length;
  const all = new Uint32Array(kernel.parameterBytes / 4);
  all.set(words, offsets + indices);
  const elementBytes = dtypes.map(bytesPerElement);
  const counts = { offsets, indices, results };
  return { id: serial++, kernel, blocks, words: all, elementBytes, ...counts, scalars };
}

/** A launch of what is no kernel of our own. */
export function foreignLaunch(
  name: string,
  dtypes: readonly Dtype[],
  foreign: (addresses: readonly number[]) => void,
): CardLaunch {
  const parameterBytes = 8 * dtypes.length;
  const kernel: Kernel = { handle: 0, name, threads: 0, sharedBytes: 0, parameterBytes };
  const parts = { kernel, blocks: 0, dtypes, results: 1, indices: 0, words: [], scalars: [] };
  return { ...makeCardLaunch(parts), foreign };
}
