/**
 * Which products cuBLASLt computes, and how their factors come to be in bf16.
 *
 * @module
 */

import type { Bound } from "../../../core/backend.ts";
import { bytesPerElement } from "../../../core/dtype.ts";
import { DeviceError } from "../../../core/errors.ts";
import type { Driver } from "../driver/driver.ts";
import type { CardBuffer, CardMemory } from "../memory/card_memory.ts";
import { byteSteps, type CardLaunch, foreignLaunch, makeCardLaunch } from "../queue/launch.ts";
import type { Modules } from "../queue/modules.ts";
import { convertThreads, convertUnit, renderConvert } from "./convert.ts";
import { handleOf, type LtLibrary } from "./lt_library.ts";
import { type LtFactor, LtPlan, type LtProduct, type LtResult, workspaceBytes } from "./lt_plan.ts";

/** Rows, columns and inner elements from which on the library is the faster. */
const least = 64;

/** Elements of a result that are aligned together. */
export function unitOf(dtype: LtResult["dtype"]): number {
  return 16 / bytesPerElement(dtype);
}

/** How a factor that is not in bf16 is rounded before the product. */
export interface Rounding {
  /** 0 for A, 1 for B. */
  readonly factor: 0 | 1;
  /** Rows and columns as they lie in memory. */
  readonly shape: readonly [rows: number, columns: number];
  /** Rounds from the factor into a matrix of that shape. */
  readonly launch: CardLaunch;
}

/** A product that the library computes. */
export interface LtLaunch {
  /** What is rounded before. */
  readonly roundings: readonly Rounding[];
  /** Computes the product of A and B, both in bf16; sums have 32 bits. */
  readonly launch: CardLaunch;
}

/** A factor as it is or will be in bf16. */
interface Halved {
  readonly factor: LtFactor;
  readonly rounding: Rounding | undefined;
}

/** What products are computed with. */
export interface LtHost {
  readonly driver: Driver;
  readonly memory: CardMemory;
  readonly modules: Modules;
}

/** Makes launches of products. */
export class LtProducts {
  readonly #handle: number;
  readonly #workspace: CardBuffer;
  readonly #plans = new Map<string, LtPlan | undefined>();

  /** Opens the library on the card. */
  constructor(readonly library: LtLibrary, readonly host: LtHost) {
    this.#workspace = host.memory.take(workspaceBytes);
    this.#handle = handleOf(library, "cublasLtCreate");
  }

  /**
   * The launch of a product without a batch; nothing where the library is not for it.
   *
   * @param space M, N and K
   * @param result How the product is to lie
   */
  find(space: readonly number[], a: Bound, b: Bound, result: LtResult): LtLaunch | undefined {
    const [m, n, k] = space as readonly [number, number, number];
    if (space.length !== 3 || Math.min(m, n, k) < least) return undefined;
    const { dtype, pitch } = result;
    if (pitch < n || pitch % unitOf(dtype) !== 0) return undefined;
    const left = this.#halved(0, a, [a.strides[0]!, a.strides[1]!], [m, k]);
    const right = this.#halved(1, b, [b.strides[1]!, b.strides[0]!], [n, k]);
    if (left === undefined || right === undefined) return undefined;
    const factors = [left.factor, right.factor] as const;
    const plan = this.#plan({ sizes: [m, n, k], factors, result });
    if (plan === undefined) return undefined;
    const launch = foreignLaunch(
      `product of [${space}] by ${this.library.name}`,
      [left.rounding ? "bf16" : a.dtype, right.rounding ? "bf16" : b.dtype, dtype],
      (addresses) => this.#run(plan, addresses),
    );
    const roundings = [left.rounding, right.rounding].flatMap((one) => one ?? []);
    return { roundings, launch };
  }

  #plan(product: LtProduct): LtPlan | undefined {
    const key = JSON.stringify(product);
    if (!this.#plans.has(key)) {
      this.#plans.set(key, LtPlan.make(this.library, this.#handle, product));
    }
    return this.#plans.get(key);
  }

  #run(plan: LtPlan, [a, b, c]: readonly number[]): void {
    const { driver } = this.host;
    driver.checkContext();
    const status = plan.run([a!, b!, c!], this.#workspace.address, driver.stream);
    if (status === 0) return;
    throw new DeviceError(
      `Cannot go on with ${driver.facts.name} as cublasLtMatmul failed with ${status}`,
    );
  }

  /** How a factor is read; nothing where its elements lie apart or are not aligned. */
  #halved(
    which: 0 | 1,
    bound: Bound,
    [outer, inner]: readonly [number, number],
    [count, depth]: readonly [number, number],
  ): Halved | undefined {
    const isInner = inner === 1;
    if (!isInner && outer !== 1) return undefined;
    const [pitch, rows, columns] = isInner ? [outer, count, depth] : [inner, depth, count];
    if (bound.dtype === "bf16") {
      // Rows that overlap, repeat or run backwards are no matrix of the library's.
      if (pitch < columns || pitch % 8 !== 0 || bound.offset % 8 !== 0) return undefined;
      return { factor: { inner: isInner, pitch }, rounding: undefined };
    }
    const aligned = pitch % 4 === 0 && bound.offset % 4 === 0 && columns % convertUnit === 0;
    if (bound.dtype !== "f32" || !aligned) return undefined;
    return {
      factor: { inner: isInner, pitch: columns },
      rounding: this.#rounding(which, [rows, columns], pitch),
    };
  }

  #rounding(factor: 0 | 1, shape: readonly [number, number], pitch: number): Rounding {
    const kernel = this.host.modules.compile("convert", "rounding to bf16", renderConvert);
    const perRow = shape[1] / convertUnit;
    const count = shape[0] * perRow;
    const launch = makeCardLaunch({
      kernel,
      blocks: Math.ceil(count / convertThreads),
      dtypes: ["f32", "bf16"],
      indices: 0,
      words: [count, perRow, byteSteps(shape, [pitch, 1], 4)[0]!],
      scalars: [],
    });
    return { factor, shape, launch };
  }

  /** Gives descriptions and handle back. */
  close(): void {
    for (const plan of this.#plans.values()) plan?.close();
    this.#plans.clear();
    this.library.calls.cublasLtDestroy(this.#handle);
    this.library.close();
  }
}
