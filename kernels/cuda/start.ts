/**
 * Finding the driver's library, the card and cuBLASLt, and opening them.
 *
 * @module
 */

import { DeviceError, OptionError } from "../../core/errors.ts";
import { CudaBackend } from "./backend.ts";
import { compilersOf } from "./driver/compilers.ts";
import { findLt, type LtLibrary } from "./blas/lt_library.ts";
import { type CardFacts, cardsOf, Driver } from "./driver/driver.ts";
import { openLibrary } from "./driver/ffi.ts";
import { type Precision, precisions } from "./product/product_shape.ts";

/** Most threads that compile programs. */
const mostCompilers = 8;

/** What `openCuda` can be told. */
export interface CudaOptions {
  /** Number of the card as the driver counts, or its address such as `0000:3b:00.0`; default 0. */
  readonly card?: number | string;
  /** Turn among processes that share a machine, where no card is named: cards are counted around. */
  readonly turn?: number;
  /**
   * `float32`, the default, keeps 22 of the 24 bits of both factors, so that their product is off by
   * at most 2^-21 of itself; `tf32` rounds them to 11 bits, `bf16` to 8, and stores what is computed
   * of products, and its gradients, in bf16. Sums, losses, parameters and their gradients have 32 bits
   * in all.
   */
  readonly precision?: Precision;
  /**
   * cuBLASLt for products in bf16: `auto` (the default) takes it where the system's loader finds it,
   * `off` does without, a path names it.
   */
  readonly blas?: string;
  /**
   * Whether each program is waited for, which is slow: where a program fails, the error then names
   * it. Default false.
   */
  readonly blocking?: boolean;
  /**
   * Whether programs of work that comes again wait for those alone whose results they need, so that
   * small ones fill the card together: the same bits. Default false, as its speed is not measured yet.
   */
  readonly parallel?: boolean;
}

/**
 * Opens a card; see `openCuda`.
 *
 * @throws {OptionError} If there is no such card or precision, or no cuBLASLt at the path
 * @throws {DeviceError} If the driver fails, or the card is too old
 */
export function startCuda(options: CudaOptions): CudaBackend | undefined {
  const { turn = 0, precision = "float32", blas = "auto" } = options;
  const { blocking = false, parallel = false } = options;
  if (!precisions.includes(precision)) {
    throw new OptionError(
      `Cannot open CUDA as precision requires ${precisions.join(" or ")}: found ${precision}`,
    );
  }
  let library;
  try {
    library = openLibrary();
  } catch {
    // No driver, or no permission to open it.
  }
  if (library === undefined) return undefined;
  let lt: LtLibrary | undefined;
  let driver: Driver;
  try {
    const cards = cardsOf(library);
    if (cards.length === 0 && options.card === undefined) {
      library.close();
      return undefined;
    }
    const facts = chosenCard(cards, options.card ?? cardOfTurn(cards, turn));
    if (precision === "bf16") lt = findLt(blas, facts.version);
    driver = new Driver(library, facts);
  } catch (error) {
    lt?.close();
    library.close();
    throw error;
  }
  const threads = blocking ? 0 : Math.min(mostCompilers, (navigator.hardwareConcurrency ?? 1) - 1);
  const compilers = library.path === undefined
    ? undefined
    : compilersOf({ path: library.path, threads });
  return new CudaBackend(driver, precision, { blocking, parallel, library: lt, compilers });
}

/** Number of the card that a process takes whose turn among those of its machine is given. */
export function cardOfTurn(cards: readonly Pick<CardFacts, "index">[], turn: number): number {
  return cards[turn % cards.length]!.index;
}

/**
 * The card asked for, by its number or its address.
 *
 * @throws {OptionError} If there is no such card
 * @throws {DeviceError} If it is too old
 */
export function chosenCard(cards: readonly CardFacts[], asked: number | string): CardFacts {
  const card = cards.find(({ index, address }) => index === asked || sameAddress(address, asked));
  if (card === undefined) {
    const found = cards.map(({ index, name, address }) => `${index} (${name} at ${address})`);
    throw new OptionError(
      `Cannot open card ${asked} as one of the driver's is required: found ` +
        (found.join(", ") || "none"),
    );
  }
  if (card.capability < 80) {
    throw new DeviceError(
      `Cannot use ${card.name} as compute capability 8.0 is required: found ` +
        `${(card.capability / 10).toFixed(1)}`,
    );
  }
  return card;
}

/** Whether an address is the one asked for, its domain left out or not. */
function sameAddress(address: string, asked: number | string): boolean {
  if (typeof asked === "number") return false;
  const wanted = asked.toLowerCase();
  return address === wanted || address === `0000:${wanted}`;
}
