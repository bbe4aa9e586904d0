/**
 * A process that listens for others and calls them, until each two have a connection.
 *
 * @module
 */

import { OptionError } from "../../core/errors.ts";
import { readFrame, writeFrame } from "./frames.ts";
import { type Answer, answerCall, callProcess, type Hello, refusalOf } from "./greeting.ts";
import { processName } from "./group.ts";
import { inTime } from "./in_time.ts";
import type { Launched } from "./launched.ts";
import {
  type Address,
  areAddresses,
  readNotice,
  removeNotice,
  writeNotice,
} from "../files/notice.ts";

/** Where and how long processes meet. */
export interface Meeting extends Launched {
  /** The file. */
  readonly file: string;
  /** Seconds that they wait for each other. */
  readonly timeout: number;
  /** Names and numbers by which other machines may find this one. */
  readonly hostnames: readonly string[];
}

/** Who was found, by number. */
export type Connections = Map<number, Deno.TcpConn>;

/** Process 0, as another one found it. */
interface First {
  readonly connection: Deno.TcpConn;
  readonly secret: string;
  /** Where all listen. */
  readonly addresses: readonly (readonly Address[])[];
}

const loopback = "127.0.0.1";
/** Milliseconds between two looks at the file. */
const pause = 50;
const ended = "its connection closed, as that process ended";
/** The message with everyone's addresses, and bytes that it may have. */
const table = { tag: 3, most: 1 << 26 } as const;

