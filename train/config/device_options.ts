/**
 * Options that choose what runs the programs.
 *
 * @module
 */

import type { OptionTable } from "./options.ts";

/** Names that `--backend` takes. */
export const backendNames = ["auto", "cpu", "webgpu", "cuda"] as const;
/** A backend, by name. */
export type BackendName = typeof backendNames[number];

/** Kinds of CPU kernels that `--kernels` takes. */
export const kernelNames = ["auto", "relaxed", "simd", "javascript"] as const;
/** A kind of CPU kernels, by name. */
export type KernelName = typeof kernelNames[number];

/** How CUDA computes products, as `--precision` takes it. */
export const precisionNames = ["float32", "tf32", "bf16"] as const;
/** How CUDA computes products. */
export type PrecisionName = typeof precisionNames[number];

/** Options of every command that computes. */
export const deviceOptions = {
  backend: {
    group: "device",
    kind: "choice",
    choices: backendNames,
    help: "what runs the programs",
    default: "auto",
  },
  precision: {
    group: "device",
    kind: "choice",
    choices: precisionNames,
    help:
      "CUDA: products of 32-bit factors, of factors in tf32, or all but sums and losses in bf16",
    default: "float32",
  },
  card: {
    group: "device",
    kind: "text",
    help: "CUDA: card by its number or its address on the bus",
    defaultText: "the first",
  },
  kernels: {
    group: "device",
    kind: "choice",
    choices: kernelNames,
    help: "CPU: WebAssembly with relaxed multiply-adds, without, or JavaScript",
    default: "auto",
  },
  threads: {
    group: "device",
    kind: "integer",
    min: 1,
    below: 257,
    help: "CPU: threads, at most 256",
    defaultText: "one for each core",
  },
  blas: {
    group: "device",
    kind: "text",
    help: "CPU, CUDA in bf16: library for products, auto, off or its path (needs --allow-ffi)",
    default: "auto",
  },
} as const satisfies OptionTable;
