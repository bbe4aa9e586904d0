/**
 * The memory of a run before it is made, and whether it fits what is free.
 *
 * @module
 */

import type { Device } from "../core/device.ts";
import { OptionError } from "../core/errors.ts";
import type { TrainConfig } from "./config/config.ts";
import type { Share } from "./data/batches.ts";
import { type FreeMemory, freeMemory, isOnHost } from "./device/available_memory.ts";
import { MemoryPlan, tensorBytes, type TensorMemory } from "./memory_count.ts";
import { smallerRuns } from "./memory_remedies.ts";
import { openTrained, type PreparedData } from "./prepare.ts";
import type { RunFolders } from "./run/run_folders.ts";

/** Bytes by what they are for, those of the process too. */
export interface MemoryParts extends TensorMemory {
  /** What the process holds beside tensors: engine, programs, data, and what loading leaves. */
  readonly process: number;
  /** What a card's context, programs and graphs take beside tensors. */
  readonly card: number;
}

/** What a process takes by its first steps beside what it has before its model: seen, on the CPU. */
const buffers = 65 * 2 ** 20;

/**
 * What CUDA takes of a card beside tensors: 587 to 616 MB seen with encoders on an H100, 705 and 728
 * with a LLaMA of 7B.
 */
const cardContext = 600e6;

/**
 * Counts what a run will hold; numbers of the model are not read.
 *
 * @param device Where it will run; nothing is put there
 * @param share That of one of several processes
 * @throws {OptionError | FileError} If files, settings and model do not fit each other
 */
export async function planMemory(
  folders: RunFolders,
  data: PreparedData,
  device: Device,
  share?: Share,
): Promise<MemoryParts> {
  using plan = await openPlan(folders, data, device, share);
  return {
    ...await plan.partsOf(folders.config),
    process: Deno.memoryUsage().rss + buffers,
    card: device.backend.name === "cuda" ? cardContext : 0,
  };
}

/** The model of folders on a backend that counts. */
function openPlan(
  folders: RunFolders,
  data: PreparedData,
  device: Device,
  share?: Share,
): Promise<MemoryPlan> {
  const open = (counting: Device) =>
    openTrained(folders, data, counting, { blank: true, say: () => {} });
  return MemoryPlan.open(data, open, device, share);
}

/** The memory that a run is to fit, and whose share of it is counted. */
export interface MemoryRoom {
  /** What is free; undefined where nobody says. */
  readonly free: FreeMemory | undefined;
  /** That of one of several processes; default this one alone. */
  readonly share?: Share | undefined;
}

/**
 * Why a run does not fit the memory that is free, and what would; undefined where it fits.
 *
 * @param parts What {@linkcode planMemory} counted of it
 */
export async function missingMemory(
  folders: RunFolders,
  data: PreparedData,
  device: Device,
  parts: MemoryParts,
  { free, share }: MemoryRoom,
): Promise<string | undefined> {
  // The process has the rest already, and a card's context is there when its free memory is asked for.
  const beside = isOnHost(device.backend) ? buffers : 0;
  const { config } = folders;
  const bytesOf = async (plan: MemoryPlan, settings: TrainConfig) =>
    tensorBytes(await plan.partsOf(settings)) + beside;
  const required = tensorBytes(parts) + beside;
  if (free === undefined || required <= free.bytes) return undefined;
  const fitting: string[] = [];
  let least = { flags: "", bytes: required };
  const half = { ...folders, config: { ...config, half: true } };
  const narrow = tensorBytes(await planMemory(half, data, device, share)) + beside;
  for (const { format, settings } of smallerRuns(config, narrow < required)) {
    const changed = { ...folders, config: { ...config, ...format } };
    using plan = await openPlan(changed, data, device, share);
    for (const { flags, config: smaller } of settings) {
      const bytes = await bytesOf(plan, smaller);
      if (bytes < least.bytes) least = { flags, bytes };
      if (bytes <= free.bytes) fitting.push(`${flags} (${gigabytes(bytes)})`);
      if (bytes <= free.bytes && settings.length > 1) break;
    }
    if (fitting.length > 1) break;
  }
  return `Cannot fine-tune as ${gigabytes(required)} of memory are required: found ` +
    `${gigabytes(free.bytes)} free on ${free.place}${remedyOf(fitting, least)}`;
}

function remedyOf(
  fitting: readonly string[],
  { flags, bytes }: { readonly flags: string; readonly bytes: number },
): string {
  if (fitting.length > 0) return `, which ${fitting.join(" or ")} would fit`;
  return flags === "" ? "" : `, and ${flags} would still take ${gigabytes(bytes)}`;
}

/**
 * Refuses a run that does not fit the memory that is free.
 *
 * @param share That of this process, of which there may be others
 * @throws {OptionError} Then; the message names what would fit
 */
export async function requireMemory(
  folders: RunFolders,
  data: PreparedData,
  device: Device,
  share: Share,
): Promise<void> {
  const free = await freeMemory(device.backend);
  if (free === undefined) return;
  const room = { free, share: share.size > 1 ? share : undefined };
  const parts = await planMemory(folders, data, device, room.share);
  const missing = await missingMemory(folders, data, device, parts, room);
  if (missing !== undefined) throw new OptionError(missing);
}

function gigabytes(bytes: number): string {
  const amount = bytes / 1e9;
  return `${amount >= 100 ? Math.round(amount) : amount.toPrecision(3)} GB`;
}
