/**
 * Trees of regular expressions.
 *
 * @module
 */

/** One node of a regular expression. */
export type Regex =
  /** One code point of a class, written in brackets as JavaScript's flag v has it. */
  | { readonly kind: "set"; readonly source: string }
  | { readonly kind: "sequence" | "choice"; readonly items: readonly Regex[] }
  | {
    readonly kind: "repeat";
    readonly body: Regex;
    readonly min: number;
    /** Infinity where there is no limit. */
    readonly max: number;
    readonly mode: "greedy" | "lazy" | "possessive";
  }
  /** What matched is never given up. */
  | { readonly kind: "atomic"; readonly body: Regex }
  /** What follows or precedes, without being part of the match. */
  | {
    readonly kind: "look";
    readonly body: Regex;
    readonly behind: boolean;
    readonly negative: boolean;
  };

/** A regular expression asks for what is not supported; the message says what. */
export class PatternError extends Error {
  /** Name of the error class. */
  override name = "PatternError";

  /**
   * Makes the error.
   *
   * @param found What is not supported; long ones are cut
   */
  constructor(found: string) {
    super(found.length > 80 ? `${found.slice(0, 80)}…` : found);
  }
}

/** Makes a set of a class, whose source stands in brackets. */
export function setOf(source: string): Regex {
  return { kind: "set", source };
}

/** Makes a sequence. */
export function sequenceOf(...items: Regex[]): Regex {
  return items.length === 1 && items[0] !== undefined ? items[0] : { kind: "sequence", items };
}

/** Makes a choice, whose first items count first. */
export function choiceOf(...items: Regex[]): Regex {
  return items.length === 1 && items[0] !== undefined ? items[0] : { kind: "choice", items };
}

/** Makes a look to either side. */
export function lookOf(side: "ahead" | "behind", body: Regex, negative = false): Regex {
  return { kind: "look", body, behind: side === "behind", negative };
}

/**
 * Tells whether a tree can match nothing.
 *
 * @returns True where the empty text is a match
 */
export function canBeEmpty(tree: Regex): boolean {
  switch (tree.kind) {
    case "set":
      return false;
    case "sequence":
      return tree.items.every(canBeEmpty);
    case "choice":
      return tree.items.some(canBeEmpty);
    case "repeat":
      return tree.min === 0 || canBeEmpty(tree.body);
    case "atomic":
      return canBeEmpty(tree.body);
    case "look":
      return true;
  }
}

/**
 * Counts the code points of a tree's matches.
 *
 * @returns The number; undefined where matches differ in length
 */
export function lengthOf(tree: Regex): number | undefined {
  switch (tree.kind) {
    case "set":
      return 1;
    case "sequence": {
      let sum: number | undefined = 0;
      for (const item of tree.items) {
        const length = lengthOf(item);
        sum = length === undefined || sum === undefined ? undefined : sum + length;
      }
      return sum;
    }
    case "choice": {
      const lengths = new Set(tree.items.map(lengthOf));
      return lengths.size === 1 ? [...lengths][0] : undefined;
    }
    case "repeat": {
      const length = lengthOf(tree.body);
      return tree.min === tree.max && length !== undefined ? length * tree.min : undefined;
    }
    case "atomic":
      return lengthOf(tree.body);
    case "look":
      return 0;
  }
}
