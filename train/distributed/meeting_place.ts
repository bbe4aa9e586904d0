/**
 * A process that listens for others and calls them, until each two have a connection.
 *
 * @module
 */

import { OptionError } from "../../core/errors.ts";
import { readFrame, writeFrame } from "./frames.ts";
import {
  type Answer,
  answerCall,
  callNearest,
  close,
  type Hello,
  type Refusal,
  refusalOf,
  tellRefusal,
} from "./greeting.ts";
import { processName } from "./group.ts";
import { inTime } from "./in_time.ts";
import type { Launched } from "./launched.ts";
import {
  type Address,
  areAddresses,
  noticeReplaced,
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
  /** Resolves once all are here, or to why they never will be. */
  readonly #over = Promise.withResolvers<true | Refusal>();
  /** Why all end, where two processes have one number. */
  #twice: Refusal | undefined;
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
    const waiting = new AbortController();
    try {
      void this.#listen(secret);
      void this.#watch(secret, waiting.signal);
      if (!await this.#areAll()) throw this.#missing(this.#absent(), this.#seen);
      const addresses = Array.from({ length: size }, (_, rank) => this.#callers.get(rank) ?? []);
      const bytes = new TextEncoder().encode(JSON.stringify(addresses));
      for (const [rank, connection] of this.found) {
        await writeFrame(connection, table.tag, bytes).catch(() => {
          throw this.#missing([rank], ended);
        });
      }
    } finally {
      waiting.abort();
      await removeNotice(file, secret);
    }
  }

  /** Ends the wait where the file is replaced: who comes now finds another process 0. */
  async #watch(secret: string, signal: AbortSignal): Promise<void> {
    if (!await noticeReplaced(this.meeting.file, secret, signal)) return;
    const { message } = this.#missing(this.#absent(), "the file of another process 0");
    this.#over.resolve({ kind: "refused", why: message });
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
  async #toldBy(connection: Deno.TcpConn): Promise<Address[][] | Refusal> {
    let told;
    try {
      return told = await this.#addressesFrom(connection);
    } finally {
      if (!Array.isArray(told)) connection.close();
    }
  }

  /** Everyone's addresses, as process 0 tells them once all are there, or why it lets nobody in. */
  async #addressesFrom(connection: Deno.TcpConn): Promise<Address[][] | Refusal> {
    const frame = await inTime(
      this.#left,
      readFrame(connection, table.most).then((frame) => frame ?? "closed", () => "closed" as const),
    );
    if (frame === undefined) throw this.#missing([0], "no word of it that all are there");
    if (frame === "closed") throw this.#missing([0], ended);
    const refusal = refusalOf(frame);
    if (refusal !== undefined) return refusal;
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
    // Not before the caller was told.
    if (this.#twice !== undefined) this.#over.resolve(this.#twice);
  }

  /** Why a process of the same secret is not let in; undefined of one that is. */
  #refusal({ rank, size, run, to, addresses }: Hello): Refusal | undefined {
    const { meeting } = this;
    const caller = processName(rank, { size });
    const fits = to === meeting.rank && areAddresses(addresses) &&
      Number.isInteger(rank) && rank > meeting.rank && rank < size;
    if (run !== meeting.run || size !== meeting.size || !fits) {
      const why = `a call of ${caller} ` +
        (run !== meeting.run ? "of another run of a launcher" : `to process ${to}`);
      if (to === meeting.rank) this.#seen = why;
      return { kind: "refused", why: `${processName(meeting.rank, meeting)} found ${why}` };
    }
    // A process that missed the answer calls again, from where it listens.
    const before = this.#callers.get(rank);
    if (before === undefined || JSON.stringify(before) === JSON.stringify(addresses)) return;
    return this.#twice = {
      kind: "ended",
      why:
        `Cannot join processes as a number for each is required by --rendezvous ${meeting.file}: ` +
        `found ${caller} twice`,
    };
  }

  #keep(rank: number, connection: Deno.TcpConn): void {
    const before = this.found.get(rank);
    if (before !== undefined) close(before);
    this.found.set(rank, connection);
    this.#tellAll();
  }

  #tellAll(): void {
    if (this.found.size === this.meeting.size - 1) this.#over.resolve(true);
  }

  /** Whether all come in time; those who came are told why others never will. */
  async #areAll(): Promise<boolean> {
    const over = await inTime(this.#left, this.#over.promise) ?? false;
    if (typeof over === "boolean") return over;
    await Promise.allSettled([...this.found.values()].map((one) => tellRefusal(one, over)));
    throw new OptionError(over.why);
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
          if (Array.isArray(told)) return { connection, secret, addresses: told };
          refused = whyRefused(told);
        } else if (answer.kind === "silent" || answer.kind === "nobody") found = answer.why;
        else refused = whyRefused(answer);
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

  /** Calls a process at its addresses. */
  #call(addresses: readonly Address[], secret: string, to: number): Promise<Answer> {
    const { rank, size, run } = this.meeting;
    const hello = { secret, run, rank, size, to, addresses: this.#addresses };
    return callNearest(addresses, hello, () => this.#left <= 0);
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

/** Why a process is not let in that may call again. */
function whyRefused({ kind, why }: Refusal): string {
  if (kind === "ended") throw new OptionError(why);
  return why;
}
