/**
 * Opening an adapter with the limits it offers.
 *
 * @module
 */

import { type AdapterFacts, WebGpuBackend } from "./backend.ts";

/** Limits that are raised to what the adapter offers. */
const limits = [
  "maxBufferSize",
  "maxStorageBufferBindingSize",
  "maxStorageBuffersPerShaderStage",
  "maxComputeInvocationsPerWorkgroup",
  "maxComputeWorkgroupStorageSize",
] as const;

/**
 * Opens WebGPU.
 *
 * @returns The backend, or `undefined` where no adapter is found
 */
export async function openWebGpu(): Promise<WebGpuBackend | undefined> {
  const adapter = await navigator.gpu?.requestAdapter({ powerPreference: "high-performance" });
  if (!adapter) return undefined;
  const requiredLimits = Object.fromEntries(limits.map((name) => [name, adapter.limits[name]]));
  const device = await adapter.requestDevice({ requiredLimits });
  const { vendor, device: model, description } = adapter.info;
  const text = description || [vendor, model].filter((part) => part !== "").join(" ") || "adapter";
  const facts: AdapterFacts = {
    description: text,
    software: /llvmpipe|swiftshader|software|lavapipe/i.test(`${text} ${vendor} ${model}`),
  };
  const backend = new WebGpuBackend(device, facts);
  await backend.prepare();
  return backend;
}
