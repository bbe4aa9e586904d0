/**
 * What depends on a few yes-or-no answers alone is made once for each of them.
 *
 * @module
 */

/** A number for up to 50 answers; `before` is that of the answers in front of them. */
export function numberOf(flags: readonly boolean[], before = 1): number {
  let number = before;
  for (let i = 0; i < flags.length; i++) number = 2 * number + Number(flags[i]);
  return number;
}

/** The same function, which keeps what it returned; it must depend on nothing else. */
export function byFlags<T>(make: (flags: readonly boolean[]) => T): typeof make {
  const made = new Map<number, T>();
  return (flags) => {
    const key = numberOf(flags);
    let found = made.get(key);
    if (found === undefined) made.set(key, found = make(flags));
    return found;
  };
}
