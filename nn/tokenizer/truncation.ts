/**
 * Truncation of sequences and pairs to a number of tokens.
 *
 * @module
 */

import { OptionError } from "../../core/errors.ts";

/** Which sequence gives way: the longer one, or always the first or the second. */
export type TruncationStrategy = "longest_first" | "only_first" | "only_second";

/**
 * Decides how many tokens of each sequence stay.
 *
 * Source: the lengths that the Hugging Face tokenizers library arrives at. For `longest_first` the
 * shorter sequence stays whole while it fits into half; an odd token goes to the longer one.
 *
 * @param first Tokens of the first sequence
 * @param second Tokens of the second sequence; undefined without one
 * @param limit Tokens that both may have together, special tokens not counted
 * @param strategy Which sequence gives way
 * @returns Tokens to keep of the first and of the second sequence
 * @throws {OptionError} If the sequence that gives way is absent or would become empty
 * @example
 * ```ts
 * import { truncatedLengths, type TruncationStrategy } from "./truncation.ts";
 * const strategy: TruncationStrategy = "longest_first";
 * const [first, second] = truncatedLengths(10, 3, 8, strategy);
 * console.assert(first === 5 && second === 3);
 * ```
 */
export function truncatedLengths(
  first: number,
  second: number | undefined,
  limit: number,
  strategy: TruncationStrategy,
): [number, number] {
  const excess = first + (second ?? 0) - limit;
  if (excess <= 0) return [first, second ?? 0];
  if (limit === 0) return [0, 0];
  if (strategy === "longest_first") {
    if (second === undefined) return [limit, 0];
    const shorter = Math.min(first, second);
    const half = Math.floor(limit / 2);
    const kept = Math.min(shorter, half);
    return first > second ? [limit - kept, kept] : [kept, limit - kept];
  }
  const target = strategy === "only_first" ? first : second;
  if (target === undefined) {
    throw new OptionError(`Cannot truncate as ${strategy} requires a pair: found one sequence`);
  }
  if (target <= excess) {
    throw new OptionError(
      `Cannot truncate as ${strategy} requires more than ${excess} tokens in that sequence: ` +
        `found ${target}`,
    );
  }
  return strategy === "only_first"
    ? [first - excess, second ?? 0]
    : [first, (second ?? 0) - excess];
}

/**
 * Shortens a sequence.
 *
 * @param ids Tokens of the sequence
 * @param length Tokens to keep, at most as many as there are
 * @param side Where tokens are taken off
 */
export function truncate(
  ids: readonly number[],
  length: number,
  side: "left" | "right",
): number[] {
  return side === "left" ? ids.slice(ids.length - length) : ids.slice(0, length);
}
