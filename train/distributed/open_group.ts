/**
 * The group that this process was started in.
 *
 * @module
 */

import type { DistributedName } from "../config/distributed_options.ts";
import { alone, type Group } from "./group.ts";
import { MessageGroup } from "./message_group.ts";
import { openMpi } from "./mpi_library.ts";
import { MpiMessages } from "./mpi_messages.ts";

/** What connects the processes of a run. */
export interface GroupChoice {
  /** `off`, or what connects them. */
  readonly distributed: DistributedName;
  /** `auto`, or the path of MPI's library. */
  readonly mpi: string;
  /** Seconds that a process may not answer for. */
  readonly distributedTimeout: number;
}

/**
 * Joins the processes that were started with this one.
 *
 * @throws {OptionError} If there is no library, or it is not that of the launcher
 */
export function openGroup({ distributed, mpi, distributedTimeout }: GroupChoice): Group {
  if (distributed === "off") return alone;
  const environment = (name: string) => Deno.env.get(name);
  const messages = new MpiMessages(openMpi(mpi, environment), environment);
  return new MessageGroup(messages, { timeout: distributedTimeout });
}
