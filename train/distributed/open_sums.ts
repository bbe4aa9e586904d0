/**
 * The sums of a run's processes on their cards, where each has one of its own.
 *
 * @module
 */

import type { Device } from "../../core/device.ts";
import { OptionError } from "../../core/errors.ts";
import type { CudaBackend } from "../../kernels/cuda/backend.ts";
import type { DistributedName } from "../config/distributed_options.ts";
import { watchedLibrary } from "./call_watch.ts";
import type { DeviceSums } from "./device_sums.ts";
import { type Group, processName } from "./group.ts";
import { openNccl } from "./nccl_library.ts";
import { NcclSums } from "./nccl_sums.ts";

/** Which sums. */
export interface SumsChoice {
  /** What connects processes. */
  readonly distributed: DistributedName;
  /** `auto`, or the path of NCCL's library. */
  readonly nccl: string;
  /** Seconds that a process may not answer for. */
  readonly distributedTimeout: number;
}

/**
 * The sums of a run's processes, where these are to be made on cards.
 *
 * @throws {OptionError} If a process has no card of its own, or NCCL is not there or is another version
 */
export async function openDeviceSums(
  { distributed, nccl, distributedTimeout: timeout }: SumsChoice,
  group: Group,
  device: Device,
): Promise<DeviceSums | undefined> {
  if (distributed !== "nccl" || group.size === 1) return undefined;
  const { name } = device.backend;
  if (name !== "cuda") {
    throw new OptionError(
      `Cannot use --distributed nccl as --backend cuda is required: found --backend ${name}`,
    );
  }
  const library = openNccl(nccl, (name) => Deno.env.get(name));
  const { driver: { facts } } = device.backend as CudaBackend;
  await requireOwnCards(group, { ...facts, version: library.version });
  return await NcclSums.open(watchedLibrary(library, timeout), group, device, { timeout });
}

/** What a process sums with. */
export interface SummingCard {
  /** Name of the card. */
  readonly name: string;
  /** Its address on the bus. */
  readonly address: string;
  /** Version of NCCL. */
  readonly version: string;
}

/**
 * Requires that each process has a card that no other has, and all the same version of NCCL: NCCL
 * itself would fail, or hang.
 *
 * @throws {OptionError} In every process, if one has not
 */
export async function requireOwnCards(
  group: Group,
  { name, address, version }: SummingCard,
): Promise<void> {
  const own = JSON.stringify([`${name} at ${address} of ${group.host}`, version]);
  const all = (await group.gather(own)).map((text) => JSON.parse(text) as [string, string]);
  for (const [rank, [card, found]] of all.entries()) {
    const first = all.findIndex(([other]) => other === card);
    const [one, another] = [first, rank].map((r) => processName(r, group));
    if (first < rank) {
      throw new OptionError(
        `Cannot sum by NCCL as a card of its own is required of each process (--card): found ${one} ` +
          `and ${another} on ${card}`,
      );
    }
    if (found === all[0]![1]) continue;
    throw new OptionError(
      `Cannot sum by NCCL as version ${all[0]![1]} of ${processName(0, group)} is required of ` +
        `${another} (--nccl): found ${found}`,
    );
  }
}
