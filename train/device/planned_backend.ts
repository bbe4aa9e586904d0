/**
 * A backend that computes nothing: it counts the memory that work would take on another one.
 *
 * @module
 */

import type { Backend, Buffer, Capturing, FusedAttention } from "../../core/backend.ts";
import type { Dtype } from "../../core/dtype.ts";
import { Counts } from "../../kernels/plan/counts.ts";

/** Counts what a backend would hold; all that is read of it is zero. */
export class PlannedBackend implements Backend {
  /** That of the backend whose memory is counted. */
  readonly name: string;
  /** That backend's own. */
  readonly description: string;
  /** Buffers and bytes that there would be. */
  readonly statistics: Counts = new Counts();
  /** Halves in which that backend stores activations. */
  readonly activations: Backend["activations"];
  /** Attention in one go where that backend has it so, as it keeps no weights. */
  readonly attention: FusedAttention | undefined;

  /** Captures nothing where that backend captures, as sizes are rounded for it. */
  readonly capturing: Capturing | undefined;

  /** Takes from a backend what decides how much memory work takes. */
  constructor(private readonly real: Backend) {
    const { name, description, activations, attention } = real;
    [this.name, this.description, this.activations] = [name, description, activations];
    this.capturing = real.capturing && { begin: () => {}, end: () => undefined };
    this.attention = attention && {
      fits: (program, binding) => attention.fits(program, binding),
      rowValues: (program) => attention.rowValues(program),
      run: () => this.run(),
    };
  }

  /** Whether that backend holds tensors of the dtype. */
  supports(dtype: Dtype): boolean {
    return this.real.supports(dtype);
  }

  /** Counts memory. */
  allocate(bytes: number): Buffer {
    this.statistics.allocated(bytes);
    return { bytes };
  }

  /** Counts memory that is free again. */
  release({ bytes }: Buffer): void {
    this.statistics.released(bytes);
  }

  /** Forgets what is copied. */
  write(): void {}

  /** Zeros. */
  read(_buffer: Buffer, _offset: number, bytes: number): Promise<ArrayBuffer> {
    return Promise.resolve(new ArrayBuffer(bytes));
  }

  /** Counts a program. */
  run(): void {
    this.statistics.runs++;
  }

  /** Nothing is held. */
  [Symbol.asyncDispose](): Promise<void> {
    return Promise.resolve();
  }
}
