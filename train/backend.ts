/**
 * Choosing what runs the programs.
 *
 * @module
 */

import { OptionError } from "../core/errors.ts";
import { Device } from "../core/storage.ts";
import { openCpu } from "../kernels/cpu/backend.ts";
import type { WebGpuBackend } from "../kernels/webgpu/backend.ts";
import { openWebGpu } from "../kernels/webgpu/open.ts";

/** Names that `--backend` takes. */
export const backendNames = ["auto", "cpu", "webgpu"] as const;
/** A backend, by name. */
export type BackendName = typeof backendNames[number];

/** A device, and one line that says what was chosen and why. */
export interface Opened {
  /** The device; disposing it closes the backend. */
  readonly device: Device;
  /** For the log. */
  readonly reason: string;
}

/**
 * Opens WebGPU. Where XDG_RUNTIME_DIR is unset, as on servers, a graphics library complains on
 * standard error whenever it is asked for adapters: any folder silences it.
 */
export async function openGpu(): Promise<WebGpuBackend | undefined> {
  const name = "XDG_RUNTIME_DIR";
  if (Deno.build.os === "linux" && !Deno.env.get(name)) Deno.env.set(name, "/tmp");
  return await openWebGpu();
}

/**
 * Opens a device. `auto` takes a real GPU where one is found, and the CPU otherwise: software
 * adapters are slower than the CPU backend.
 *
 * @throws {OptionError} If WebGPU is asked for and there is no adapter, or for doubles
 */
export async function openDevice(name: BackendName, float: "f32" | "f64"): Promise<Opened> {
  if (name === "webgpu" && float === "f64") {
    throw new OptionError("Cannot use --backend webgpu with --dtype f64 as WebGPU has no doubles");
  }
  const gpu = name === "cpu" || float === "f64" ? undefined : await openGpu();
  if (name === "webgpu" && gpu === undefined) {
    throw new OptionError(
      "Cannot use --backend webgpu as a WebGPU adapter is required: found none",
    );
  }
  if (gpu !== undefined && (name === "webgpu" || !gpu.facts.software)) {
    return {
      device: new Device(gpu),
      reason: `${gpu.description} (${explain(name, "a GPU is there")})`,
    };
  }
  const found = gpu === undefined ? "no GPU is there" : `found only ${gpu.facts.description}`;
  await gpu?.[Symbol.asyncDispose]();
  const backend = openCpu();
  return {
    device: new Device(backend, float),
    reason: `${backend.description} (${explain(name, float === "f64" ? "doubles" : found)})`,
  };
}

function explain(name: BackendName, found: string): string {
  return name === "auto" ? `auto: ${found}` : "as asked";
}
