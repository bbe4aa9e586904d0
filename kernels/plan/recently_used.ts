/**
 * What is kept of the things that were used last.
 *
 * @module
 */

/** Things that hold something, of which those that were not used for longest lose it. */
export class RecentlyUsed<T> {
  /** The one that was used last stands last. */
  readonly #things = new Set<T>();

  /**
   * @param most Things that keep what they hold
   * @param lose Takes it from one
   */
  constructor(readonly most: number, readonly lose: (thing: T) => void) {}

  /** Tells that one is about to be used. */
  use(thing: T): void {
    this.#things.delete(thing);
    this.#things.add(thing);
    if (this.#things.size <= this.most) return;
    const [oldest] = this.#things;
    this.lose(oldest!);
    this.#things.delete(oldest!);
  }

  /** Takes it from all. */
  clear(): void {
    for (const thing of this.#things) this.lose(thing);
    this.#things.clear();
  }
}
