/** What a mutation is: one wrong line of a source, and the tests that must notice it. */

/** A change that makes a source wrong. */
export interface Mutation {
  /** Name, which is that of no other mutation. */
  readonly name: string;
  /** Source that is changed, from the root. */
  readonly file: string;
  /** Text that stands there exactly once. */
  readonly find: string;
  /** Text that takes its place. */
  readonly replace: string;
  /** What is wrong then, in one line. */
  readonly why: string;
  /** Test files or folders that must fail, the narrowest that should notice. */
  readonly tests: readonly string[];
  /** `false` where its tests take long, or need what a plain machine lacks: no day draws it. */
  readonly sample?: false;
}

/**
 * The source with the mutation in it.
 *
 * @throws {Error} If the text to replace does not stand there exactly once
 */
export function mutated(source: string, { name, file, find, replace }: Mutation): string {
  const count = source.split(find).length - 1;
  if (count === 1 && find !== replace) return source.replace(find, () => replace);
  const found = find === replace ? "the same text twice" : `it ${count} times`;
  throw new Error(`Cannot apply ${name} as its text is required once in ${file}: found ${found}`);
}
