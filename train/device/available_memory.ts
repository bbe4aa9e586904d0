/**
 * How much memory there is for a run.
 *
 * @module
 */

import process from "node:process";
import type { Backend } from "../../core/backend.ts";
import type { CudaBackend } from "../../kernels/cuda/backend.ts";
import type { WebGpuBackend } from "../../kernels/webgpu/backend.ts";

/** Memory of the machine, in bytes. */
export interface MachineMemory {
  /** What it has. */
  readonly total: number;
  /** What processes can take without swapping. */
  readonly available: number;
}

/** The memory of this machine, or of its container; undefined where the process may not ask. */
export async function machineMemory(): Promise<MachineMemory | undefined> {
  const { state } = await Deno.permissions.query({ name: "sys", kind: "systemMemoryInfo" });
  if (state !== "granted") return undefined;
  return withinLimit(Deno.systemMemoryInfo(), process.constrainedMemory(), Deno.memoryUsage().rss);
}

/**
 * What a limit leaves of a machine's memory. What other processes under it hold stands in files that
 * Deno gives to `--allow-all` alone, and counts as free.
 *
 * @param limit Bytes that a container may take; more than the machine has where there is no limit
 * @param own Bytes that this process holds
 */
export function withinLimit(
  { total, available }: MachineMemory,
  limit: number,
  own: number,
): MachineMemory {
  if (!(limit > 0 && limit < total)) return { total, available };
  return { total: limit, available: Math.max(0, Math.min(available, limit - own)) };
}

/** Whether a backend's tensors lie in the memory of the machine, as processes' do. */
export function isOnHost(backend: Backend): boolean {
  return backend.name === "cpu" ||
    (backend.name === "webgpu" && (backend as WebGpuBackend).facts.software);
}

/** Free memory for a backend's tensors. */
export interface FreeMemory {
  /** In bytes. */
  readonly bytes: number;
  /** What has it, as messages call it. */
  readonly place: string;
}

/** What is free for a backend; undefined where nobody says, as WebGPU of its cards. */
export async function freeMemory(backend: Backend): Promise<FreeMemory | undefined> {
  if (backend.name === "cuda") {
    const { driver, heldBytes, statistics } = backend as CudaBackend;
    // What earlier runs of the process left is held, and free for this one.
    return { bytes: driver.freeBytes + heldBytes - statistics.bytes, place: driver.facts.name };
  }
  const machine = isOnHost(backend) ? await machineMemory() : undefined;
  return machine && { bytes: machine.available, place: "this machine" };
}
