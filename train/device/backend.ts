/**
 * Choosing what runs the programs.
 *
 * @module
 */

import type { Backend } from "../../core/backend.ts";
import { OptionError } from "../../core/errors.ts";
import { Device } from "../../core/device.ts";
import { openCpu } from "../../kernels/cpu/backend.ts";
import type { WebGpuBackend } from "../../kernels/webgpu/backend.ts";
import type { CudaBackend } from "../../kernels/cuda/backend.ts";
import { type AttentionChoice, openCuda, openWebGpu, type WebGpuOptions } from "../../mod.ts";
import { findBlas } from "./blas.ts";
import type { BackendName, KernelName, PrecisionName } from "../config/device_options.ts";

/** What chooses a device. */
export interface DeviceChoice {
  /** Backend by name, or `auto`. */
  readonly backend: BackendName;
  /** Float of all tensors. */
  readonly dtype: "f32" | "f64";
  /** How CUDA computes products; default `float32`. */
  readonly precision?: PrecisionName;
  /** Card for CUDA, by its number or its address on the bus; default the first. */
  readonly card?: string;
  /** Turn among the processes of this machine, by which a card is taken where none is named. */
  readonly turn?: number;
  /** Kind of CPU kernels; default `auto`. */
  readonly kernels?: KernelName;
  /** CPU threads; default one for each core. */
  readonly threads?: number;
  /** `auto`, `off`, or the path of a BLAS; default `auto`. */
  readonly blas?: string;
  /** Whether programs of a card run beside each other where none needs another; default false. */
  readonly parallel?: boolean;
  /** Whether attention is one program on WebGPU; default `never`. */
  readonly attention?: AttentionChoice;
}

/** A device, and one line that says what was chosen and why. */
export interface Opened {
  /** The device; disposing it closes the backend. */
  readonly device: Device;
  /** One line that says what was chosen and why. */
  readonly reason: string;
}

/**
 * Opens WebGPU. Where XDG_RUNTIME_DIR is unset, as on servers, a graphics library complains on
 * standard error whenever it is asked for adapters: any folder silences it.
 */
export async function openGpu(options: WebGpuOptions = {}): Promise<WebGpuBackend | undefined> {
  const name = "XDG_RUNTIME_DIR";
  if (Deno.build.os === "linux" && !Deno.env.get(name)) Deno.env.set(name, "/tmp");
  return await openWebGpu(options);
}

/**
 * Opens a device. `auto` takes an NVIDIA card where the driver may be opened, else a real GPU by
 * WebGPU, and the CPU otherwise: software adapters are slower than the CPU backend.
 *
 * @throws {OptionError} If CUDA or WebGPU is asked for and there is none, or for doubles, or if the
 * card or the BLAS asked for cannot be used
 * @throws {DeviceError} If the card is too old, or its driver fails
 */
export async function openDevice(choice: DeviceChoice): Promise<Opened> {
  const { backend: name, dtype, attention = "never" } = choice;
  if (name !== "auto" && name !== "cpu" && dtype === "f64") {
    throw new OptionError(
      `Cannot use --backend ${name} with --dtype f64 as doubles require the CPU`,
    );
  }
  const cuda = await openCard(choice);
  if (cuda !== undefined) {
    const reason = `${cuda.description} (${explain(name, "a card and its driver are there")})`;
    return { device: new Device(cuda), reason };
  }
  const gpu = name === "cpu" || dtype === "f64" ? undefined : await openGpu({ attention });
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
  const backend = openCpuFor(choice);
  return {
    device: new Device(backend, dtype),
    reason: `${backend.description} (${explain(name, dtype === "f64" ? "doubles" : found)})`,
  };
}

/** The card, where one is asked for or may be taken. */
async function openCard(choice: DeviceChoice): Promise<CudaBackend | undefined> {
  const { backend: name, dtype, precision = "float32", card, turn, blas = "auto" } = choice;
  const { parallel = false } = choice;
  const granted = Deno.permissions.querySync({ name: "ffi" }).state === "granted";
  const wanted = name === "cuda" || (name === "auto" && dtype === "f32" && granted);
  const named = card === undefined
    ? turn === undefined ? {} : { turn }
    : { card: /^\d+$/.test(card) ? Number(card) : card };
  const backend = wanted ? await openCuda({ ...named, precision, blas, parallel }) : undefined;
  if (backend === undefined && name === "cuda") {
    throw new OptionError(
      "Cannot use --backend cuda as --allow-ffi and NVIDIA's driver for CUDA 12 are required: found " +
        (granted ? "no card with such a driver" : "no --allow-ffi"),
    );
  }
  if (backend === undefined && precision !== "float32") {
    throw new OptionError(
      `Cannot use --precision ${precision} as it requires --backend cuda: found ` +
        (name === "auto" ? "no card" : `--backend ${name}`),
    );
  }
  return backend;
}

function openCpuFor({ dtype, kernels = "auto", threads, blas = "auto" }: DeviceChoice): Backend {
  if (dtype === "f64" || kernels === "javascript") return openCpu({ kernels: "javascript" });
  const count = threads ?? navigator.hardwareConcurrency;
  // A library rounds as its processor likes, and these kernels are for those who want one result.
  const library = kernels === "simd" && blas === "auto" ? undefined : findBlas(blas);
  return openCpu({ kernels, threads: count, ...(library && { library }) });
}

function explain(name: BackendName, found: string): string {
  return name === "auto" ? `auto: ${found}` : "as asked";
}
