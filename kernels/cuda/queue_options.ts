/**
 * What benches and those who look for faults change of a card's queue.
 *
 * @module
 */

import type { LtLibrary } from "./blas/lt_library.ts";
import type { Compiling } from "./driver/compilers.ts";
import type { ProductPolicy } from "./product/product_policy.ts";

/** What benches and those who look for faults change. */
export interface QueueOptions {
  /** Whether programs that come again in the same order become graphs; default true. */
  readonly graphs?: boolean;
  /**
   * Whether each program is waited for, which is slow: a fault is then told of the program that has
   * it. Default false.
   */
  readonly blocking?: boolean;
  /** cuBLASLt for products of rounded factors, where it was found. */
  readonly library?: LtLibrary | undefined;
  /** Chooses the kernels of products. */
  readonly policy?: ProductPolicy;
  /** Threads that compile programs, which are the backend's then. */
  readonly compilers?: Compiling | undefined;
  /** Launches that go out first, before segments become longer. */
  readonly shortest?: number;
  /** Whether attention is one program where it can be; default true. */
  readonly fused?: boolean;
  /**
   * Whether launches of work that comes again wait for those alone whose results they need, so that
   * small ones fill the card together; default false.
   */
  readonly parallel?: boolean;
}
