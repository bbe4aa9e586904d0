/**
 * A product that cuBLASLt computes: its descriptions and the algorithm that the library chose for it.
 * The library counts columns first, so that it computes the transposed result from the operands in
 * the other order.
 *
 * @module
 */

import {
  callLt,
  handleOf,
  longWordBytes,
  type LtLibrary,
  ltNumbers,
  wordBytes,
} from "./lt_library.ts";

/** Bytes of the card's memory that the library may use meanwhile. */
export const workspaceBytes = 32 * 2 ** 20;

/** How a factor in bf16 lies: its outer axis is M or N, its inner one K. */
export interface LtFactor {
  /** Whether elements along the inner axis are neighbours; else those along the outer one are. */
  readonly inner: boolean;
  /** Elements from one row to the next. */
  readonly pitch: number;
}

/** How a result lies, whose columns are neighbours. */
export interface LtResult {
  /** Element type. */
  readonly dtype: "f32" | "bf16";
  /** Elements from one row to the next. */
  readonly pitch: number;
}

/** A product without a batch, and what is added to it. */
export interface LtProduct {
  /** M, N and K. */
  readonly sizes: readonly [m: number, n: number, k: number];
  /** A and B. */
  readonly factors: readonly [LtFactor, LtFactor];
  /** How the result lies. */
  readonly result: LtResult;
  /** Of a matrix of the result's element type that is added, elements from one row to the next. */
  readonly added?: number | undefined;
  /** Element type of a row that is added to each row. */
  readonly bias?: LtResult["dtype"] | undefined;
}

/** Where the operands lie. */
export interface LtAddresses {
  readonly a: number;
  readonly b: number;
  readonly result: number;
  /** The matrix that is added. */
  readonly added?: number | undefined;
  /** The row that is added to each row. */
  readonly bias?: number | undefined;
}

/** Bytes to whose multiples these addresses are aligned. */
const alignment = 16;

/** Bytes of what the library says of an algorithm, of which the algorithm itself is the beginning. */
const [heuristicBytes, algorithmBytes] = [96, 64];

/** The library's number of an element type. */
function typeOf(dtype: LtResult["dtype"]): number {
  return dtype === "f32" ? ltNumbers.float : ltNumbers.bf16;
}

/** The library's descriptions of a product and its matrices. */
class Descriptions {
  readonly #handles: (readonly [kind: "layout" | "product", handle: number])[] = [];

  constructor(readonly library: LtLibrary) {}

  /** The product, which counts columns first: B of N by K stands on the left, A of K by M on the right. */
  product({ factors: [a, b], result, bias }: LtProduct): number {
    const { float, compute, leftTransposed, rightTransposed, ...numbers } = ltNumbers;
    const described = handleOf(this.library, "cublasLtMatmulDescCreate", compute, float);
    this.#handles.push(["product", described]);
    this.set(described, leftTransposed, wordBytes(Number(b.inner)));
    this.set(described, rightTransposed, wordBytes(Number(!a.inner)));
    if (bias !== undefined) {
      this.set(described, numbers.epilogue, wordBytes(numbers.withBias));
      // The address of each run has this alignment.
      this.set(described, numbers.biasPointer, longWordBytes(alignment));
      if (bias !== result.dtype) this.set(described, numbers.biasType, wordBytes(typeOf(bias)));
    }
    return described;
  }

  /** Sets an attribute of a product. */
  set(described: number, attribute: number, value: Uint8Array): void {
    const { library } = this;
    const name = "cublasLtMatmulDescSetAttribute";
    callLt(library, name, described, attribute, value, value.length);
  }

  /** A matrix. */
  layout(type: number, rows: number, columns: number, pitch: number): number {
    const made = handleOf(this.library, "cublasLtMatrixLayoutCreate", type, rows, columns, pitch);
    this.#handles.push(["layout", made]);
    return made;
  }

  /** Gives them back. */
  close(): void {
    const { calls } = this.library;
    for (const [kind, handle] of this.#handles.splice(0)) {
      if (kind === "product") calls.cublasLtMatmulDescDestroy(handle);
      else calls.cublasLtMatrixLayoutDestroy(handle);
    }
  }
}

/** A product that can be computed again and again. */
export class LtPlan {
  readonly #one = new Uint8Array(Float32Array.of(1).buffer);
  readonly #zero = new Uint8Array(4);

  private constructor(
    readonly handle: number,
    readonly descriptions: Descriptions,
    readonly product: number,
    readonly layouts: readonly [left: number, right: number, added: number, result: number],
    readonly algorithm: Uint8Array,
  ) {}

  /**
   * Asks the library for an algorithm.
   *
   * @param handle The library's own
   * @returns Nothing where it has none for this product
   */
  static make(library: LtLibrary, handle: number, product: LtProduct): LtPlan | undefined {
    const { sizes: [m, n, k], factors: [a, b], result, added } = product;
    const { bf16 } = ltNumbers;
    const made = new Descriptions(library);
    let algorithm: Uint8Array | undefined;
    try {
      const described = made.product(product);
      const layout = (pitch: number) => made.layout(typeOf(result.dtype), n, m, pitch);
      const own = layout(result.pitch);
      const layouts = [
        b.inner ? made.layout(bf16, k, n, b.pitch) : made.layout(bf16, n, k, b.pitch),
        a.inner ? made.layout(bf16, k, m, a.pitch) : made.layout(bf16, m, k, a.pitch),
        added === undefined ? own : layout(added),
        own,
      ] as const;
      algorithm = algorithmFor(library, handle, described, layouts);
      return algorithm && new LtPlan(handle, made, described, layouts, algorithm);
    } finally {
      if (algorithm === undefined) made.close();
    }
  }

  /** Queues the product on a stream; gives the library's status. */
  run({ a, b, result, added, bias }: LtAddresses, workspace: number, stream: number): number {
    const [left, right, before, after] = this.layouts;
    if (bias !== undefined) {
      this.descriptions.set(this.product, ltNumbers.biasPointer, longWordBytes(bias));
    }
    return this.descriptions.library.calls.cublasLtMatmul(
      this.handle,
      this.product,
      this.#one,
      b,
      left,
      a,
      right,
      added === undefined ? this.#zero : this.#one,
      added ?? result,
      before,
      result,
      after,
      this.algorithm,
      workspace,
      workspaceBytes,
      stream,
    );
  }

  /** Gives the descriptions back. */
  close(): void {
    this.descriptions.close();
  }
}

/** The library's first choice. */
function algorithmFor(
  library: LtLibrary,
  handle: number,
  product: number,
  [left, right, added, result]: LtPlan["layouts"],
): Uint8Array | undefined {
  const preference = handleOf(library, "cublasLtMatmulPreferenceCreate");
  const prefer = (attribute: number, value: Uint8Array) =>
    callLt(
      library,
      "cublasLtMatmulPreferenceSetAttribute",
      preference,
      attribute,
      value,
      value.length,
    );
  const found = new Uint8Array(heuristicBytes);
  const count = new Uint8Array(4);
  let status: number;
  try {
    prefer(ltNumbers.workspaceBytes, longWordBytes(workspaceBytes));
    for (const attribute of ltNumbers.alignments) prefer(attribute, wordBytes(alignment));
    status = library.calls.cublasLtMatmulAlgoGetHeuristic(
      handle,
      product,
      left,
      right,
      added,
      result,
      preference,
      1,
      found,
      count,
    );
  } finally {
    library.calls.cublasLtMatmulPreferenceDestroy(preference);
  }
  if (status !== 0 || new DataView(count.buffer).getInt32(0, true) < 1) return undefined;
  return found.slice(0, algorithmBytes);
}
