/**
 * The group that this process was started in.
 *
 * @module
 */

import { OptionError } from "../../core/errors.ts";
import type { DistributedName } from "../config/distributed_options.ts";
import type { Environment } from "../hub/settings.ts";
import { alone, type Group } from "./group.ts";
import { launchedProcess } from "./launched.ts";
import { MessageGroup } from "./message_group.ts";
import type { Messages } from "./messages.ts";
import { openMpi } from "./mpi_library.ts";
import { launcherCounts, MpiMessages } from "./mpi_messages.ts";
import { meet } from "./rendezvous.ts";
import { SocketMessages } from "./socket_messages.ts";

/** What connects the processes of a run. */
export interface GroupChoice {
  /** `off`, or what connects them. */
  readonly distributed: DistributedName;
  /** `auto`, or the path of MPI's library. */
  readonly mpi: string;
  /** File by which processes find each other without MPI. */
  readonly rendezvous?: string;
  /** Seconds that a process may not answer for. */
  readonly distributedTimeout: number;
}

/**
 * Joins the processes that were started with this one. Messages go by TCP where a rendezvous is given,
 * and by MPI elsewhere; where `nccl` is asked for, gradients do not go by messages.
 *
 * @throws {OptionError} If there is no library, it is not that of the launcher, or processes do not meet
 */
export async function openGroup(choice: GroupChoice): Promise<Group> {
  const { distributed, rendezvous, distributedTimeout: timeout } = choice;
  if (distributed === "off") return alone;
  const environment = (name: string) => Deno.env.get(name);
  const byMpi = distributed === "mpi" || (distributed === "nccl" && rendezvous === undefined);
  if (rendezvous !== undefined && byMpi) {
    throw new OptionError(
      "Cannot use --rendezvous with --distributed mpi as --distributed tcp or nccl is required",
    );
  }
  if (byMpi) requireLauncher(distributed, environment);
  const messages = byMpi
    ? new MpiMessages(openMpi(choice.mpi, environment), environment)
    : await socketMessages(rendezvous, timeout, environment);
  return new MessageGroup(messages, { timeout });
}

/**
 * Requires a launcher of MPI where another one says that there are several processes: by themselves, each
 * would make the run alone.
 *
 * @throws {OptionError} If there is none
 */
export function requireLauncher(distributed: DistributedName, environment: Environment): void {
  const size = environment("WORLD_SIZE");
  if (size === undefined || size === "1") return;
  if (launcherCounts.some((name) => environment(name) !== undefined)) return;
  throw new OptionError(
    `Cannot use --distributed ${distributed} as mpirun or srun is required to start the processes, or ` +
      `--rendezvous with --distributed tcp or nccl: found WORLD_SIZE=${size} of another launcher`,
  );
}

/** Messages by TCP with those who come to the rendezvous. */
async function socketMessages(
  file: string | undefined,
  timeout: number,
  environment: Environment,
): Promise<Messages> {
  if (file === undefined) {
    throw new OptionError(
      "Cannot use --distributed tcp as a file that all processes see is required in --rendezvous: " +
        "found none",
    );
  }
  if (!isGranted({ name: "net", host: "127.0.0.1" })) {
    throw new OptionError(
      "Cannot use --rendezvous as --allow-net is required: found no --allow-net",
    );
  }
  const launched = launchedProcess(environment);
  // Who may not listen for other machines has none.
  const isLocal = launched.isLocal || !isGranted({ name: "net" });
  const hostnames = isLocal ? [] : ownNames();
  const host = isGranted({ name: "sys", kind: "hostname" }) ? Deno.hostname() : "this machine";
  const connections = launched.size === 1
    ? new Map<number, Deno.TcpConn>()
    : await meet({ ...launched, isLocal, hostnames, file, timeout });
  return new SocketMessages({ ...launched, host }, connections);
}

function isGranted(permission: Deno.PermissionDescriptor): boolean {
  return Deno.permissions.querySync(permission).state === "granted";
}

/**
 * Names and numbers of this machine for others.
 *
 * @throws {OptionError} If the process may not ask
 */
function ownNames(): string[] {
  if (
    !isGranted({ name: "sys", kind: "hostname" }) ||
    !isGranted({ name: "sys", kind: "networkInterfaces" })
  ) {
    throw new OptionError(
      "Cannot use --rendezvous between machines as --allow-sys=hostname,networkInterfaces is " +
        "required, or --allow-net=127.0.0.1 on one machine: found neither",
    );
  }
  const numbers = Deno.networkInterfaces()
    .filter(({ family, address }) => family === "IPv4" && !address.startsWith("127."))
    .map(({ address }) => address);
  return [...numbers, Deno.hostname()];
}
