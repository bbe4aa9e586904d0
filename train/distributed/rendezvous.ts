/**
 * How processes find each other without MPI: process 0 writes a file that all see, with its address and
 * a secret, and tells everyone the addresses of the others. What an earlier run left there leads
 * nowhere: nobody answers, or nobody knows the secret, and the file is read again.
 *
 * @module
 */

import { OptionError } from "../../core/errors.ts";
import { readFrame, writeFrame } from "./frames.ts";
import { type Address, answerCall, callProcess, type Hello } from "./greeting.ts";
import { processName } from "./group.ts";
import { inTime } from "./in_time.ts";
import type { Launched } from "./launched.ts";

/** Where and how long processes meet. */
export interface Meeting extends Launched {
  /** The file. */
  readonly file: string;
  /** Seconds that they wait for each other. */
  readonly timeout: number;
  /** Names and numbers by which other machines may find this one. */
  readonly hostnames: readonly string[];
}

/** What the file says. */
interface Notice {
  readonly addresses: readonly Address[];
  readonly secret: string;
}

/** Who was found, by number. */
type Connections = Map<number, Deno.TcpConn>;

const loopback = "127.0.0.1";
/** Milliseconds between two looks at the file. */
const pause = 50;
/** The message with everyone's addresses. */
const tableTag = 3;

/**
 * Connects this process with all others.
 *
 * @returns A connection to each, by its number
 * @throws {OptionError} If some do not come in time
 */
export async function meet(meeting: Meeting): Promise<Connections> {
  const found: Connections = new Map();
  using place = new MeetingPlace(meeting, found);
  try {
    await (meeting.rank === 0 ? place.gather() : place.join());
    return found;
  } catch (error) {
    for (const connection of found.values()) connection.close();
    throw error;
  }
}

/** A process that listens and calls. */
class MeetingPlace {
  readonly #listener: Deno.TcpListener;
  readonly #deadline: number;
  readonly #addresses: readonly Address[];

  constructor(readonly meeting: Meeting, readonly found: Connections) {
    const { isLocal, hostnames, timeout } = meeting;
    const listener = Deno.listen({ hostname: isLocal ? loopback : "0.0.0.0", port: 0 });
    const { port } = listener.addr;
    this.#addresses = [loopback, ...isLocal ? [] : hostnames]
      .map((hostname) => ({ hostname, port }));
    this.#listener = listener;
    this.#deadline = performance.now() + 1000 * timeout;
  }

  /** Process 0: writes the file, waits for all, and tells them of each other. */
  async gather(): Promise<void> {
    const { file, size } = this.meeting;
    const secret = crypto.getRandomValues(new Uint8Array(16)).toHex();
    await writeNotice(file, { addresses: this.#addresses, secret });
    try {
      const addresses = new Map<number, readonly Address[]>();
      while (this.found.size < size - 1) {
        const hello = await this.#admit(secret);
        addresses.set(hello.rank, hello.addresses);
      }
      const table = Array.from({ length: size }, (_, rank) => addresses.get(rank) ?? []);
      const bytes = new TextEncoder().encode(JSON.stringify(table));
      for (const connection of this.found.values()) await writeFrame(connection, tableTag, bytes);
    } finally {
      // Another run may have written its own meanwhile.
      if ((await readNotice(file))?.secret === secret) await Deno.remove(file);
    }
  }

  /** Any other: finds process 0 by the file, calls those before it, and is called by those behind. */
  async join(): Promise<void> {
    const { rank, size } = this.meeting;
    const { connection, secret } = await this.#first();
    this.found.set(0, connection);
    const frame = await inTime(this.#left, readFrame(connection));
    if (frame?.tag !== tableTag) throw this.#missing(this.#absent());
    const table = JSON.parse(new TextDecoder().decode(frame.bytes)) as Address[][];
    for (let other = 1; other < rank; other++) {
      const reached = await this.#reach(table[other]!, secret, other);
      if (reached === undefined) throw this.#missing([other]);
      this.found.set(other, reached);
    }
    while (this.found.size < size - 1) await this.#admit(secret);
  }

  /** Lets the next process in that knows the secret. */
  async #admit(secret: string): Promise<Hello> {
    const { rank, size, run } = this.meeting;
    for (;;) {
      const connection = await inTime(this.#left, this.#listener.accept());
      if (connection === undefined) throw this.#missing(this.#absent());
      const hello = await answerCall(
        connection,
        (hello) =>
          hello.secret === secret && hello.run === run && hello.size === size &&
          hello.to === rank && hello.rank < size && !this.found.has(hello.rank),
      );
      if (hello === undefined) continue;
      this.found.set(hello.rank, connection);
      return hello;
    }
  }

  /** The connection to process 0 of this run, whatever else the file said before. */
  async #first(): Promise<{ readonly connection: Deno.TcpConn; readonly secret: string }> {
    const { file } = this.meeting;
    let seen = `no file ${file}`;
    while (this.#left > 0) {
      const notice = await readNotice(file);
      if (notice !== undefined) {
        const { addresses, secret } = notice;
        const connection = await this.#reach(addresses, secret, 0);
        if (connection !== undefined) return { connection, secret };
        const { hostname, port } = addresses.at(-1)!;
        seen = `nobody at ${hostname}:${port} of ${file}`;
      }
      await new Promise((resume) => setTimeout(resume, pause));
    }
    throw this.#missing([0], seen);
  }

  /** Calls a process at its addresses, the nearest first. */
  async #reach(
    addresses: readonly Address[],
    secret: string,
    to: number,
  ): Promise<Deno.TcpConn | undefined> {
    const { rank, size, run } = this.meeting;
    const hello = { secret, run, rank, size, to, addresses: this.#addresses };
    for (const address of addresses) {
      const connection = await callProcess(address, hello);
      if (connection !== undefined) return connection;
    }
    return undefined;
  }

  /** Milliseconds until the time is over. */
  get #left(): number {
    return this.#deadline - performance.now();
  }

  /** Processes that are not connected yet. */
  #absent(): number[] {
    const { rank, size } = this.meeting;
    return Array.from({ length: size }, (_, r) => r)
      .filter((r) => r !== rank && !this.found.has(r));
  }

  #missing(ranks: readonly number[], found = "none"): OptionError {
    const { timeout } = this.meeting;
    const names = ranks.map((rank) => processName(rank, this.meeting)).join(" and ");
    return new OptionError(
      `Cannot join processes as a call or an answer of ${
        names || "all"
      } is required by --rendezvous ` +
        `within ${timeout} s (--distributed-timeout): found ${found}`,
    );
  }

  [Symbol.dispose](): void {
    this.#listener.close();
  }
}

/** Writes the file in one go: nobody reads a part of it, and what was there before is gone. */
async function writeNotice(file: string, notice: Notice): Promise<void> {
  const draft = `${file}.${notice.secret}`;
  try {
    await Deno.writeTextFile(draft, JSON.stringify(notice), { createNew: true, mode: 0o600 });
    await Deno.rename(draft, file);
  } catch (error) {
    throw new OptionError(
      `Cannot join processes as a file that can be written is required in --rendezvous ${file}: found ` +
        (error instanceof Error ? error.message : String(error)),
    );
  }
}

async function readNotice(file: string): Promise<Notice | undefined> {
  try {
    const notice = JSON.parse(await Deno.readTextFile(file)) as Notice;
    return notice.addresses.length > 0 ? notice : undefined;
  } catch {
    return undefined;
  }
}
