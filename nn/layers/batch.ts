/**
 * From token lists on the host to a batch on the device.
 *
 * @module
 */

import type { Device } from "../../core/device.ts";
import { OptionError } from "../../core/errors.ts";
import { shown } from "../../core/excerpt.ts";
import { isWord } from "../../core/numbers.ts";
import { ignoreIndex } from "../../core/indices.ts";
import { type Tensor, tensor } from "../../core/tensor.ts";
import { multipleFrom, packRows } from "./pack_rows.ts";
import { countTokens, type PredictedTokens, spansOf } from "./target_spans.ts";

/** An example as tokens. */
export interface EncodedExample extends PredictedTokens {
  /** Segment of each token; zeros where absent. */
  readonly typeIds?: readonly number[];
  /** Class or score; absent for language models and test files. */
  readonly label?: number | undefined;
}

/**
 * Token sequences on the device, padded on the right to one width, with what is predicted of them. A row
 * is one example, or several that see nothing of each other.
 */
export interface Batch {
  /** Number of rows. */
  readonly size: number;
  /** Tokens of each, with padding. */
  readonly width: number;
  /** Numbers of the tokens, `[size, width]`. */
  readonly ids: Tensor;
  /** Segments of the tokens, `[size, width]`. */
  readonly typeIds: Tensor;
  /** Position from 0, `[size, width]`; in its own example where several share a row. */
  readonly positions: Tensor;
  /**
   * Place in its row at which the example of each token begins, `[size, width]`, or of padding the
   * token's own; absent where each row is one example.
   */
  readonly offsets?: Tensor;
  /**
   * 1 for each visible key, `[size, keys]`; absent where all are. Beside a cache that holds earlier
   * tokens `[sequences, rows of each, slots]`.
   */
  readonly mask: Tensor | undefined;
  /**
   * Beside a cache: the mask of layers whose queries see so many tokens back, their own among them, by
   * their number.
   */
  readonly windowMasks?: ReadonlyMap<number, Tensor>;
  /**
   * Number of real tokens of each example, `[size]`; beside `offsets` that of each token's example,
   * `[size, width]`, which is 0 of padding.
   */
  readonly lengths: Tensor;
  /** Flat index of each example's last real token, `[examples]`. */
  readonly last: Tensor;
  /** Real tokens of each example on the host: some models treat a padding token among them specially. */
  readonly texts?: readonly (readonly number[])[];
  /**
   * Language models: flat indices of the tokens whose successor is predicted, `[targets]`; all tokens
   * where absent.
   */
  readonly rows?: Tensor;
  /**
   * Classes or next tokens (u32), or scores (float), one an example or target token; absent where
   * the examples have none. Target tokens that others were filled up with have `ignoreIndex`.
   */
  readonly labels?: Tensor;
  /** Labels that count; all where absent. */
  readonly targets?: number;
  /**
   * Counters of the examples for the first and the second pass, each of the shape of `lengths` (see
   * `DropoutContext.examples`); absent where nothing can be dropped.
   */
  readonly examples?: readonly [Tensor, Tensor];
  /**
   * What masks of `rows` follow in the first and the second pass, `[3, targets]` each: counter and real
   * tokens of the row's example, and where that begins, counted from the row's own token, modulo 2³².
   */
  readonly rowTokens?: readonly [Tensor, Tensor];
}

/** How {@linkcode toBatch} lays examples out. */
export interface BatchOptions {
  /** Token that fills up shorter sequences; default 0. */
  readonly padId?: number;
  /** Tokens that every sequence is filled up to, or most in a row; default those of the longest. */
  readonly width?: number;
  /** Whether examples of decoders share rows, as many as fit (see `packRows`); default false. */
  readonly pack?: boolean;
  /** Target tokens, and tokens of rows that are shared, are filled up to a multiple of it; default 1. */
  readonly padMultiple?: number;
  /** Place of each example in the global batch: masks follow it, not the layout. */
  readonly numbers?: readonly number[];
  /** Whether labels are scores; default false. */
  readonly regression?: boolean;
}

