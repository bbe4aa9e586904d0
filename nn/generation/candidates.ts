/**
 * What may follow each hypothesis: log-probabilities of the next token, with penalties and bans, and the
 * most likely tokens of each row. Only these are read.
 *
 * @module
 */

import {
  filledBy,
  type Float,
  float,
  index,
  input,
  old,
  rowMax,
  rowSum,
  scalar,
  select,
} from "../../core/expr.ts";
import { lowestFloat, type TypedArray } from "../../core/dtype.ts";
import { NumericError } from "../../core/errors.ts";
import { empty } from "../../core/memory.ts";
import { slice } from "../../core/ops/slice.ts";
import { reshape } from "../../core/ops/view.ts";
import { type RowProgram, rowProgram } from "../../core/program.ts";
import { type Tensor, tensor } from "../../core/tensor.ts";
import { update } from "../../core/update.ts";
import { chunk, isChunked, topK } from "../../core/ops/top_k.ts";

/** Tokens of one row whose numbers are changed, each at most once in a list. */
export interface Correction {
  /** Tokens whose probability becomes 0. */
  readonly banned: readonly number[];
  /** Tokens that are penalised for having occurred. */
  readonly repeated: readonly number[];
}

/** How {@linkcode candidates} turns logits into scores. */
export interface Scoring {
  /** For each row of the logits, the tokens it corrects. */
  readonly corrections: readonly Correction[];
  /** Divides positive numbers of repeated tokens and multiplies the others. */
  readonly penalty: number;
  /** Whether logits are corrected and then normalised; else log-probabilities are corrected. */
  readonly correctFirst: boolean;
  /** Tokens to find for each row. */
  readonly count: number;
}

/** A token that may follow a hypothesis. */
export interface Candidate {
  /** Number of the token. */
  readonly id: number;
  /** Its log-probability, in nats. */
  readonly logProbability: number;
}

/** Tokens of each row that one program looks for; WebGPU binds few buffers. */
const listed = 4;
/** Stands for no token. */
const none = 0xFFFFFFFF;

/** Candidates of one row, best first; an array of them is one too. */
export interface Ranking {
  /** Candidates of each row, the best first. */
  readonly length: number;
  /** The one at a place, from 0. */
  at(place: number): Candidate | undefined;
}

/** Candidates as they were read: most are never looked at. */
class Found implements Ranking {
  readonly #values: TypedArray;
  readonly #start: number;
  readonly #count: number;
  /** Places that are not banned; absent where none is banned. */
  readonly #allowed: readonly number[] | undefined;

  /** Log-probabilities lie at `start`, the tokens `count` elements behind them. */
  constructor(values: TypedArray, start: number, count: number, banned: readonly number[]) {
    this.#values = values;
    this.#start = start;
    this.#count = count;
    if (banned.length === 0) return;
    const places = Array.from({ length: count }, (_, place) => place);
    this.#allowed = places.filter((place) => !banned.includes(values[start + count + place]!));
  }

  get length(): number {
    return this.#allowed?.length ?? this.#count;
  }

  at(place: number): Candidate | undefined {
    if (place >= this.length) return undefined;
    const at = this.#start + (this.#allowed?.[place] ?? place);
    return { id: this.#values[at + this.#count]!, logProbability: this.#values[at]! };
  }
}

const logSoftmax = (() => {
  const x = input(0, "f32", 3);
  const shifted = x.sub(rowMax(x));
  return rowProgram(["f32"], [shifted.sub(rowSum(shifted.unary("exp")).unary("log"))]);
})();

const fill = rowProgram([], [filledBy(0)]);

/** Changes the listed tokens of each row in place. */
function correction(change: (x: Float) => Float): RowProgram {
  const slots = Array.from({ length: listed }, (_, slot) => slot);
  const kept = slots.map((slot) => input(slot, "u32", 1).compare("eq", index(0, 2)).not())
    .reduce((all, other) => all.and(other));
  return rowProgram(slots.map(() => "u32"), [select(kept, old(0), change(old(0)))]);
}
const ban = correction(() => float(lowestFloat));
const penalise = correction((x) => {
  const penalty = scalar(0, "f32");
  return select(x.compare("lt", 0), x.mul(penalty), x.div(penalty));
});

/**
 * Log-probabilities of all tokens of each row, `[rows, vocabulary]`, on the host; those of banned tokens
 * are so low that their probabilities are 0. Reads once.
 *
 * @param logits `[rows, vocabulary]`; their memory may be used
 */
export async function logProbabilities(
  logits: Tensor,
  scoring: Omit<Scoring, "count">,
): Promise<TypedArray> {
  const scores = empty(logits.device, logits.shape);
  if (scoring.correctFirst) correct(logits, scoring);
  update(logSoftmax, [scores], [logits]);
  if (!scoring.correctFirst) correct(scores, scoring);
  return await scores.read();
}

/**
 * The most likely tokens of each row that are not banned, best first; of equal ones the lower
 * number comes first. Reads once.
 *
 * @param logits `[rows, vocabulary]`; their memory may be used
 * @throws {NumericError} If logits are not finite
 */
export async function candidates(logits: Tensor, scoring: Scoring): Promise<Ranking[]> {
  const { corrections, correctFirst } = scoring;
  const { device } = logits;
  const [rows, vocabulary] = logits.shape as [number, number];
  const count = Math.min(scoring.count, vocabulary);
  const width = isChunked(vocabulary, count) ? Math.ceil(vocabulary / chunk) * chunk : vocabulary;
  const padded = empty(device, [rows, width]);
  const scores = slice(padded, 1, 0, vocabulary);
  if (width > vocabulary) {
    update(fill, [slice(padded, 1, vocabulary, width)], [], [-Infinity]);
  }
  if (correctFirst) correct(logits, scoring);
  update(logSoftmax, [scores], [logits]);
  if (!correctFirst) correct(scores, scoring);
  const found = await topK(padded, count).read();
  return corrections.map(({ banned }, row) => {
    const at = 2 * row * count;
    if (!Number.isFinite(found[at])) {
      throw new NumericError(
        `Cannot choose a token as finite logits are required: found ${found[at]} in row ${row}`,
      );
    }
    return new Found(found, at, count, banned);
  });
}

/** Penalises first, then bans. */
function correct(scores: Tensor, { corrections, penalty }: Omit<Scoring, "count">): void {
  const lists: [RowProgram, readonly (readonly number[])[]][] = [
    [penalise, corrections.map(({ repeated }) => repeated)],
    [ban, corrections.map(({ banned }) => banned)],
  ];
  for (const [program, list] of lists) {
    const longest = Math.max(...list.map((ids) => ids.length));
    const [rows, slots] = [list.length, Math.ceil(longest / listed) * listed];
    if (slots === 0) continue;
    const ids = Array.from({ length: slots * rows }, (_, at) => {
      return list[at % rows]![Math.floor(at / rows)] ?? none;
    });
    const all = tensor(scores.device, ids, [slots, rows], "u32");
    for (let start = 0; start < slots; start += listed) {
      const some = Array.from({ length: listed }, (_, i) => {
        return reshape(slice(all, 0, start + i, start + i + 1), [rows, 1]);
      });
      update(program, [scores], some, [penalty], [{ offset: 0, strides: [0, 1] }]);
    }
  }
}
