/**
 * The hypotheses of a batch that is being generated: which slots of the cache each beam sees, and
 * what the model reads next.
 *
 * @module
 */

import { apply } from "../../core/apply.ts";
import {
  addWords,
  type Bool,
  float,
  index,
  input,
  rowMax,
  scalar,
  select,
  type Word,
  word,
} from "../../core/expr.ts";
import { type RowOp, rowwise } from "../../core/ops/rowwise.ts";
import { slice } from "../../core/ops/slice.ts";
import { reshape } from "../../core/ops/view.ts";
import type { Device } from "../../core/device.ts";
import { sizeOf } from "../../core/shape.ts";
import { type Tensor, tensor } from "../../core/tensor.ts";
import type { PastKeyValues } from "../layers/past_key_values.ts";
import type { Batch } from "../layers/batch.ts";
import type { ModelConfig } from "../models/model.ts";
import type { Search } from "./beam_search.ts";
import { type Padding, roundedUp } from "./padding.ts";

/** A prompt and its continuations. */
export interface Hypothesis {
  /** Place among all prompts, where its result goes. */
  readonly number: number;
  /** Tokens to continue; they take the first slots of its sequence. */
  readonly prompt: readonly number[];
  /** The search that chooses its continuations. */
  readonly search: Search;
  /** For each beam, the slots of its tokens after the prompt. */
  paths: readonly (readonly number[])[];
}

/** Stands for no slot. */
const none = 0xFFFFFFFF;

/**
 * 1 where a slot belongs to the prompt or is listed: paths, tokens of the prompt, and of prompt and path.
 *
 * @param windowed Whether slots that lie a window before the path's end are not seen
 */
function visibility(windowed: boolean): RowOp {
  const [slot, step, prompt] = [index(0, 1), index(1, 2), input(1, "u32", 1)];
  const [end, reach] = [input(2, "u32", 1), scalar(0, "u32")];
  const near = (place: Word) => end.compare("le", addWords(place, reach));
  const both = (a: Bool, b: Bool) => windowed ? a.and(b) : a;
  const listed = both(input(0, "u32", 3).compare("eq", slot), near(addWords(prompt, step)));
  const [yes, no] = [word(1), word(0)];
  const found = rowMax(select(listed, float(1), float(0)));
  const early = both(slot.compare("lt", prompt), near(slot));
  return rowwise("visible", ["u32", "u32", "u32"], [
    select(early, yes, select(float(0).compare("lt", found), yes, no)),
  ]);
}

const [visibleOp, nearOp] = [visibility(false), visibility(true)];

/** Lets each hypothesis follow what its search chose. The new tokens get slots in {@linkcode nextInputs}. */
export function followBeams(hypotheses: readonly Hypothesis[]): void {
  for (const hypothesis of hypotheses) {
    hypothesis.paths = hypothesis.search.beams.map(({ parent }) => hypothesis.paths[parent]!);
  }
}

/** Room of a cache that is moved, beside the slots in use. */
export interface CacheRoom {
  /** Slots to have room for at least. */
  readonly least: number;
  /** Slots to make room for where the cache's memory does not give the least. */
  readonly room: number;
}

/**
 * Drops hypotheses that are over and slots that no beam sees.
 *
 * @returns The hypotheses that go on, in the order of the cache, then some that are over where as many
 * are needed for a multiple
 */
