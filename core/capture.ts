/**
 * Functions whose work is captured: a run that would queue what earlier ones queued, over other inputs
 * and by another key, is queued again without being computed. What is not known to be the same runs
 * as always.
 *
 * @module
 */

import type { CapturedWork } from "./backend.ts";
import { CaptureRecord, fails, keysOf, type Outline, sameJson, sameKey } from "./capture_record.ts";
import { traced } from "./capture_trace.ts";
import { type CapturedMemory, memoryPlaces, outlinesOf } from "./captured_memory.ts";
import type { Device } from "./device.ts";
import type { Key } from "./random.ts";
import { Storage, Value } from "./storage.ts";
import { taped } from "./tape.ts";
import { Tensor } from "./tensor.ts";

/** What decides what a function queues. */
export interface Captured extends CapturedMemory {
  /** All that is not named below: equal texts stand for equal work. */
  readonly signature: string;
  /** Key from which all random numbers come, by folding. */
  readonly key: Key;
  /** Number that programs are given as it is, and that may be another one the next time. */
  readonly number?: number;
  /** Gives a test whether all else that the function reads is still what it is now. */
  readonly unchanged: () => () => boolean;
}

/** What a function returns: tensors by name. */
export type Results = { readonly [name: string]: Tensor | undefined };

/** Signatures that are remembered; beyond these the one that was not met for longest is forgotten. */
const most = 128;
/** Captures of a signature, of which two in a row must be equal. */
const mostAttempts = 4;

/** A tensor that came out, perhaps under several names. */
interface Made {
  readonly names: readonly string[];
  readonly outline: Outline;
  /** Elements of its memory. */
  readonly length: number;
}

/** A run that was captured. */
interface Capture {
  readonly work: CapturedWork;
  readonly trace: CaptureRecord;
  readonly number: number | undefined;
  /** Elements before what moves. */
  readonly offsets: readonly number[];
  readonly made: readonly Made[];
  readonly unchanged: () => boolean;
}

/** The first of two scalars that are a key. */
type KeyPlace = readonly [scalar: number, key: number];

/** Which scalars are not always the same. */
interface ScalarPlaces {
  readonly keys: readonly KeyPlace[];
  /** Scalars that are the number. */
  readonly numbers: readonly number[];
  /** The number where both captures had it: which scalars it is cannot be told. */
  readonly constant: number | undefined;
}

/** What is known of a signature. */
interface Entry {
  attempts: number;
  /** The last capture. */
  capture?: Capture | undefined;
  /** Where keys and numbers stand, once two captures were equal. */
  places?: ScalarPlaces | undefined;
}

/** Whether work can be captured now: the backend does so, and no gradient is being recorded. */
export function capturable({ backend }: Device): boolean {
  return backend.capturing !== undefined && !taped();
}

/** Runs of one function. */
export class Captures {
  readonly #entries = new Map<string, Entry>();

  /**
   * What the function returns, computed by it or queued again. Results belong to the open scope.
   *
   * @param device Handle that owns the results
   */
  run(device: Device, captured: Captured, compute: () => Results): Results {
    const { inputs } = captured;
    // Results of tensors of another handle would be that handle's, or an error.
    if (!capturable(device) || inputs.some((x) => x.device !== device)) return compute();
    const signature = `${captured.signature} ${outlinesOf(captured)}`;
    const entry = this.#met(signature);
    if (entry === undefined) return compute();
    const { capture, places } = entry;
    if (capture !== undefined && places !== undefined && hasNumber(places, captured)) {
      const again = queuedAgain(device, captured, capture, places);
      if (again !== undefined) return again;
      this.#entries.set(signature, { attempts: 0 });
      return compute();
    }
    if (entry.attempts === mostAttempts) return compute();
    entry.attempts++;
    const next = computeCaptured(device, captured, compute);
    entry.places = capture && next.capture && scalarPlaces(capture, next.capture);
    entry.capture = next.capture;
    return next.result;
  }

  /** What is known of a signature; nothing where it is met for the first time. */
  #met(signature: string): Entry | undefined {
    const found = this.#entries.get(signature);
    if (found === undefined && this.#entries.size === most) {
      this.#entries.delete(this.#entries.keys().next().value!);
    }
    // The one that was met last stands last.
    this.#entries.delete(signature);
    this.#entries.set(signature, found ?? { attempts: 0 });
    return found;
  }
}

