/**
 * What a backend is: an object that allocates buffers and runs programs over them. Work is queued;
 * `read` is the only place where anything waits.
 *
 * @module
 */

import type { Dtype, Half } from "./dtype.ts";
import type { AttentionProgram, Program } from "./program.ts";

/** A backend's own handle on memory. */
export interface Buffer {
  /** Size in bytes. */
  readonly bytes: number;
}

/** Offset plus strides over the coordinates of the space, in elements. */
export interface Affine {
  /** Value at the origin. */
  readonly offset: number;
  /** Step along each axis of the space; 0 repeats. */
  readonly strides: readonly number[];
}

/** A buffer, seen through strides. */
export interface Bound extends Affine {
  /** The memory in which the elements lie. */
  readonly buffer: Buffer;
  /** Element type; offset and strides count elements of it. */
  readonly dtype: Dtype;
}

/** All that varies between two runs of a program. */
export interface Binding {
  /** Size of each axis; its meaning is the program family's. */
  readonly space: readonly number[];
  /** What expressions read by `input(slot)`. */
  readonly inputs: readonly Bound[];
  /** Where the outputs go, in the order of the program's. */
  readonly outputs: readonly Bound[];
  /** What expressions read by `index(slot)`, over the coordinates of the space. */
  readonly indices: readonly Affine[];
  /** What expressions read by `scalar(slot)`. */
  readonly scalars: readonly number[];
}

/** Counts since the backend was opened. */
export interface BackendStatistics {
  /** Buffers allocated and not released. */
  readonly buffers: number;
  /** Bytes of those buffers. */
  readonly bytes: number;
  /** Largest value `bytes` has had. */
  readonly peakBytes: number;
  /** Programs that were queued. */
  readonly runs: number;
}

/** Runs attention as one program. */
export interface FusedAttention {
  /**
   * Whether this pass over these operands runs, and faster than as products and rows; a gradient in one
   * pass, than in two. A forward pass fits where its gradient does.
   */
  fits(program: AttentionProgram, binding: Binding): boolean;
  /** Values of a row that the forward pass leaves for the gradient. */
  rowValues(program: AttentionProgram): number;
  /** Queues one that fits. */
  run(program: AttentionProgram, binding: Binding): void;
}

/** Where memory begins that queued work reads or writes. */
export interface MemoryPlace {
  /** What it lies in. */
  readonly buffer: Buffer;
  /** Bytes from the beginning of that. */
  readonly start: number;
}

/**
 * Work that was queued once and can be queued again without whoever computed it: the same programs over
 * the same memory, but for buffers that are exchanged, memory that was used meanwhile, and scalars.
 */
export interface CapturedWork {
  /** Scalars of all programs, in the order in which these were queued. */
  readonly scalars: readonly number[];
  /** Whether another capture queued the same. */
  equals(other: CapturedWork): boolean;
  /**
   * Queues all again; false where that cannot be, and nothing was queued then.
   *
   * @param places Those that are exchanged, in the order in which the capture was told them: given, made
   * @param scalars As many as were captured
   */
  queue(places: readonly MemoryPlace[], scalars: readonly number[]): boolean;
}

/** Captures what is queued. */
export interface Capturing {
  /** Begins; what is queued runs as always. */
  begin(): void;
  /**
   * Ends; nothing where what was queued cannot be queued again, such as what the host wrote.
   *
   * @param given Memory from before that may be other memory the next time; what lies in a buffer belongs
   * to the last place that begins before it
   * @param made Buffers that were allocated meanwhile and outlive it
   */
  end(given: readonly MemoryPlace[], made: readonly Buffer[]): CapturedWork | undefined;
}

/** A machine that runs programs. */
export interface Backend extends AsyncDisposable {
  /** Short name, such as `cpu`. */
  readonly name: string;
  /** One line for logs: adapter, threads, library. */
  readonly description: string;
  /** Counts up to now, of which work still queued is a part. */
  readonly statistics: BackendStatistics;
  /**
   * Halves in which activations are stored: what products of matrices give, and what is computed of
   * it. Programs then write them too. Absent where every result is a float.
   */
  readonly activations?: Half | undefined;
  /** Whether tensors of the dtype can be held. */
  supports(dtype: Dtype): boolean;
  /** Reserves memory, whose contents are unspecified; `shape` is the tensor's, for messages. */
  allocate(bytes: number, shape?: readonly number[]): Buffer;
  /** Gives memory back; queued work that uses it still completes. */
  release(buffer: Buffer): void;
  /** Queues a copy from the host; `offset` is in bytes. */
  write(buffer: Buffer, offset: number, source: ArrayBufferView): void;
  /** Waits for queued work and copies to the host; `offset` and `bytes` are in bytes. */
  read(buffer: Buffer, offset: number, bytes: number): Promise<ArrayBuffer>;
  /**
   * Words as they stand, where the host sees the memory without waiting: those that choose rows are
   * then checked even where a program computed them.
   */
  words?(buffer: Buffer): Uint32Array;
  /** Attention whose weights are never in memory; absent where there is none. */
  readonly attention?: FusedAttention | undefined;
  /** Captures work; absent where queueing costs no more than computing what is queued. */
  readonly capturing?: Capturing | undefined;
  /** Queues a program over buffers of this backend. */
  run(program: Program, binding: Binding): void;
}