export function compact(
  cache: PastKeyValues,
  hypotheses: readonly Hypothesis[],
  { least, room }: CacheRoom,
  padding: Padding,
): Hypothesis[] {
  const [running, over] = [true, false].map((runs) =>
    hypotheses.filter(({ search }) => search.beams.length > 0 === runs)
  ) as [Hypothesis[], Hypothesis[]];
  const missing = roundedUp(running.length, padding.sequences) - running.length;
  const kept = [...running, ...over.slice(0, missing)];
  const slots = kept.map(({ prompt, paths }) => [...prompt.keys(), ...new Set(paths.flat())]);
  const longest = Math.max(...slots.map((own) => own.length));
  const filled = slots.map((own) => [...own, ...new Array<number>(longest - own.length).fill(0)]);
  const there = cache.slotsFor(kept.length);
  const whole = there - there % padding.slots;
  const capacity = whole >= longest + least ? whole : roundedUp(longest + room, padding.slots);
  cache.arrange(kept.map((hypothesis) => hypotheses.indexOf(hypothesis)), filled, capacity);
  kept.forEach((hypothesis, i) => {
    const moved = new Map(slots[i]!.map((slot, at) => [slot, at]));
    hypothesis.paths = hypothesis.paths.map((path) => path.map((slot) => moved.get(slot)!));
  });
  return kept;
}

/**
 * The last token of every beam, which takes the next slots of the cache. Of n hypotheses, row r is
 * beam ⌊r / n⌋ of hypothesis r mod n; one with fewer beams than another has rows that mean nothing.
 */
export function nextInputs(
  device: Device,
  cache: PastKeyValues,
  hypotheses: readonly Hypothesis[],
  { padding, windows = [] }: Pick<ModelConfig, "windows"> & { readonly padding: Padding },
): Batch {
  const branches = Math.max(...hypotheses.map(({ search }) => search.beams.length));
  const [batch, before] = [branches * hypotheses.length, cache.slots];
  for (const hypothesis of hypotheses) {
    hypothesis.paths = hypothesis.paths.map((path, b) => path.concat(before + b));
  }
  const longest = Math.max(...hypotheses.flatMap(({ paths }) => paths.map((path) => path.length)));
  const steps = roundedUp(longest, padding.slots);
  const slots = roundedUp(before + branches, padding.slots);
  // One upload for all: tokens and positions by row, lengths and paths by hypothesis.
  const words = new Uint32Array(batch * (5 + steps)).fill(none);
  hypotheses.forEach(({ prompt, search, paths }, t) => {
    for (let b = 0; b < branches; b++) {
      const [row, place] = [b * hypotheses.length + t, t * branches + b];
      const ids = search.beams[b]?.ids;
      // One that is over may stand at the last position: its rows begin anew.
      words[row] = (ids ?? prompt).at(-1)!;
      words[batch + row] = ids === undefined ? 0 : prompt.length + longest - 1;
      words[2 * batch + row] = row;
      words[3 * batch + place] = prompt.length;
      words[4 * batch + place] = prompt.length + longest;
      const [path = [], start] = [paths[b], 5 * batch + place * steps];
      // One by one: engines set what is no typed array slowly.
      for (let i = 0; i < path.length; i++) words[start + i] = path[i]!;
    }
  });
  const all = tensor(device, words, undefined, "u32");
  const part = (start: number, shape: number[]) =>
    reshape(slice(all, 0, start * batch, start * batch + sizeOf(shape)), shape);
  const seen = [part(5, [batch, 1, steps]), part(3, [batch, 1, 1]), part(4, [batch, 1, 1])];
  const indices = [{ offset: 0, strides: [0, 1, 0] }, { offset: 0, strides: [0, 0, 1] }];
  const maskOf = (op: RowOp, scalars: readonly number[]): Tensor => {
    const mask = apply(op, seen, { space: [batch, slots, steps], indices, scalars })[0]!;
    return reshape(mask, [hypotheses.length, branches, slots]);
  };
  const windowMasks = new Map(windows.map((window) => [window, maskOf(nearOp, [window])]));
  const ids = part(0, [batch, 1]);
  return {
    ids,
    // Decoders read neither segments nor lengths.
    typeIds: ids,
    lengths: part(3, [batch]),
    positions: part(1, [batch, 1]),
    mask: maskOf(visibleOp, []),
    ...(windows.length > 0 && { windowMasks }),
    last: part(2, [batch]),
    size: batch,
    width: 1,
  };
}
