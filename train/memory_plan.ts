/**
 * The memory of a run before it is made, and whether it fits what is free.
 *
 * @module
 */

import type { Backend } from "../core/backend.ts";
import type { Device } from "../core/device.ts";
import { OptionError } from "../core/errors.ts";
import type { TrainConfig } from "./config/config.ts";
import type { Share } from "./data/batches.ts";
import { type FreeMemory, freeMemory, isOnHost } from "./device/available_memory.ts";
import { memoryOfRuns, type MemoryShare, shareEnded } from "./device/memory_share.ts";
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

/** The process has the rest already, and a card's context is there when its free memory is asked for. */
function besideTensors({ backend }: Device): number {
  return isOnHost(backend) ? buffers : 0;
}

/** Bytes of the free memory that a run takes. */
function requiredBytes(parts: MemoryParts, device: Device): number {
  return tensorBytes(parts) + besideTensors(device);
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
  const beside = besideTensors(device);
  const { config } = folders;
  const bytesOf = async (plan: MemoryPlan, settings: TrainConfig) =>
    tensorBytes(await plan.partsOf(settings)) + beside;
  const required = requiredBytes(parts, device);
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

/** How a run is given its memory. */
export interface MemoryAsked {
  /** That of one of several processes, or of the only one. */
  readonly share: Share;
  /** What the run is promised. */
  readonly memory: MemoryShare;
  /** Ends the wait for other runs. */
  readonly signal?: AbortSignal | undefined;
  /** Told of that wait. */
  readonly say?: (line: string) => void;
  /** Tells what is free; default {@linkcode freeMemory}. */
  readonly ask?: (backend: Backend) => Promise<FreeMemory | undefined>;
}

/**
 * Promises a run the memory that it takes. Where other runs of this process are to take what is free, it
 * waits until one of them is over.
 *
 * @throws {OptionError} If the run fits no more than that, with what would fit, or its wait is ended
 */
export async function requireMemory(
  folders: RunFolders,
  data: PreparedData,
  device: Device,
  { share: { rank, size }, memory, signal, say, ask = freeMemory }: MemoryAsked,
): Promise<void> {
  const { backend } = device;
  if (await ask(backend) === undefined) return;
  const share = size > 1 ? { rank, size } : undefined;
  const parts = await planMemory(folders, data, device, share);
  const required = requiredBytes(parts, device);
  for (let waits = false;; waits = true) {
    const { bytes, place } = (await ask(backend))!;
    const others = memoryOfRuns(backend);
    const free = { place, bytes: Math.max(0, bytes - others.promised) };
    if (required <= free.bytes) return memory.promise(backend, required);
    if (others.runs === 0 || required > bytes + others.taken) {
      const missing = await missingMemory(folders, data, device, parts, { free, share });
      throw new OptionError(missing!);
    }
    if (signal?.aborted) throw waitEnded(required, free);
    if (!waits) {
      say?.(
        `memory: ${gigabytes(required)} are required and ${gigabytes(free.bytes)} left ` +
          `on ${place}: waiting for another run of this process to end`,
      );
    }
    await shareEnded(signal);
  }
}

/** The error of a run that was interrupted before its turn: what would fit is asked of nobody. */
function waitEnded(required: number, { bytes, place }: FreeMemory): OptionError {
  return new OptionError(
    `Cannot begin as ${gigabytes(required)} of memory are required: found ${
      gigabytes(bytes)
    } left ` +
      `on ${place} when the wait for another run was ended`,
  );
}

function gigabytes(bytes: number): string {
  const amount = bytes / 1e9;
  return `${amount >= 100 ? Math.round(amount) : amount.toPrecision(3)} GB`;
}
