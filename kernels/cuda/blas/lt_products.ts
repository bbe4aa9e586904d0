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

/** Rows of a result from which on rounding a bias costs less than an epilogue of its own. */
const manyRows = 2048;

/** Elements of a result that are aligned together. */
export function unitOf(dtype: LtResult["dtype"]): number {
  return 16 / bytesPerElement(dtype);
}

/** What the library adds to a product: a matrix of the result's type, or a row for each row. */
export interface LtExtra {
  /** Element type. */
  readonly dtype: LtResult["dtype"];
  /** Elements from one row of a matrix to the next. */
  readonly pitch?: number;
}

/** How the library can add an operand to a product of N columns; nothing where it cannot. */
export function addedBy({ dtype, offset, strides }: Bound, n: number, result: LtResult) {
  if (dtype !== "f32" && dtype !== "bf16") return undefined;
  const [down, along] = strides as readonly [number, number];
  if (along !== 1 || offset % unitOf(dtype) !== 0) return undefined;
  if (down === 0) return { dtype } satisfies LtExtra;
  const isMatrix = dtype === result.dtype && down >= n && down % unitOf(dtype) === 0;
  return isMatrix ? { dtype, pitch: down } satisfies LtExtra : undefined;
}

/** The operands of a product. */
export interface LtOperands {
  readonly a: Bound;
  readonly b: Bound;
  /** What is added, in the order of the operands: at most one matrix and one row. */
  readonly extras: readonly LtExtra[];
  /** How the result is to lie. */
  readonly result: LtResult;
}

/** How an operand that is not in bf16 is rounded before the product. */
export interface Rounding {
  /** 0 for A, 1 for B, then the extras. */
  readonly operand: number;
  /** Rows and columns as they lie in memory. */
  readonly shape: readonly [rows: number, columns: number];
  /** Rounds from the operand into a matrix of that shape. */
  readonly launch: CardLaunch;
}

/** A product that the library computes. */
export interface LtLaunch {
  /** What is rounded before. */
  readonly roundings: readonly Rounding[];
  /** Computes the product of A and B, both in bf16, with what is added; sums have 32 bits. */
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
   */
  find(space: readonly number[], operands: LtOperands): LtLaunch | undefined {
    const [m, n, k] = space as readonly [number, number, number];
    if (space.length !== 3 || Math.min(m, n, k) < least) return undefined;
    const { a, b, extras, result } = operands;
    if (result.pitch < n || result.pitch % unitOf(result.dtype) !== 0) return undefined;
    const left = this.#halved(0, a, [a.strides[0]!, a.strides[1]!], [m, k]);
    const right = this.#halved(1, b, [b.strides[1]!, b.strides[0]!], [n, k]);
    if (left === undefined || right === undefined) return undefined;
    const factors = [left.factor, right.factor] as const;
    const roundings = [left.rounding, right.rounding].flatMap((one) => one ?? []);
    const found = this.#extended({ sizes: [m, n, k], factors, result }, extras);
    if (found === undefined) return undefined;
    const { plan, rounded } = found;
    if (rounded !== undefined) roundings.push(this.#rounding(2 + rounded, [1, n], n));
    const dtypes = [a, b, ...extras].map(({ dtype }, operand) =>
      roundings.some((one) => one.operand === operand) ? "bf16" : dtype
    );
    const kinds = extras.map(({ pitch }) => pitch === undefined ? "bias" : "added");
    const launch = foreignLaunch(
      `product of [${space}] by ${this.library.name}`,
      [...dtypes, result.dtype],
      (addresses) => this.#run(plan, addresses, kinds),
    );
    return { roundings, launch };
  }

  /** The plan of a product with its extras, and which of them must be rounded before. */
  #extended(
    product: LtProduct,
    extras: readonly LtExtra[],
  ): { readonly plan: LtPlan; readonly rounded?: number } | undefined {
    const rows = extras.findIndex(({ pitch }) => pitch === undefined);
    const bias = extras[rows]?.dtype;
    const added = extras.find(({ pitch }) => pitch !== undefined)?.pitch;
    const plan = this.#plan({ ...product, added, bias });
    if (plan !== undefined) return { plan };
    // A bias of another type is no library's duty; where it is short beside the result, it is rounded.
    const { sizes: [m, n], result } = product;
    const pays = bias === "f32" && result.dtype === "bf16" && m >= manyRows;
    if (!pays || n % convertUnit !== 0) return undefined;
    const other = this.#plan({ ...product, added, bias: result.dtype });
    return other && { plan: other, rounded: rows };
  }

  #plan(product: LtProduct): LtPlan | undefined {
    const key = JSON.stringify(product);
    if (!this.#plans.has(key)) {
      this.#plans.set(key, LtPlan.make(this.library, this.#handle, product));
    }
    return this.#plans.get(key);
  }

  #run(
    plan: LtPlan,
    addresses: readonly number[],
    kinds: readonly ("bias" | "added")[],
  ): void {
    const { driver } = this.host;
    driver.checkContext();
    const extras = Object.fromEntries(kinds.map((kind, i) => [kind, addresses[2 + i]!]));
    const placed = { a: addresses[0]!, b: addresses[1]!, result: addresses.at(-1)!, ...extras };
    const status = plan.run(placed, this.#workspace.address, driver.stream);
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

  #rounding(operand: number, shape: readonly [number, number], pitch: number): Rounding {
    const kernel = this.host.modules.compile("convert", "rounding to bf16", renderConvert);
    const perRow = shape[1] / convertUnit;
    const count = shape[0] * perRow;
    const launch = makeCardLaunch({
      kernel,
      blocks: Math.ceil(count / convertThreads),
      dtypes: ["f32", "bf16"],
      results: 1,
      indices: 0,
      words: [count, perRow, byteSteps(shape, [pitch, 1], 4)[0]!],
      scalars: [],
    });
    return { operand, shape, launch };
  }

  /** Gives descriptions and handle back. */
  close(): void {
    for (const plan of this.#plans.values()) plan?.close();
    this.#plans.clear();
    this.library.calls.cublasLtDestroy(this.#handle);
    this.library.close();
  }
}
