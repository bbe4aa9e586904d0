/**
 * Processes of one machine: they share its cores, and each takes a card of its own.
 *
 * @module
 */

import { OptionError } from "../../core/errors.ts";
import type { Backend } from "../../core/backend.ts";
import { type Group, processName } from "./group.ts";

/** A process among those of its machine. */
export interface Neighbour {
  /** Its turn among them, from 0. */
  readonly turn: number;
  /** How many they are. */
  readonly count: number;
}

/** Finds the processes that run on this machine. */
export async function neighboursOf(group: Group): Promise<Neighbour> {
  const hosts = await group.gather(group.host);
  const isHere = (host: string) => host === hosts[group.rank];
  return {
    turn: hosts.slice(0, group.rank).filter(isHere).length,
    count: hosts.filter(isHere).length,
  };
}

/** Threads of a process where nobody says how many: its share of the cores that it may run on. */
export function threadsOfNeighbour({ count }: Neighbour, cores: number): number {
  return Math.max(1, Math.floor(cores / count));
}

/**
 * What is to be said of cards that several processes share, one line each.
 *
 * @throws {OptionError} In every process, if several share a GPU by WebGPU, which cannot be told apart
 */
export async function sharedCards(group: Group, backend: Backend): Promise<string[]> {
  const { name, description } = backend;
  const isShared = name !== "cpu" && !description.endsWith("(software)");
  const card = isShared ? `${description} of ${group.host}` : "";
  const cards = await group.gather(JSON.stringify([name, card]));
  const users = Map.groupBy(cards.keys(), (rank) => cards[rank]!);
  return [...users].flatMap(([text, ranks]) => {
    const [name, card] = JSON.parse(text) as [string, string];
    if (card === "" || ranks.length === 1) return [];
    const processes = ranks.map((rank) => processName(rank, group)).join(" and ");
    if (name === "cuda") return [`${processes} share ${card}`];
    throw new OptionError(
      `Cannot share ${card} as one process for each GPU of WebGPU is required, or --backend cuda or ` +
        `cpu: found ${processes}`,
    );
  });
}
