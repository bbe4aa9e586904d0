/** Which mutations a day draws: a function of the date alone, so that a failure can be repeated. */

import type { Mutation } from "./mutation.ts";

const day = 24 * 60 * 60 * 1000;

/**
 * The mutations of a day (UTC). Each is drawn once before any is drawn again.
 *
 * @param count How many of them
 */
export function drawn(list: readonly Mutation[], date: Date, count: number): Mutation[] {
  const eligible = list.filter(({ sample }) => sample !== false);
  const { length } = eligible;
  const first = Math.floor(date.getTime() / day) * count;
  // Neighbours of the list concern the same source: a stride without a common divisor spreads them.
  let stride = Math.max(1, Math.round(length * 0.382));
  while (divisor(stride, length) > 1) stride++;
  return Array.from({ length: Math.min(count, length) }, (_, i) => {
    return eligible[(first + i) * stride % length]!;
  });
}

function divisor(a: number, b: number): number {
  return b === 0 ? a : divisor(b, a % b);
}
