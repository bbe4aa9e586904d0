/**
 * Captures what is recorded for a GPU.
 *
 * @module
 */

import type { Bound, Buffer, CapturedWork, Capturing, MemoryPlace } from "../../../core/backend.ts";
import { bytesPerElement } from "../../../core/dtype.ts";
import { exchangeable, placesByBuffer } from "../../plan/exchanged_places.ts";
import { type Lifetime, shareByLifetime } from "../../plan/lifetimes.ts";
import { RecentlyUsed } from "../../plan/recently_used.ts";
import { type GpuBuffer, type PoolObserver, type Slab, slabOf } from "../memory/buffer_pool.ts";
import {
  type BoundPart,
  GpuWork,
  type GpuWorkHost,
  type GpuWorkParts,
  type MovingOffset,
  type WorkDispatch,
  type WorkScalar,
} from "./gpu_work.ts";
import type { Launch } from "./launch.ts";
import type { DispatchObserver } from "./queue.ts";

/** Works whose bind groups are kept; beyond these the one that was not queued for longest loses them. */
const most = 128;

/** An operand of a dispatch as it was recorded. */
interface LoggedOperand {
  /** What it lay in. */
  readonly buffer: GpuBuffer;
  /** The slab of that, or the window that was bound. */
  readonly slab: Slab;
  /** Elements from the beginning of what was bound. */
  readonly offset: number;
  readonly elementBytes: number;
}

/** A dispatch as it was recorded. */
interface LoggedDispatch extends Omit<WorkDispatch, "bound"> {
  /** Operands in memory. */
  readonly operands: readonly LoggedOperand[];
}

/** What was recorded since the beginning. */
class Log implements PoolObserver {
  readonly dispatches: LoggedDispatch[] = [];
  readonly scalars: WorkScalar[] = [];
  /** Buffers that were taken, and how long each was there. */
  readonly meanwhile = new Map<GpuBuffer, Lifetime>();
  #events = 0;
  isSpoiled = false;

  /** @param runsBefore Programs that were queued before */
  constructor(readonly runsBefore: number) {}

  took(buffer: GpuBuffer): void {
    this.meanwhile.set(buffer, { size: buffer.slab.size, from: this.#events++, to: Infinity });
  }

  gave(buffer: GpuBuffer): void {
    const lifetime = this.meanwhile.get(buffer);
    if (lifetime === undefined) this.isSpoiled = true;
    else lifetime.to = this.#events++;
  }
}

/** Captures dispatches, and the memory that they use. */
export class GpuCapturing implements Capturing, DispatchObserver {
  #log: Log | undefined;
  readonly #works = new RecentlyUsed<GpuWork>(most, (work) => work.endGroups());
  /** Runs what was captured. */
  readonly host: GpuWorkHost;

  /**
   * @param host Runs what was captured
   * @param runs Programs queued so far
   */
  constructor(host: Omit<GpuWorkHost, "used">, readonly runs: () => number) {
    this.host = { ...host, used: (work) => this.#works.use(work) };
  }

  begin(): void {
    this.#log = this.host.pool.observer = new Log(this.runs());
    this.host.queue.observer = this;
  }

  dispatched(
    launch: Launch,
    operands: readonly Bound[],
    scalars: readonly number[],
    words: Int32Array,
  ): void {
    const log = this.#log!;
    const dispatch = log.dispatches.length;
    const { length } = launch.parameters;
    log.dispatches.push({
      launch,
      parameters: words.slice(0, length) as Int32Array<ArrayBuffer>,
      operands: operands.map(loggedOperand),
    });
    const first = length - launch.scalars.length;
    launch.scalars.forEach((kind, i) => {
      const isFloat = kind === "f32";
      log.scalars.push({ dispatch, at: first + i, value: scalars[i] ?? 0, isFloat });
    });
  }

  /** Something was queued that cannot be captured. */
  spoil(): void {
    if (this.#log !== undefined) this.#log.isSpoiled = true;
  }

  end(given: readonly MemoryPlace[], made: readonly Buffer[]): CapturedWork | undefined {
    const log = this.#log!;
    this.#log = this.host.pool.observer = this.host.queue.observer = undefined;
    const isThere = (buffer: GpuBuffer) => buffer.slab.holder === buffer;
    const fits = exchangeable(given, made, log.meanwhile, isThere);
    if (log.isSpoiled || !fits || log.dispatches.length === 0) return undefined;
    const parts = partsOf(log, [...given, ...made.map((buffer) => ({ buffer, start: 0 }))]);
    return new GpuWork(this.host, { ...parts, runs: this.runs() - log.runsBefore });
  }
}

function loggedOperand(bound: Bound): LoggedOperand {
  const slab = slabOf(bound);
  const buffer = (slab.whole ?? slab).holder!;
  return { buffer, slab, offset: bound.offset, elementBytes: bytesPerElement(bound.dtype) };
}

/** What a log tells. Windows do not move: two captures that bind others are not equal. */
function partsOf(
  { dispatches, scalars, meanwhile }: Log,
  exchanged: readonly MemoryPlace[],
): Omit<GpuWorkParts, "runs"> {
  const places = placesByBuffer(exchanged);
  const own = [...meanwhile].filter(([buffer]) => !places.has(buffer));
  const { pieces, sizes } = shareByLifetime(own.map(([, lifetime]) => lifetime));
  const memories = new Map(own.map(([buffer], i) => [buffer, exchanged.length + pieces[i]!]));
  const others: GpuBuffer[] = [];
  const offsets: MovingOffset[] = [];
  const found = dispatches.map(({ launch, parameters, operands }, dispatch): WorkDispatch => {
    const parts = operands.map(({ buffer, slab, offset, elementBytes }, k): BoundPart => {
      const window = slab.whole && { window: { offset: slab.offset, size: slab.size } };
      const within = slab.offset + offset * elementBytes;
      const place = places.get(buffer)?.find(({ start }) => start <= within);
      if (place === undefined) {
        if (!memories.has(buffer)) {
          memories.set(buffer, exchanged.length + sizes.length + others.push(buffer) - 1);
        }
        return { memory: memories.get(buffer)!, ...window };
      }
      if (window === undefined) {
        const at = launch.offsets + k * launch.step;
        const elements = (within - place.start) / elementBytes;
        offsets.push({ dispatch, at, place: place.slot, elementBytes, elements });
      }
      return { memory: place.slot, ...window };
    });
    return { launch, parameters, bound: launch.pipeline.bound.map((b) => parts[b.operand]!) };
  });
  return {
    dispatches: found,
    offsets,
    scalars,
    exchanged: exchanged.length,
    meanwhile: sizes,
    others,
    meanwhileBytes: mostBytes(own),
  };
}

/** Bytes that are in use at once at most. */
function mostBytes(buffers: readonly (readonly [GpuBuffer, Lifetime])[]): number {
  const changes = buffers.flatMap(([{ bytes }, { from, to }]) => [[from, bytes], [to, -bytes]]);
  changes.sort(([a], [b]) => a! - b!);
  let [bytes, most] = [0, 0];
  for (const [, change] of changes) most = Math.max(most, bytes += change!);
  return most;
}
