/**
 * Threefry-2x32 with 20 rounds, once for all that a word can be: a number here, text or code in a
 * backend.
 *
 * Source: Salmon et al., "Parallel random numbers: as easy as 1, 2, 3" (SC 2011).
 *
 * @module
 */

const rotations = [13, 15, 26, 6, 17, 29, 16, 24];
const parity = 0x1BD11BDA;

/** Arithmetic of 32-bit words, modulo 2^32. */
export interface Words<W> {
  /** A constant of 32 bits. */
  of(value: number): W;
  /** Sum modulo 2^32. */
  add(a: W, b: W): W;
  /** Exclusive or, bit by bit. */
  xor(a: W, b: W): W;
  /** Bits moved up by 1 to 31 places; those that leave come in again below. */
  rotateLeft(a: W, bits: number): W;
  /** Puts a value in a variable, and gives what stands for it from now on. */
  assign(variable: "k2" | "x" | "y", value: W): W;
}

/** The block of two words at counter `(c0, c1)` under key `(k0, k1)`. */
export function threefryBlock<W>(
  words: Words<W>,
  [k0, k1]: readonly [W, W],
  [c0, c1]: readonly [W, W],
): [W, W] {
  const k2 = words.assign("k2", words.xor(words.xor(k0, k1), words.of(parity)));
  const schedule = [k0, k1, k2];
  let x = words.assign("x", words.add(c0, k0));
  let y = words.assign("y", words.add(c1, k1));
  for (let round = 0; round < 20; round++) {
    x = words.assign("x", words.add(x, y));
    y = words.assign("y", words.xor(words.rotateLeft(y, rotations[round % 8]!), x));
    if (round % 4 === 3) {
      const group = (round + 1) / 4;
      x = words.assign("x", words.add(x, schedule[group % 3]!));
      const key = words.add(y, schedule[(group + 1) % 3]!);
      y = words.assign("y", words.add(key, words.of(group)));
    }
  }
  return [x, y];
}
