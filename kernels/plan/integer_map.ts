/**
 * Maps by lists of integers. Layouts and buffers are found again thousands of times a step, and
 * numbers are compared faster than text is built.
 *
 * @module
 */

/** A list of integers to look up; one is filled again and again, so that nothing is allocated. */
export class IntegerKey {
  /** The integers, of which the first `length` count. */
  readonly numbers: number[] = [];
  /** How many there are. */
  length = 0;
  /** A number that tells most lists apart; small enough for every engine's short integers. */
  hash = 0;

  /** Begins a new list. */
  clear(): void {
    this.length = this.hash = 0;
  }

  /** Adds an integer of 32 bits. */
  add(value: number): void {
    this.numbers[this.length++] = value;
    const mixed = Math.imul(this.hash ^ value, 0x9e3779b1);
    this.hash = (mixed ^ (mixed >>> 15)) >> 2;
  }
}

interface Entry<T> {
  readonly numbers: readonly number[];
  readonly value: T;
}

/** Values by lists of integers. */
export class IntegerMap<T> {
  readonly #buckets = new Map<number, Entry<T>[]>();
  #size = 0;

  /** Forgets everything when it would hold more than `limit` values. */
  constructor(readonly limit: number) {}

  /** The value of a list. */
  get(key: IntegerKey): T | undefined {
    const bucket = this.#buckets.get(key.hash);
    if (bucket === undefined) return undefined;
    for (const { numbers, value } of bucket) if (equal(key, numbers)) return value;
    return undefined;
  }

  /** Adds the value of a list that has none. */
  set(key: IntegerKey, value: T): void {
    if (this.#size === this.limit) this.clear();
    this.#size++;
    const entry = { numbers: key.numbers.slice(0, key.length), value };
    const bucket = this.#buckets.get(key.hash);
    if (bucket === undefined) this.#buckets.set(key.hash, [entry]);
    else bucket.push(entry);
  }

  /** Forgets the lists that `gone` holds for. */
  drop(gone: (numbers: readonly number[]) => boolean): void {
    for (const [hash, bucket] of this.#buckets) {
      const left = bucket.filter(({ numbers }) => !gone(numbers));
      if (left.length === bucket.length) continue;
      this.#size -= bucket.length - left.length;
      if (left.length > 0) this.#buckets.set(hash, left);
      else this.#buckets.delete(hash);
    }
  }

  /** Forgets everything. */
  clear(): void {
    this.#buckets.clear();
    this.#size = 0;
  }
}

function equal({ length, numbers }: IntegerKey, other: readonly number[]): boolean {
  if (length !== other.length) return false;
  for (let i = 0; i < length; i++) if (numbers[i] !== other[i]) return false;
  return true;
}