/** Number of losses a batch sums: examples, or target tokens of language models. */
export function countTargets(examples: readonly EncodedExample[]): number {
  return examples.reduce((sum, { ids, predictFrom, predictSpans }) => {
    if (predictSpans !== undefined) return sum + countTokens(predictSpans);
    return sum + (predictFrom === undefined ? 1 : ids.length - predictFrom);
  }, 0);
}

/**
 * Puts examples on the device, with their labels where all have them.
 *
 * @throws {OptionError} If there is no example, a sequence is empty or too long, its segments are not
 * as many, some examples alone have labels, one predicts its first token, or a number is none
 */
export function toBatch(
  device: Device,
  examples: readonly EncodedExample[],
  options: BatchOptions = {},
): Batch {
  const { padId = 0, numbers, regression = false, pack = false, padMultiple = 1 } = options;
  const most = options.width ?? Math.max(1, ...examples.map(({ ids }) => ids.length));
  checkSizes(examples, [most, padMultiple], numbers);
  fill("padId", [padId], [0]);
  const lengths = examples.map(({ ids }) => ids.length);
  const { size, width, starts } = pack ? packRows(lengths, most, padMultiple) : {
    size: lengths.length,
    width: most,
    starts: lengths.map((_, b) => b * most),
  };
  const ids = new Uint32Array(size * width).fill(padId);
  const [typeIds, mask] = [new Uint32Array(size * width), new Uint32Array(size * width)];
  const columns = new Uint32Array(size * width);
  for (let i = 0; i < columns.length; i++) columns[i] = i % width;
  examples.forEach((example, b) => {
    fill(`token of sequence ${b}`, example.ids, ids, starts[b]!);
    fill(`segment of sequence ${b}`, example.typeIds ?? [], typeIds, starts[b]!);
    mask.fill(1, starts[b]!, starts[b]! + lengths[b]!);
  });
  const words = (data: ArrayLike<number>, shape?: number[]) => tensor(device, data, shape, "u32");
  const tokens = (data: ArrayLike<number>) => words(data, [size, width]);
  /** A number for each example: one a row, or for each of its tokens. */
  const spread = (
    values: readonly number[],
    padding: Uint32Array = new Uint32Array(size * width),
  ) => {
    const all = padding.slice();
    values.forEach((value, b) => all.fill(value, starts[b]!, starts[b]! + lengths[b]!));
    return all;
  };
  const perExample = (values: readonly number[]) => pack ? tokens(spread(values)) : words(values);
  const offsets = pack ? spread(starts.map((start) => start % width), columns) : undefined;
  return {
    size,
    width,
    ids: tokens(ids),
    typeIds: tokens(typeIds),
    positions: tokens(offsets ? columns.map((column, i) => column - offsets[i]!) : columns),
    ...(offsets && { offsets: tokens(offsets) }),
    mask: mask.includes(0) ? tokens(mask) : undefined,
    lengths: perExample(lengths),
    texts: examples.map(({ ids }) => ids),
    last: words(lengths.map((length, b) => starts[b]! + length - 1)),
    ...(numbers && {
      examples: [
        perExample(numbers.map((n) => 2 * n)),
        perExample(numbers.map((n) => 2 * n + 1)),
      ],
    }),
    ...targetsOf(device, examples, starts, { regression, padMultiple, numbers }),
  };
}

