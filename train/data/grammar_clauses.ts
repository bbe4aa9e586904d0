/**
 * The little language of the synthetic entailment task: its words, clauses and logic.
 *
 * @module
 */

/** One statement: who does what, and whether it is denied. */
export interface Clause {
  /** A person. */
  subject: string;
  /** A verb, or `is` for statements of place. */
  verb: string;
  /** A person, thing, kind of thing, place or room number, as the verb requires. */
  object: string;
  /** Colour of a thing. */
  colour?: string;
  /** Whether the statement is denied. */
  negated: boolean;
}

/** Persons. */
export const people: readonly string[] = "anna ben carla david emma felix".split(" ");
/** Animals. */
export const animals: readonly string[] = "dog cat horse".split(" ");
/** Fruits. */
export const fruits: readonly string[] = "apple pear plum".split(" ");
/** Colours of things. */
export const colours: readonly string[] = "red green white black".split(" ");
/** Verbs between two persons. */
export const personVerbs: readonly string[] = "helps calls".split(" ");
/** Verbs between a person and a thing. */
export const thingVerbs: readonly string[] = "sees likes draws".split(" ");
/** Places under the sky. */
export const outsidePlaces: readonly string[] = "garden park forest".split(" ");
/** Places under a roof. */
export const insidePlaces: readonly string[] = "kitchen school barn".split(" ");
/** Numbers of rooms. */
export const numbers: readonly string[] = "one two three four".split(" ");

const members: Readonly<Record<string, readonly string[]>> = {
  animal: animals,
  fruit: fruits,
  outside: outsidePlaces,
  inside: [...insidePlaces, ...numbers],
};

/** Every word that can occur, the full stop included. */
export const grammarWords: readonly string[] = [
  ..."a an the is not never in room .".split(" "),
  ...people,
  ...Object.values(members).flat(),
  ...Object.keys(members),
  ...colours,
  ...personVerbs,
  ...thingVerbs,
];

/** The kind of a thing or place, such as `animal` for `dog`; `undefined` for other words. */
export function categoryOf(object: string): string | undefined {
  return Object.keys(members).find((kind) => members[kind]?.includes(object));
}

/** Writes a clause as lower-case words between single spaces, with a full stop. */
export function render({ subject, verb, object, colour, negated }: Clause): string {
  const words = [subject];
  if (verb === "is") {
    words.push("is", ...(negated ? ["not"] : []));
    if (categoryOf(object) !== undefined) {
      words.push("in", numbers.includes(object) ? "room" : "the");
    }
    words.push(object);
  } else {
    words.push(...(negated ? ["never"] : []), verb);
    const noun = colour === undefined ? [object] : [colour, object];
    if (!people.includes(object)) words.push(/^[aeiou]/.test(noun[0] ?? "") ? "an" : "a");
    words.push(...noun);
  }
  return [...words, "."].join(" ");
}

/**
 * Whether one statement follows from another: it is the same, or it affirms less of the thing,
 * without its colour or with its kind in its place; a denial does not extend to the kind.
 */
export function entails(premise: Clause, hypothesis: Clause): boolean {
  if (
    premise.subject !== hypothesis.subject || premise.verb !== hypothesis.verb ||
    premise.negated !== hypothesis.negated
  ) return false;
  const same = premise.object === hypothesis.object;
  if (premise.negated) {
    return same && (premise.colour === undefined || premise.colour === hypothesis.colour);
  }
  return (same || categoryOf(premise.object) === hypothesis.object) &&
    (hypothesis.colour === undefined || premise.colour === hypothesis.colour);
}