/** A process that listens and calls. */
export class MeetingPlace {
  readonly #listener: Deno.TcpListener;
  readonly #deadline: number;
  readonly #addresses: readonly Address[];
  /** Where those listen that called. */
  readonly #callers = new Map<number, readonly Address[]>();
  /** Calls that are being heard: one that says nothing does not hold up the others. */
  readonly #calls = new Map<Deno.TcpConn, Promise<void>>();
  /** Resolves once all are here. */
  readonly #all = Promise.withResolvers<true>();
  /** What came instead of who is missing. */
  #seen: string | undefined;

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
      void this.#listen(secret);
      if (!await this.#areAll()) {
        const isOwn = (await readNotice(file))?.secret === secret;
        throw this.#missing(this.#absent(), isOwn ? this.#seen : "the file of another process 0");
      }
      const addresses = Array.from({ length: size }, (_, rank) => this.#callers.get(rank) ?? []);
      const bytes = new TextEncoder().encode(JSON.stringify(addresses));
      for (const [rank, connection] of this.found) {
        await writeFrame(connection, table.tag, bytes).catch(() => {
          throw this.#missing([rank], ended);
        });
      }
    } finally {
      await removeNotice(file, secret);
    }
  }

  /** Any other: finds process 0 by the file, calls those before it, and is called by those behind. */
  async join(): Promise<void> {
    const { rank } = this.meeting;
    const { addresses, connection, secret } = await this.#first();
    this.found.set(0, connection);
    void this.#listen(secret);
    for (let other = 1; other < rank; other++) {
      this.#keep(other, await this.#reached(addresses[other]!, secret, other));
    }
    if (!await this.#areAll()) throw this.#missing(this.#absent(), this.#seen);
  }

  /** The same; a connection that does not give them is closed. */
  async #toldBy(connection: Deno.TcpConn): Promise<Address[][] | string> {
    let told;
    try {
      return told = await this.#addressesFrom(connection);
    } finally {
      if (!Array.isArray(told)) connection.close();
    }
  }

  /** Everyone's addresses, as process 0 tells them once all are there, or why it lets nobody in. */
  async #addressesFrom(connection: Deno.TcpConn): Promise<Address[][] | string> {
    const frame = await inTime(
      this.#left,
      readFrame(connection, table.most).then((frame) => frame ?? "closed", () => "closed" as const),
    );
    if (frame === undefined) throw this.#missing([0], "no word of it that all are there");
    if (frame === "closed") throw this.#missing([0], ended);
    const why = refusalOf(frame);
    if (why !== undefined) return why;
    try {
      const found = JSON.parse(new TextDecoder().decode(frame.bytes)) as unknown[];
      if (found.length === this.meeting.size && found.every(areAddresses)) return found;
    } catch {
      // It is no answer of such a process.
    }
    throw this.#missing([0], "an answer without the addresses of all");
  }

  /** Hears all who call, side by side. */
  async #listen(secret: string): Promise<void> {
    this.#tellAll();
    try {
      for await (const connection of this.#listener) {
        this.#calls.set(connection, this.#hear(connection, secret));
      }
    } catch {
      // The listener was closed.
    }
  }

  /** Lets a process in that knows the secret. */
  async #hear(connection: Deno.TcpConn, secret: string): Promise<void> {
    const isIn = await answerCall(connection, {
      secret,
      refusal: (hello) => this.#refusal(hello),
      letIn: ({ rank, addresses }) => {
        this.#callers.set(rank, addresses);
        this.#keep(rank, connection);
      },
    });
    this.#calls.delete(connection);
    if (!isIn) close(connection);
  }

  /** Why a process of the same secret is not let in; undefined of one that is. */
  #refusal({ rank, size, run, to, addresses }: Hello): string | undefined {
    const { meeting } = this;
    const caller = processName(rank, { size });
    const fits = to === meeting.rank && areAddresses(addresses) &&
      Number.isInteger(rank) && rank > meeting.rank && rank < size;
    const why = run !== meeting.run
      ? `a call of ${caller} of another run of a launcher`
      : size !== meeting.size || !fits
      ? `a call of ${caller} to process ${to}`
      : this.found.has(rank)
      ? `a second call of ${caller}`
      : undefined;
    if (why !== undefined && to === meeting.rank) this.#seen = why;
    return why && `${processName(meeting.rank, meeting)} found ${why}`;
  }

  #keep(rank: number, connection: Deno.TcpConn): void {
    this.found.set(rank, connection);
    this.#tellAll();
  }

  #tellAll(): void {
    if (this.found.size === this.meeting.size - 1) this.#all.resolve(true);
  }

  /** Whether all come in time. */
  async #areAll(): Promise<boolean> {
    return await inTime(this.#left, this.#all.promise) ?? false;
  }

  /** Process 0 of this run, whatever else the file said before. */
  async #first(): Promise<First> {
    const { file } = this.meeting;
    let found = "no address of it there";
    // It tells more than what is found once that process has ended.
    let refused: string | undefined;
    while (this.#left > 0) {
      const notice = await readNotice(file);
      if (notice !== undefined) {
        const { addresses, secret } = notice;
        const answer = await this.#call(addresses, secret, 0);
        if (answer.kind === "connected") {
          const { connection } = answer;
          const told = await this.#toldBy(connection);
          if (typeof told !== "string") return { connection, secret, addresses: told };
          refused = told;
        } else if (answer.kind === "refused") refused = answer.why;
        else found = answer.why;
      }
      await new Promise((resume) => setTimeout(resume, pause));
    }
    throw this.#missing([0], refused ?? found);
  }

  /** The connection to a process that came, and may be slow. */
  async #reached(addresses: readonly Address[], secret: string, to: number): Promise<Deno.TcpConn> {
    for (;;) {
      const answer = await this.#call(addresses, secret, to);
      if (answer.kind === "connected") return answer.connection;
      if (this.#left <= 0 || answer.kind !== "silent") throw this.#missing([to], answer.why);
      await new Promise((resume) => setTimeout(resume, pause));
    }
  }

  /** Calls a process at its addresses, the nearest first. */
  async #call(addresses: readonly Address[], secret: string, to: number): Promise<Answer> {
    const { rank, size, run } = this.meeting;
    const hello = { secret, run, rank, size, to, addresses: this.#addresses };
    const answers: Exclude<Answer, { kind: "connected" }>[] = [];
    for (const address of addresses) {
      if (this.#left <= 0) break;
      const answer = await callProcess(address, hello);
      if (answer.kind === "connected") return answer;
      answers.push(answer);
    }
    const { hostname, port } = addresses.at(-1) ?? { hostname: "nowhere", port: 0 };
    return answers.find(({ kind }) => kind === "silent") ??
      answers.find(({ kind }) => kind === "refused") ??
      { kind: "nobody", why: `nobody at ${hostname}:${port}` };
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
    const { timeout, file } = this.meeting;
    const names = ranks.map((rank) => processName(rank, this.meeting)).join(" and ");
    return new OptionError(
      `Cannot join processes as a call or an answer of ${names} is required by --rendezvous ${file} ` +
        `within ${timeout} s (--distributed-timeout): found ${found}`,
    );
  }

  /** Hears nobody any more. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#listener.close();
    for (const connection of this.#calls.keys()) close(connection);
    await Promise.all(this.#calls.values());
  }
}

/** Closes a connection that may be closed. */
function close(connection: Deno.TcpConn): void {
  try {
    connection.close();
  } catch {
    // It is.
  }
}