/** Runs a function and captures its work, where that can be. */
function computeCaptured(
  device: Device,
  captured: Captured,
  compute: () => Results,
): { readonly result: Results; readonly capture: Capture | undefined } {
  const { inputs, moving = [], key, number, unchanged } = captured;
  const capturing = device.backend.capturing!;
  const storages = inputs.map(({ value }) => value.storage);
  const trace = new CaptureRecord(storages, key);
  const same = unchanged();
  let made: readonly Made[] = [];
  let work: CapturedWork | undefined;
  let result: Results;
  const storagesMade = new Set<Storage>();
  capturing.begin();
  try {
    result = device.inside("captured", (scope) => {
      const results = traced(trace, compute);
      for (const tensor of Object.values(results)) {
        if (tensor !== undefined) storagesMade.add(scope.keep(tensor).value.storage);
      }
      return results;
    });
    made = madeOf(result);
  } finally {
    work = capturing.end(
      memoryPlaces(captured),
      Array.from(storagesMade, ({ buffer }) => buffer),
    );
  }
  // Two views of one memory would need two.
  const fits = work !== undefined && !trace.isSpoiled && !trace.isOutdated(storagesMade) &&
    storagesMade.size === made.length;
  const offsets = moving.map(({ value }) => value.offset);
  const capture = fits ? { work: work!, trace, number, offsets, made, unchanged: same } : undefined;
  return { result, capture };
}

function madeOf(results: Results): Made[] {
  const names = new Map<Tensor, string[]>();
  for (const [name, tensor] of Object.entries(results)) {
    if (tensor !== undefined) names.set(tensor, [...names.get(tensor) ?? [], name]);
  }
  return Array.from(names, ([{ value }, names]) => {
    const { dtype, shape, strides, offset, storage } = value;
    return { names, outline: { dtype, shape, strides, offset }, length: storage.length };
  });
}

/**
 * Where keys and the number stand among the scalars of two captures of the same work; nothing where the
 * work is not the same, or other scalars differ.
 */
function scalarPlaces(a: Capture, b: Capture): ScalarPlaces | undefined {
  const same = a.work.equals(b.work) && sameJson(a.trace.folds, b.trace.folds) &&
    sameJson(a.trace.checks, b.trace.checks) && sameJson(a.made, b.made) &&
    // Of what stood still it cannot be told what moves with it.
    a.offsets.every((offset, i) => offset !== b.offsets[i]);
  if (!same) return undefined;
  const [first, second] = [a.work.scalars, b.work.scalars];
  // Numbers are drawn by keys that were folded; the one that was given may be as plain as 0 and 1.
  const folded = new Map(a.trace.keys.map((key, place) => [`${key}`, place] as const).slice(1));
  const given = a.trace.keys[0]!;
  const isOneKey = sameKey(given, b.trace.keys[0]!);
  const keys: KeyPlace[] = [];
  const numbers: number[] = [];
  for (let i = 0; i < first.length; i++) {
    // Of one key it cannot be told whether numbers are its words.
    if (isOneKey && sameKey(given, [first[i]!, first[i + 1]!])) return undefined;
    const key = folded.get(`${first[i]},${first[i + 1]}`);
    if (key !== undefined && sameKey(b.trace.keys[key]!, [second[i]!, second[i + 1]!])) {
      keys.push([i++, key]);
    } else if (!Object.is(first[i], second[i])) {
      if (a.number !== first[i] || b.number !== second[i]) return undefined;
      numbers.push(i);
    }
  }
  return { keys, numbers, constant: a.number === b.number ? b.number : undefined };
}

/** Whether a number of which it cannot be told which scalars it is still is what it was. */
function hasNumber({ constant }: ScalarPlaces, { number }: Captured): boolean {
  return constant === undefined || constant === number;
}

/** Results of work that was queued again; nothing where it was not, as it would not be the same. */
function queuedAgain(
  device: Device,
  captured: Captured,
  { work, trace, made, unchanged }: Capture,
  places: ScalarPlaces,
): Results | undefined {
  const { inputs, key, number } = captured;
  const storages = inputs.map(({ value }) => value.storage);
  if (!unchanged() || trace.isOutdated()) return undefined;
  if (trace.checks.some((check) => fails(check, storages))) return undefined;
  const keys = keysOf(key, trace.folds);
  const scalars = work.scalars.slice();
  for (const [scalar, k] of places.keys) [scalars[scalar], scalars[scalar + 1]] = keys[k]!;
  for (const scalar of places.numbers) scalars[scalar] = number!;
  const tensors = made.map(({ outline: { dtype, shape, strides, offset }, length }) =>
    new Tensor(
      new Value(new Storage(device.backend, dtype, [length]), shape, strides, offset),
      device,
    )
  );
  const ours = tensors.map(({ value: { storage: { buffer } } }) => ({ buffer, start: 0 }));
  if (!work.queue([...memoryPlaces(captured), ...ours], scalars)) {
    for (const tensor of tensors) tensor[Symbol.dispose]();
    return undefined;
  }
  return Object.fromEntries(
    made.flatMap(({ names }, i) => names.map((name) => [name, tensors[i]])),
  );
}
