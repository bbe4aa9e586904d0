/**
 * Code as nested bytes, the numbers in it, and how it becomes flat.
 *
 * @module
 */

/** Bytes, nested as the instructions are; a constant of 128 bits stands for itself. */
export type Code = number | Constant | readonly Code[];

/** A vector that the function makes once, before all else: in a loop it would be made every time. */
export class Constant {
  /**
   * Stands for a vector.
   *
   * @param bytes Its sixteen bytes
   */
  constructor(readonly bytes: readonly number[]) {}
}

/** An unsigned LEB128 number. */
export function unsigned(value: number): number[] {
  const bytes: number[] = [];
  do {
    const low = value % 128;
    value = Math.floor(value / 128);
    bytes.push(value > 0 ? low | 128 : low);
  } while (value > 0);
  return bytes;
}

/** A signed LEB128 number of 32 bits. */
export function signed(value: number): number[] {
  const bytes: number[] = [];
  for (let rest = value | 0;;) {
    const low = rest & 127;
    rest >>= 7;
    const done = (rest === 0 && (low & 64) === 0) || (rest === -1 && (low & 64) !== 0);
    bytes.push(done ? low : low | 128);
    if (done) return bytes;
  }
}

/** Bytes of code, with the code that `made` gives in place of constants. */
export function bytesOf(
  code: Code,
  made: (constant: Constant) => Code = () => [],
  into: number[] = [],
): number[] {
  if (typeof code === "number") into.push(code);
  else if (code instanceof Constant) bytesOf(made(code), made, into);
  else for (const part of code) bytesOf(part, made, into);
  return into;
}
