/** Groups of processes that all live in this one: their messages go through memory. */

import { MessageGroup, type Patience } from "../../train/distributed/message_group.ts";
import type { Group } from "../../train/distributed/group.ts";
import type { Messages, PendingMessage } from "../../train/distributed/messages.ts";

/** What several processes share. */
export class Wires {
  readonly #sent = new Map<string, Uint8Array[]>();
  /** Exit codes of the processes that ended all. */
  readonly aborted: number[] = [];
  /** Processes that let go. */
  readonly closed: number[] = [];
  /** Bytes that were sent. */
  bytes = 0;

  /** Made for so many processes, on one machine or on the ones that are named. */
  constructor(readonly size: number, readonly hosts: readonly string[] = []) {}

  /** Messages of a process. */
  of(rank: number): Messages {
    return {
      rank,
      size: this.size,
      name: "memory",
      host: this.hosts[rank] ?? "here",
      send: (bytes, to, tag) => this.#send(bytes, `${rank} ${to} ${tag}`),
      receive: (bytes, from, tag) => this.#receive(bytes, `${from} ${rank} ${tag}`),
      abort: (code) => void this.aborted.push(code),
      close: () => void this.closed.push(rank),
    };
  }

  #send(bytes: Uint8Array, way: string): PendingMessage {
    this.bytes += bytes.length;
    this.#sent.set(way, [...this.#sent.get(way) ?? [], bytes.slice()]);
    return { isDone: () => true };
  }

  #receive(bytes: Uint8Array, way: string): PendingMessage {
    let isDone = false;
    return {
      isDone: () => {
        const found = isDone ? undefined : this.#sent.get(way)?.shift();
        if (found !== undefined) bytes.set(found);
        return isDone ||= found !== undefined;
      },
    };
  }
}

/** Runs a job in each process of a group, all at once, and gives what they returned. */
export async function inGroup<T>(
  size: number,
  job: (group: Group) => Promise<T>,
  { hosts, ...patience }: Partial<Patience> & { readonly hosts?: readonly string[] } = {},
): Promise<T[]> {
  const wires = new Wires(size, hosts);
  const groups = Array.from(
    { length: size },
    (_, rank) => new MessageGroup(wires.of(rank), { timeout: 50, ...patience }),
  );
  return await Promise.all(groups.map(job));
}
