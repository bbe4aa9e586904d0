/**
 * Masks as expressions, drawn inside the kernels that use them. A mask's word is a function of the
 * site's key, the example's number and the coordinates, padded axes strided by the model's maximum.
 *
 * @module
 */

import {
  addWords,
  type Bool,
  draw,
  multiplyWords,
  scalar,
  select,
  shiftRight,
  subtractWords,
  type Word,
  word,
} from "../../core/expr.ts";
import { checkKey, threshold } from "../../core/random.ts";
import { checkSite } from "./check_site.ts";
import type { Site } from "./plan.ts";
import type { ActiveSite } from "./site.ts";

/** Scalars that a mask takes: two key words, threshold or rate, and the fixed span length. */
export const maskScalars = 4;

/**
 * Numbers for the scalar slots of a mask.
 *
 * @throws {OptionError} If the site is none
 */
export function maskNumbers({ site, key }: ActiveSite): number[] {
  checkSite(site);
  checkKey(key);
  const amount = site.structure === "span" ? Math.ceil(site.rate * 65536) : threshold(site.rate);
  return [key[0], key[1], amount, site.spanLength ?? 0];
}

/** Where a mask expression finds its words. */
export interface MaskLeaves {
  /** Counter of the example (see `DropoutContext.examples`), or of the pass alone. */
  readonly example: Word;
  /** Real tokens of the example. */
  readonly length: Word;
  /** Coordinate inside the example: for a span, of the token alone. */
  readonly position: Word;
  /** For a span: coordinate of the run inside the example (its head). */
  readonly run: Word;
  /** First of {@linkcode maskScalars} scalar slots. */
  readonly slot: number;
}

/**
 * A coordinate inside an example that begins anywhere in its row.
 *
 * @param coordinate The same from the row's first token on
 * @param offset Place in the row at which the example begins
 * @param stride Step of the coordinate from token to token
 */
export function inExample(coordinate: Word, offset: Word, stride: Word): Word {
  return subtractWords(coordinate, multiplyWords(offset, stride));
}

/** The pass that a counter belongs to, its last bit: with it alone all examples have one mask. */
export function passOf(example: Word): Word {
  return subtractWords(example, multiplyWords(shiftRight(example, 1), word(2)));
}

/** A word of the site's stream: at an example's counter, and a coordinate inside the example. */
export function drawn(slot: number, example: Word, coordinate: Word): Word {
  return draw([scalar(slot, "u32"), scalar(slot + 1, "u32")], example, coordinate);
}

/**
 * Tokens in a span: the length that was set, or round(rate x real tokens), at least 1 where the rate
 * is above 0; never more than there are. HiddenCut's own code has max(1, floor(rate x real tokens)).
 */
export function spanSize(slot: number, length: Word): Word {
  const [amount, fixed] = [scalar(slot + 2, "u32"), scalar(slot + 3, "u32")];
  // Integers only, so that every backend finds the same number.
  const share = shiftRight(addWords(multiplyWords(length, amount), word(32768)), 16);
  const least = select(amount.compare("lt", 1), word(0), word(1));
  const wanted = select(
    fixed.compare("eq", 0),
    select(share.compare("lt", 1), least, share),
    fixed,
  );
  return select(length.compare("lt", wanted), length, wanted);
}

/** One of some words from 0, each as likely as the others: by the upper half of a random word. */
export function choice(random: Word, count: Word): Word {
  return shiftRight(multiplyWords(shiftRight(random, 16), count), 16);
}

/** Whether the element is dropped. */
export function dropped(span: boolean, leaves: MaskLeaves): Bool {
  const { example, length, position, run, slot } = leaves;
  if (!span) return drawn(slot, example, position).compare("lt", scalar(slot + 2, "u32"));
  const size = spanSize(slot, length);
  const starts = addWords(subtractWords(length, size), word(1));
  const start = choice(drawn(slot, example, run), starts);
  return subtractWords(position, start).compare("lt", size);
}

/** Factor of what survives: 1, or 1/(1 - rate) where the site rescales. */
export function survivorFactor(site: Site): number {
  const rescale = site.rescale ?? site.structure === "element";
  return rescale ? 1 / (1 - site.rate) : 1;
}
