/**
 * Messages by TCP: one connection between each two processes.
 *
 * @module
 */

import { type Connection, readFrame, writeFrame } from "./frames.ts";
import type { Messages, PendingMessage } from "./messages.ts";

/** What ends a run in all processes; messages of a group have other tags. */
const ending = 0;
/** Milliseconds in which others are told of an end. */
const tellingTime = 500;

/** A process as its connections know it. */
export interface SocketPlace {
  /** Number of this process. */
  readonly rank: number;
  /** How many there are. */
  readonly size: number;
  /** Name of its machine. */
  readonly host: string;
}

/** Messages over connections to all other processes. */
export class SocketMessages implements Messages {
  /** Number of this process. */
  readonly rank: number;
  /** How many there are. */
  readonly size: number;
  /** What connects them. */
  readonly name = "TCP";
  /** Name of the machine. */
  readonly host: string;
  readonly #peers: ReadonlyMap<number, Peer>;
  /** Resolves once something came, went or was lost. */
  #moved: PromiseWithResolvers<void> = Promise.withResolvers();

  /**
   * @param connections One to each other process, by its number
   * @param exit Ends this process, once all or another one end the run
   */
  constructor(
    { rank, size, host }: SocketPlace,
    connections: ReadonlyMap<number, Connection>,
    private readonly exit: (code: number) => void = (code) => Deno.exit(code),
  ) {
    this.rank = rank;
    this.size = size;
    this.host = host;
    const moved = () => {
      this.#moved.resolve();
      this.#moved = Promise.withResolvers();
    };
    this.#peers = new Map(
      Array.from(connections, ([r, connection]) => [r, new Peer(connection, moved, exit)]),
    );
  }

  /** Begins to send bytes; they are not copied. */
  send(bytes: Uint8Array<ArrayBuffer>, to: number, tag: number): PendingMessage {
    return this.#peers.get(to)!.send(bytes, tag);
  }

  /** Begins to receive as many bytes. */
  receive(bytes: Uint8Array<ArrayBuffer>, from: number, tag: number): PendingMessage {
    return this.#peers.get(from)!.receive(bytes, tag);
  }

  /** Waits until something came, went or was lost, or for so many milliseconds. */
  async moved(milliseconds: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, milliseconds);
    await Promise.race([this.#moved.promise, promise]);
    clearTimeout(timer);
  }

  /** Processes whose connections ended. */
  lost(): number[] {
    return [...this.#peers].filter(([, { end }]) => end !== undefined).map(([rank]) => rank);
  }

  /** Tells all others to end, and ends. */
  abort(code: number): void {
    const told = [...this.#peers.values()].map((peer) => peer.tell(code));
    const late = new Promise((resume) => setTimeout(resume, tellingTime));
    void Promise.race([Promise.all(told), late]).then(() => this.exit(code));
  }

  /** Closes all connections. */
  close(): void {
    for (const peer of this.#peers.values()) peer.close();
  }
}

/** Another process. */
class Peer {
  readonly #came = new Map<number, Uint8Array[]>();
  /** Messages go one after the other. */
  #last: Promise<void> = Promise.resolve();
  /** Why nothing comes any more. */
  end: string | undefined;

  constructor(
    readonly connection: Connection,
    readonly moved: () => void,
    readonly exit: (code: number) => void,
  ) {
    void this.#listen();
  }

  send(bytes: Uint8Array<ArrayBuffer>, tag: number): PendingMessage {
    let isDone = false;
    this.#last = this.#last.then(async () => {
      await writeFrame(this.connection, tag, bytes);
      isDone = true;
      this.moved();
    }).catch(() => this.#lose());
    return { isDone: () => isDone || this.#isLost() };
  }

  receive(bytes: Uint8Array<ArrayBuffer>, tag: number): PendingMessage {
    let isDone = false;
    return {
      isDone: () => {
        const found = isDone ? undefined : this.#came.get(tag)?.shift();
        if (found === undefined) return isDone || this.#isLost();
        if (found.length !== bytes.length) {
          throw new Error(`a message of ${found.length} bytes in place of ${bytes.length}`);
        }
        bytes.set(found);
        return isDone = true;
      },
    };
  }

  /** Tells of an end, whatever is still on its way. */
  async tell(code: number): Promise<void> {
    await this.#last;
    // Whoever is gone need not be told.
    await writeFrame(this.connection, ending, Uint8Array.of(code)).catch(() => {});
  }

  close(): void {
    this.end = "its connection closed";
    this.connection.close();
  }

  /** Never true: what is lost is told by an error. */
  #isLost(): false {
    if (this.end !== undefined) throw new Error(this.end);
    return false;
  }

  #lose(): void {
    this.end ??= "its connection closed, as that process ended";
    this.moved();
  }

  async #listen(): Promise<void> {
    try {
      for (;;) {
        const frame = await readFrame(this.connection);
        if (frame === undefined) return this.#lose();
        const { tag, bytes } = frame;
        if (tag === ending) return this.exit(bytes[0]!);
        const before = this.#came.get(tag);
        if (before === undefined) this.#came.set(tag, [bytes]);
        else before.push(bytes);
        this.moved();
      }
    } catch {
      this.#lose();
    }
  }
}
