/**
 * A synthetic entailment task in the layout of RTE, for demonstrations and tests without downloads.
 *
 * @module
 */

import { OptionError } from "../../core/errors.ts";
import type { Example } from "./example.ts";
import {
  animals,
  categoryOf,
  type Clause,
  colours,
  entails,
  fruits,
  insidePlaces,
  numbers,
  outsidePlaces,
  people,
  personVerbs,
  render,
  thingVerbs,
} from "./grammar_clauses.ts";

/** Settings of {@linkcode grammarDataset}. */
export interface GrammarOptions {
  /** Number of training examples; even. */
  train: number;
  /** Number of validation examples; even. */
  dev: number;
  /** Seed from which everything follows; its low 32 bits count. */
  seed: number;
  /** Share of the training labels that are flipped, from 0 to 0.5. */
  noise: number;
}

/** A training and a validation set. */
export interface GrammarDataset {
  /** Training examples, the flipped labels included. */
  train: Example[];
  /** Validation examples, all labels right. */
  dev: Example[];
}

const longestPremise = 18;
const largestSize = 100_000;

/**
 * Draws an entailment task: the premise has two or three clauses, the hypothesis one, and the label
 * is 0 where it follows from the premise and 1 where it does not.
 *
 * What does not follow has roles exchanged, words of two clauses mixed, a denial too many or too
 * few, or another word in one place. Both labels are equally frequent before the noise, and flips
 * strike both equally; no pair occurs twice. The validation set depends on `dev` and `seed` alone.
 *
 * @throws {OptionError} If a size is not a positive even integer or the noise not from 0 to 0.5
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 *
 * const { train, dev } = grammarDataset({ train: 64, dev: 16, seed: 1, noise: 0.25 });
 * assertEquals([train.length, dev.length], [64, 16]);
 * ```
 */
export function grammarDataset({ train, dev, seed, noise }: GrammarOptions): GrammarDataset {
  for (const size of [train, dev]) {
    if (!Number.isInteger(size / 2) || size < 2 || size > largestSize) {
      throw new OptionError(
        `Cannot draw examples as an even number from 2 to ${largestSize} is required: found ${size}`,
      );
    }
  }
  if (!(noise >= 0 && noise <= 0.5)) {
    throw new OptionError(`Cannot flip labels as noise must be from 0 to 0.5: found ${noise}`);
  }
  const random = mulberry32(seed);
  const seen = new Set<string>();
  const devSet = draw(dev, random, seen);
  const trainSet = draw(train, random, seen);
  const flips = Math.round(noise * train / 2);
  for (const label of [0, 1]) {
    const candidates = trainSet.filter((_, index) => index % 2 === label);
    for (let flipped = 0; flipped < flips; flipped++) {
      const [example] = candidates.splice(Math.floor(random() * candidates.length), 1);
      if (example !== undefined) example.label = 1 - label;
    }
  }
  return { train: trainSet, dev: devSet };
}

/** Draws examples with labels 0 and 1 in turn. */
function draw(count: number, random: () => number, seen: Set<string>): Example[] {
  const examples: Example[] = [];
  while (examples.length < count) {
    const index = examples.length;
    const label = index % 2;
    const premise = drawPremise(random);
    const fact = pick(premise, random);
    const hypothesis = label === 0 ? weaken(fact, random) : corrupt(fact, premise, random);
    const follows = premise.some((clause) => entails(clause, hypothesis));
    const textA = premise.map(render).join(" ");
    const textB = render(hypothesis);
    const key = `${textA} ${textB}`;
    if (follows !== (label === 0) || seen.has(key)) continue;
    seen.add(key);
    examples.push({ textA, textB, label, index });
  }
  return examples;
}

function drawPremise(random: () => number): Clause[] {
  const names = [...people];
  const clauses = [drawPlace(names, random), drawAct(names, random)];
  if (random() < 0.2) {
    // A second clause of the same sort makes the model bind subject and object together.
    const draw = pick([drawPlace, drawPlace, drawAct, drawAct, drawMeeting], random);
    clauses.push(draw(names, random));
  }
  shuffle(clauses, random);
  const length = clauses.map(render).join(" ").split(" ").length;
  return length <= longestPremise ? clauses : drawPremise(random);
}

function drawPlace(names: string[], random: () => number): Clause {
  const object = drawSpot(random);
  return { subject: takePerson(names, random), verb: "is", object, negated: isDenied(random) };
}

function drawMeeting(names: string[], random: () => number): Clause {
  const subject = takePerson(names, random), object = takePerson(names, random);
  return { subject, verb: pick(personVerbs, random), object, negated: isDenied(random) };
}

function drawAct(names: string[], random: () => number): Clause {
  const subject = takePerson(names, random), verb = pick(thingVerbs, random);
  const act = { subject, verb, object: drawThing(random), negated: isDenied(random) };
  return random() < 0.7 ? act : { ...act, colour: pick(colours, random) };
}

function isDenied(random: () => number): boolean {
  return random() < 0.15;
}

/** Takes a person out of `names`, so that none occurs twice in a premise. */
function takePerson(names: string[], random: () => number): string {
  return names.splice(Math.floor(random() * names.length), 1)[0] ?? "";
}

function drawThing(random: () => number): string {
  return pickSkewed(pick([animals, fruits], random), random);
}

function drawSpot(random: () => number): string {
  const spots = random() < 0.5 ? outsidePlaces : random() < 0.95 ? insidePlaces : numbers;
  return pickSkewed(spots, random);
}

/** A statement that follows from a fact, with the kind of its object where that is affirmed. */
function weaken(fact: Clause, random: () => number): Clause {
  const kind = fact.negated || random() < 0.03 ? undefined : categoryOf(fact.object);
  if (kind === undefined) return fact;
  const { colour: _, ...rest } = fact;
  return { ...rest, object: kind };
}

/** A statement that resembles a fact and mostly does not follow from the premise. */
function corrupt(fact: Clause, premise: readonly Clause[], random: () => number): Clause {
  const way = random();
  if (way < 0.05) return { ...weaken(fact, random), subject: pick(premise, random).subject };
  if (fact.negated || way < 0.2) return weaken({ ...fact, negated: !fact.negated }, random);
  if (people.includes(fact.object)) {
    return { ...fact, subject: fact.object, object: fact.subject };
  }
  const object = fact.verb === "is" ? drawSpot(random) : drawThing(random);
  return weaken({ ...fact, object }, random);
}

function shuffle<T>(items: T[], random: () => number): void {
  for (let last = items.length - 1; last > 0; last--) {
    const [item] = items.splice(Math.floor(random() * (last + 1)), 1);
    if (item !== undefined) items.push(item);
  }
}

function pick<T>(items: readonly T[], random: () => number): T {
  return items[Math.floor(random() * items.length)] as T;
}

/** Prefers early items: frequent words are learnt first and pull the rare ones along. */
function pickSkewed<T>(items: readonly T[], random: () => number): T {
  const share = random();
  return pick(items, () => share ** 6);
}

/** Uniform numbers in [0, 1) from a 32-bit seed. Source: Tommy Ettinger's mulberry32. */
function mulberry32(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6D2B79F5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
