/**
 * Work that is shared out: each batch is one process's, and what comes of it everyone's. Batches go round
 * by round, so that all processes know how far the work is, and may stop at the same place.
 *
 * @module
 */

import { NumericError } from "../../core/errors.ts";
import { alone, type Group } from "./group.ts";

/** What a process says of its batch. */
type Outcome<T> = { readonly made: readonly T[] } | { readonly error: string };

/**
 * Works on batches in all processes, and hands on what each gave, in the order of the batches.
 *
 * @param batches Places of items, the same in every process
 * @param work Makes something of each item of a batch: plain data without NaN and infinities
 * @param take Is given what was made of a batch, in every process
 * @throws {NumericError} In every process, if work throws one in some
 */
export async function shareOut<T>(
  group: Group = alone,
  batches: readonly (readonly number[])[],
  work: (members: readonly number[]) => Promise<readonly T[]>,
  take: (members: readonly number[], made: readonly T[]) => void,
): Promise<void> {
  if (group.size === 1) {
    for (const members of batches) take(members, await work(members));
    return;
  }
  for (let first = 0; first < batches.length; first += group.size) {
    const round = batches.slice(first, first + group.size);
    const own = round[group.rank];
    const outcome = own === undefined ? { made: [] } : await outcomeOf(() => work(own));
    const outcomes = await group.gather(JSON.stringify(outcome));
    const all = outcomes.map((text) => JSON.parse(text) as Outcome<T>);
    for (const [i, members] of round.entries()) {
      const found = all[i]!;
      if ("error" in found) throw new NumericError(found.error);
      take(members, found.made);
    }
  }
}

/** What work gave; numbers that are not finite end it in all processes. */
async function outcomeOf<T>(work: () => Promise<readonly T[]>): Promise<Outcome<T>> {
  try {
    return { made: await work() };
  } catch (error) {
    if (error instanceof NumericError) return { error: error.message };
    throw error;
  }
}
