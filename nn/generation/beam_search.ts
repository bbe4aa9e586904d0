/**
 * How the hypotheses that continue one prompt are chosen: transformers' beam search, that of
 * microsoft/LoRA, and greedy search. Numbers on the host only; `generate.ts` has the model.
 *
 * @module
 */

import type { BeamConvention } from "./beam_conventions.ts";
import type { Ranking } from "./candidates.ts";

/** A hypothesis that goes on. */
export interface Beam {
  /** Its tokens after the prompt. */
  readonly ids: readonly number[];
  /** Sum of their log-probabilities, in nats. */
  readonly score: number;
  /** Number of the beam that it continues, one step before. */
  readonly parent: number;
}

/** A hypothesis that was chosen. */
export interface Generated {
  /** Its tokens after the prompt, without the token that ended it. */
  readonly ids: readonly number[];
  /** The token that ended it; absent where it was cut. */
  readonly end?: number;
  /** Sum of log-probabilities over length to the power of the length penalty; `end` counts. */
  readonly score: number;
}

/** What decides a search, apart from its candidates. */
export interface SearchSettings {
  /** Hypotheses that are followed at once. */
  readonly beams: number;
  /** Power of the length that a hypothesis's score is divided by. */
  readonly lengthPenalty: number;
  /** Tokens that end a hypothesis. */
  readonly eosIds: ReadonlySet<number>;
  /** Most tokens of a hypothesis. */
  readonly limit: number;
  /**
   * `hf`: `true` ends once there are as many finished hypotheses as beams, `false` once running ones do
   * not seem able to do better, `"never"` once they cannot.
   */
  readonly earlyStopping: boolean | "never";
}

/** The search for one prompt's continuation. */
export interface Search {
  /** Hypotheses that go on; none where the search is over. */
  readonly beams: readonly Beam[];
  /** Candidates that each beam needs. */
  readonly width: number;
  /** Takes the candidates of each beam, best first. */
  advance(candidates: readonly Ranking[]): void;
  /** The best hypothesis; there is one once the search is over. */
  readonly best: Generated | undefined;
}

/** Starts the search for one prompt; without beams both conventions are greedy search. */
export function startSearch(convention: BeamConvention, settings: SearchSettings): Search {
  return convention === "hf" && settings.beams > 1
    ? new HfBeamSearch(settings)
    : new LoraBeamSearch(settings);
}

const start: readonly Beam[] = [{ ids: [], score: 0, parent: 0 }];

/** A beam and the token that may follow it. */
interface Continuation {
  readonly parent: number;
  readonly id: number;
  readonly score: number;
}

/**
 * The best `count` continuations of all beams; of equal ones that of the first beam, lower token.
 * Candidates of a beam come best first, so only the next one of each is looked at.
 */
function continuations(
  beams: readonly Beam[],
  candidates: readonly Ranking[],
  count: number,
): Continuation[] {
  const places = new Uint32Array(beams.length);
  const nextOf = (parent: number): Continuation | undefined => {
    const candidate = candidates[parent]!.at(places[parent]!++);
    if (candidate === undefined) return undefined;
    const { id, logProbability } = candidate;
    return { parent, id, score: beams[parent]!.score + logProbability };
  };
  const heads = beams.map((_, parent) => nextOf(parent));
  const found: Continuation[] = [];
  while (found.length < count) {
    let best: Continuation | undefined;
    for (const head of heads) {
      if (head !== undefined && (best === undefined || head.score > best.score)) best = head;
    }
    if (best === undefined) break;
    found.push(best);
    heads[best.parent] = nextOf(best.parent);
  }
  return found;
}

/** The hypotheses that continuations make. */
function grown(beams: readonly Beam[], chosen: readonly Continuation[]): Beam[] {
  return chosen.map(({ parent, id, score }) => {
    return { ids: beams[parent]!.ids.concat(id), score, parent };
  });
}

/** A hypothesis that ended or was cut, scored by its length. */
function finished({ ids, score }: Beam, { eosIds, lengthPenalty }: SearchSettings): Generated {
  const last = ids.at(-1);
  const final = score / Math.max(1, ids.length) ** lengthPenalty;
  return last !== undefined && eosIds.has(last)
    ? { ids: ids.slice(0, -1), end: last, score: final }
    : { ids, score: final };
}

/** transformers' `_beam_search`. */
class HfBeamSearch implements Search {
  readonly width: number;
  readonly #settings: SearchSettings;
  /** Finished hypotheses, best first. */
  #pool: Generated[] = [];
  #beams = start;

  constructor(settings: SearchSettings) {
    this.#settings = settings;
    // Each beam has at most one candidate for each end, so `beams` others remain.
    this.width = Math.max(2, 1 + settings.eosIds.size) * settings.beams;
  }

  get beams(): readonly Beam[] {
    return this.#beams;
  }

  get best(): Generated | undefined {
    return this.#pool[0];
  }

  advance(candidates: readonly Ranking[]): void {
    const { beams, eosIds, limit, earlyStopping, lengthPenalty } = this.#settings;
    const length = this.#beams[0]!.ids.length + 1;
    const ends = ({ id }: Continuation) => length === limit || eosIds.has(id);
    const before = this.#beams;
    const found = continuations(before, candidates, this.width);
    // Candidates behind the first `beams` only fill up what goes on; without any, all are cut.
    const ended = found.length === 0 ? before : grown(before, found.slice(0, beams).filter(ends));
    const hypotheses = ended.map((beam) => finished(beam, this.#settings));
    this.#pool = [...this.#pool, ...hypotheses].sort((a, b) => b.score - a.score).slice(0, beams);
    this.#beams = grown(before, found.filter((next) => !ends(next)).slice(0, beams));
    if (this.#pool.length < beams || this.#beams.length === 0) return;
    const assumed = earlyStopping === "never" && lengthPenalty > 0 ? limit : length;
    const hope = this.#beams[0]!.score / assumed ** lengthPenalty;
    if (earlyStopping === true || hope <= this.#pool.at(-1)!.score) this.#beams = [];
  }
}

/** `gpt2_beam.py` of microsoft/LoRA; with one beam, greedy search. */
class LoraBeamSearch implements Search {
  readonly width: number;
  readonly #settings: SearchSettings;
  #best: Generated | undefined;
  #beams = start;

  constructor(settings: SearchSettings) {
    this.#settings = settings;
    this.width = settings.beams;
  }

  get beams(): readonly Beam[] {
    return this.#beams;
  }

  get best(): Generated | undefined {
    return this.#best;
  }

  advance(candidates: readonly Ranking[]): void {
    const { beams, eosIds, limit, lengthPenalty } = this.#settings;
    const before = this.#beams;
    const found = continuations(before, candidates, beams);
    const length = before[0]!.ids.length + 1;
    const ends = ({ id }: Continuation) => length === limit || eosIds.has(id);
    for (const beam of found.length === 0 ? before : grown(before, found.filter(ends))) {
      const hypothesis = finished(beam, this.#settings);
      if (this.#best === undefined || hypothesis.score > this.#best.score) this.#best = hypothesis;
    }
    this.#beams = grown(before, found.filter((next) => !ends(next)));
    // The original runs on to the limit: what cannot become the best changes nothing.
    const reach = ({ score }: Beam) =>
      Math.max(score / (length + 1) ** lengthPenalty, score / limit ** lengthPenalty);
    const best = this.#best?.score;
    if (best !== undefined && this.#beams.every((beam) => reach(beam) <= best)) this.#beams = [];
  }
}
