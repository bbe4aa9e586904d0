/**
 * Messages by MPI. None of its collective functions is used: a message of each process can be asked for
 * by itself, so that it is known who does not answer, and no library decides the order of a sum.
 *
 * @module
 */

import { OptionError } from "../../core/errors.ts";
import type { Environment } from "../hub/settings.ts";
import type { Messages, PendingMessage } from "./messages.ts";
import type { MpiCalls, MpiLibrary } from "./mpi_library.ts";

/** Variables in which launchers say how many processes they started. */
export const launcherCounts = ["OMPI_COMM_WORLD_SIZE", "PMI_SIZE", "SLURM_STEP_NUM_TASKS"] as const;

/** Messages of the processes that a launcher started. */
export class MpiMessages implements Messages {
  /** Number of this process. */
  readonly rank: number;
  /** How many there are. */
  readonly size: number;
  /** What the library says it is. */
  readonly name: string;
  /** Name of the machine. */
  readonly host: string;
  readonly #calls: MpiCalls;

  /**
   * Begins MPI, which a process does once.
   *
   * @throws {OptionError} If the library was not made for the launcher, or refuses
   */
  constructor(library: MpiLibrary, environment: Environment) {
    const { name, calls } = library;
    const number = new Int32Array(1);
    const text = new Uint8Array(1024);
    const asked = (code: number, what: string) => {
      if (code === 0) return number[0]!;
      throw new OptionError(
        `Cannot use --distributed mpi as ${name} is required to give ${what}: found error ${code}`,
      );
    };
    asked(calls.init(), "a start");
    this.#calls = calls;
    this.name = name;
    this.rank = asked(calls.rank(number), "a rank");
    this.size = asked(calls.size(number), "the number of processes");
    const length = asked(calls.host(text, number), "the name of its machine");
    this.host = new TextDecoder().decode(text.subarray(0, length));
    const launched = launcherCounts.map(environment).find((count) => count !== undefined);
    if (launched === undefined || Number(launched) === this.size) return;
    throw new OptionError(
      `Cannot join the ${launched} processes that were started as the library of their launcher is ` +
        `required in --mpi: found ${name}, which knows ${this.size}`,
    );
  }

  /** MPI_Isend. */
  send(bytes: Uint8Array<ArrayBuffer>, to: number, tag: number): PendingMessage {
    return new Request(bytes, this.#calls, (request) => this.#calls.send(bytes, to, tag, request));
  }

  /** MPI_Irecv. */
  receive(bytes: Uint8Array<ArrayBuffer>, from: number, tag: number): PendingMessage {
    return new Request(
      bytes,
      this.#calls,
      (request) => this.#calls.receive(bytes, from, tag, request),
    );
  }

  /** MPI_Abort. */
  abort(code: number): void {
    this.#calls.abort(code);
  }

  /** MPI_Finalize. */
  close(): void {
    this.#calls.finalize();
  }
}

/** A request of MPI; its memory and that of its bytes lives as long as it. */
class Request implements PendingMessage {
  // Room for a handle of any kind, and for any library's status.
  readonly #handle = new Uint8Array(8);
  readonly #status = new Uint8Array(64);
  readonly #flag = new Int32Array(1);

  constructor(
    readonly bytes: Uint8Array<ArrayBuffer>,
    private readonly calls: MpiCalls,
    begin: (request: Uint8Array<ArrayBuffer>) => number,
  ) {
    requireNone(begin(this.#handle));
  }

  isDone(): boolean {
    requireNone(this.calls.test(this.#handle, this.#flag, this.#status));
    return this.#flag[0] !== 0;
  }
}

function requireNone(code: number): void {
  if (code !== 0) throw new Error(`error ${code} of MPI`);
}
