/**
 * Columns of parquet files; only what is asked for is read and unpacked.
 *
 * @module
 */

import { Worker } from "node:worker_threads";
import { FileError } from "../../core/errors.ts";
import { requireFile } from "../files/files.ts";
import {
  type ParquetAnswer,
  type ParquetRequest,
  workerAddress,
  workerName,
} from "./parquet_worker.ts";
import { lengthError, mostCharacters, mostRows, rowsError } from "./limits.ts";
import { type Columns, positionsOf, type TableRow } from "./rows.ts";

/** How much a file may ask of its reader. */
export interface ParquetLimits {
  /** Milliseconds, beside one for each kilobyte that is decoded. */
  readonly time: number;
  /** Bytes of memory, beside twenty for each byte of the file. */
  readonly memory: number;
}

/**
 * Reads columns of a parquet file.
 *
 * @throws {FileError} If the file is missing or malformed, lacks a column, holds too many rows, or
 * needs more time or memory than any file of its size
 */
export async function readParquet(
  path: string,
  columns: Columns,
  limits: ParquetLimits = { time: 5000, memory: 5e8 },
): Promise<TableRow[]> {
  const { size } = await requireFile(path);
  const decoder = new Decoder(path, { ...limits, memory: limits.memory + 20 * size });
  try {
    const { header, groups } = await decoder.open();
    const positions = positionsOf(header, columns, path);
    const total = groups.reduce((sum, { rows }) => sum + (rows >= 0 ? rows : NaN), 0);
    if (!(total <= mostRows)) throw rowsError(path);
    const names = [...new Set(positions.flatMap((at) => at === undefined ? [] : header[at]!))];
    const places = positions.map((at) => at === undefined ? -1 : names.indexOf(header[at]!));
    const found: TableRow[] = [];
    decoder.send({ names });
    for (const group of groups) {
      for (const row of await decoder.rows(group)) {
        const cells = places.map((place) => place < 0 ? undefined : row[place]);
        const long = cells.find((cell) => typeof cell === "string" && cell.length > mostCharacters);
        if (typeof long === "string") {
          throw lengthError(`row ${found.length + 1}`, long.length, path);
        }
        found.push({ cells, path, row: found.length + 1 });
      }
    }
    return found;
  } finally {
    await decoder.end();
  }
}

/** Milliseconds in which a thread has begun, however busy the machine is. */
const beginning = 60_000;

/** The thread that decodes one file, ended where it takes too much. */
class Decoder {
  readonly #worker: Worker;
  readonly #answers: ParquetAnswer[] = [];
  readonly #memoryBefore = Deno.memoryUsage().rss;
  #arrived = Promise.withResolvers<void>();
  /** Milliseconds that are left. */
  #left = beginning;

  constructor(readonly path: string, readonly limits: ParquetLimits) {
    this.#worker = new Worker(new URL(workerAddress), {
      workerData: workerName,
      resourceLimits: { maxOldGenerationSizeMb: Math.max(16, Math.ceil(limits.memory / 2 ** 20)) },
    });
    const arrived = (answer: ParquetAnswer) => {
      this.#answers.push(answer);
      this.#arrived.resolve();
    };
    this.#worker.on("message", arrived);
    this.#worker.on("error", ({ message }: Error) => arrived({ fault: message }));
  }

  async open(): Promise<Extract<ParquetAnswer, { header: unknown }>> {
    // What the file is given begins once the thread has.
    await this.#next();
    this.#left = this.limits.time;
    this.send({ path: this.path });
    const answer = await this.#next();
    return "header" in answer ? answer : this.#fail("another answer");
  }

  async rows({ rows, bytes }: { rows: number; bytes: number }): Promise<unknown[][]> {
    this.#left += bytes / 1000;
    const answer = await this.#next();
    const found = "rows" in answer ? answer.rows : [];
    return found.length === rows ? found : this.#fail(`${found.length} rows, not ${rows}`);
  }

  send(request: ParquetRequest): void {
    this.#worker.postMessage(request);
  }

  async end(): Promise<void> {
    await this.#worker.terminate();
  }

  async #next(): Promise<Exclude<ParquetAnswer, { fault: unknown }>> {
    const started = performance.now();
    while (this.#answers.length === 0) {
      const { promise, resolve } = Promise.withResolvers<void>();
      const timer = setTimeout(resolve, 20);
      await Promise.race([this.#arrived.promise, promise]).finally(() => clearTimeout(timer));
      if (this.#answers.length > 0) break;
      if (performance.now() - started > this.#left) break;
      if (Deno.memoryUsage().rss - this.#memoryBefore > this.limits.memory) {
        this.#fail("data that takes memory without end");
      }
    }
    this.#left -= performance.now() - started;
    if (this.#left < 0) this.#fail("data that is decoded without end");
    this.#arrived = Promise.withResolvers();
    const answer = this.#answers.shift()!;
    return "fault" in answer ? this.#fail(answer.fault) : answer;
  }

  #fail(found: string): never {
    throw new FileError(
      `Cannot read file as valid parquet is required: found ${found}`,
      this.path,
    );
  }
}
