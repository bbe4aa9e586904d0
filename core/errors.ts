/**
 * Typed errors. Every message is one sentence: what could not be done, what is required, what was
 * found; no period, no contraction; below 500 characters and without secrets, whatever was found.
 * Each subclasses the nearest built-in error.
 *
 * @module
 */

import { presentable, shortened } from "./excerpt.ts";

/** Shapes, dtypes or attributes do not fit an operation. */
export class ShapeError extends TypeError {
  /** Name of the error class. */
  override name = "ShapeError";

  /** Makes the error of a sentence. */
  constructor(message: string, options?: ErrorOptions) {
    super(presentable(message), options);
  }
}

/** A number lies beyond the table that it is looked up in: a token, a position, a segment, a class. */
export class IndexError extends RangeError {
  /** Name of the error class. */
  override name = "IndexError";

  /** Makes the error of a sentence. */
  constructor(message: string, options?: ErrorOptions) {
    super(presentable(message), options);
  }
}

/** An operation without a derivative was reached while a gradient was being recorded. */
export class GradientError extends TypeError {
  /** Name of the error class. */
  override name = "GradientError";

  /** Makes the error of a sentence. */
  constructor(message: string, options?: ErrorOptions) {
    super(presentable(message), options);
  }
}

/** A tensor or storage was used after it was disposed. */
export class DisposedError extends ReferenceError {
  /** Name of the error class. */
  override name = "DisposedError";

  /** Makes the error of a sentence. */
  constructor(message: string, options?: ErrorOptions) {
    super(presentable(message), options);
  }
}

/** An option, configuration key or command-line flag has an unusable value. */
export class OptionError extends RangeError {
  /** Name of the error class. */
  override name = "OptionError";

  /** Makes the error of a sentence. */
  constructor(message: string, options?: ErrorOptions) {
    super(presentable(message), options);
  }
}

/** A file is missing, malformed or does not hold what is required. */
export class FileError extends Error {
  /** Name of the error class. */
  override name = "FileError";
  /** Path of the file, as the caller gave it. */
  readonly path: string;
  /** One-based line in the file, where the fault has one. */
  readonly line: number | undefined;

  /**
   * Makes the error; its message begins with path and line.
   *
   * @param message The sentence, without the path
   * @param path Path of the file
   * @param line One-based line, where known
   */
  constructor(message: string, path: string, line?: number) {
    const place = shortened(path, 200);
    super(presentable(`${place}${line === undefined ? "" : `:${line}`}: ${message}`));
    this.path = path;
    this.line = line;
  }
}

/** A server refuses a request or cannot be reached, or what arrived is not what was announced. */
export class DownloadError extends Error {
  /** Name of the error class. */
  override name = "DownloadError";
  /** What was asked for: an address without its query, or a repository. */
  readonly source: string;
  /** Status of the server's answer; undefined where none came or its content is at fault. */
  readonly status: number | undefined;

  /**
   * Makes the error; its message begins with what was asked for.
   *
   * @param message The sentence, without the source
   * @param source An address, whose query is left out as it may be a signature, or a repository
   * @param status Status of the answer, where it is the fault
   */
  constructor(message: string, source: string, status?: number) {
    const named = shortened(presentable(source.replace(/\?.*$/s, "")), 200);
    super(presentable(`${named}: ${message}`));
    this.source = named;
    this.status = status;
  }
}

/** The device that runs programs was lost, or has no memory left. */
export class DeviceError extends Error {
  /** Name of the error class. */
  override name = "DeviceError";

  /** Makes the error of a sentence. */
  constructor(message: string, options?: ErrorOptions) {
    super(presentable(message), options);
  }
}

/** A number that is computed and must be finite is NaN or infinite. */
export class NumericError extends RangeError {
  /** Name of the error class. */
  override name = "NumericError";

  /** Makes the error of a sentence. */
  constructor(message: string, options?: ErrorOptions) {
    super(presentable(message), options);
  }
}

/** Training cannot go on: the loss or a gradient is not finite, or a parameter is not reached. */
export class TrainingError extends Error {
  /** Name of the error class. */
  override name = "TrainingError";

  /** Makes the error of a sentence. */
  constructor(message: string, options?: ErrorOptions) {
    super(presentable(message), options);
  }
}