function checkSizes(
  examples: readonly EncodedExample[],
  widths: readonly [width: number, multiple: number],
  numbers: readonly number[] | undefined,
): void {
  for (const width of widths) {
    if (Number.isSafeInteger(width) && width >= 1) continue;
    throw new OptionError(`Cannot pad to ${shown(width)} tokens as an integer from 1 is required`);
  }
  const [width] = widths;
  if (examples.length === 0) {
    throw new OptionError("Cannot make a batch as at least 1 example is required: found 0");
  }
  examples.forEach(({ ids: { length }, typeIds }, b) => {
    if (!(length >= 1 && length <= width)) {
      throw new OptionError(
        `Cannot use sequence ${b} as 1 to ${width} tokens are required: found ${length}`,
      );
    }
    if (typeIds === undefined || typeIds.length === length) return;
    throw new OptionError(
      `Cannot use sequence ${b} as a segment for each of its ${length} tokens is required: ` +
        `found ${typeIds.length}`,
    );
  });
  if (numbers === undefined) return;
  if (numbers.length !== examples.length) {
    throw new OptionError(
      `Cannot number examples as one number for each of the ${examples.length} is required: ` +
        `found ${numbers.length}`,
    );
  }
  numbers.forEach((n, b) => {
    if (Number.isInteger(n) && n >= 0 && n < 2 ** 31) return;
    throw new OptionError(
      `Cannot number example ${b} as an integer from 0 to 2147483647 is required: found ${
        shown(n)
      }`,
    );
  });
}

/** Copies words to a place, where each is one. */
function fill(what: string, from: readonly number[], to: Uint32Array | number[], start = 0): void {
  for (let i = 0; i < from.length; i++) {
    const word = from[i]!;
    if (!isWord(word)) {
      throw new OptionError(
        `Cannot make a batch as ${what} requires integers from 0 to 4294967295: found ` +
          `${shown(word)} at place ${i}`,
      );
    }
    to[start + i] = word;
  }
}

/** What is predicted: a label of each sequence, or tokens. */
function targetsOf(
  device: Device,
  examples: readonly EncodedExample[],
  starts: readonly number[],
  { regression, padMultiple, numbers }: {
    readonly regression: boolean;
    readonly padMultiple: number;
    readonly numbers: readonly number[] | undefined;
  },
): Pick<Batch, "rows" | "rowTokens" | "labels" | "targets"> {
  const words = (data: number[]) => tensor(device, data, undefined, "u32");
  if (examples.some((one) => (one.predictFrom ?? one.predictSpans) !== undefined)) {
    const rows: number[] = [];
    const owners: number[] = [];
    const labels: number[] = [];
    examples.forEach((example, b) => {
      for (const [start, end] of spansOf(example, b)) {
        for (let i = start; i < end; i++) {
          rows.push(starts[b]! + i - 1);
          owners.push(b);
          labels.push(example.ids[i]!);
        }
      }
    });
    const targets = labels.length;
    const filled = multipleFrom(targets, padMultiple);
    // The first ones again: a row that comes more often than others is summed up by itself.
    for (let i = 0; rows.length < filled; i++) {
      rows.push(rows[i]!);
      owners.push(owners[i]!);
      labels.push(ignoreIndex);
    }
    const lengths = owners.map((b) => examples[b]!.ids.length);
    const offsets = rows.map((row, r) => (starts[owners[r]!]! - row) >>> 0);
    const tokensOf = (pass: number, own: readonly number[]) => {
      const counters = owners.map((b) => 2 * own[b]! + pass);
      return tensor(device, [...counters, ...lengths, ...offsets], [3, rows.length], "u32");
    };
    return {
      labels: words(labels),
      rows: words(rows),
      ...(numbers && { rowTokens: [tokensOf(0, numbers), tokensOf(1, numbers)] }),
      targets,
    };
  }
  const labels = examples.map(({ label }) => label).filter((label) => label !== undefined);
  if (labels.length === 0) return {};
  if (labels.length < examples.length) {
    const b = examples.findIndex(({ label }) => label === undefined);
    throw new OptionError(`Cannot train on example ${b} without a label`);
  }
  labels.forEach((label, b) => {
    if (regression ? Number.isFinite(label) : isWord(label)) return;
    const required = regression ? "a finite score" : "the number of a class, from 0,";
    throw new OptionError(
      `Cannot train on example ${b} as ${required} is required as its label: found ${shown(label)}`,
    );
  });
  return { labels: regression ? tensor(device, labels) : words(labels) };
}
