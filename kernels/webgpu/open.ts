/**
 * Opening an adapter with the limits it offers. The backend itself is loaded once there is one, so
 * that a page on the CPU does without.
 *
 * @module
 */

import type { AttentionChoice } from "./attention/attention_policy.ts";
import type { AdapterFacts, WebGpuBackend } from "./backend.ts";
import { limitNames } from "./limits.ts";

/** How WebGPU is opened. */
export interface WebGpuOptions {
  /**
   * Whether attention is one program: `auto` on GPUs alone. Default `never`, which composes it of
   * products and rows, until the speed of one program is measured.
   */
  readonly attention?: AttentionChoice;
}

/**
 * Opens WebGPU.
 *
 * @returns The backend, or `undefined` where no adapter is found
 */
export async function openAdapter(
  { attention = "never" }: WebGpuOptions = {},
): Promise<WebGpuBackend | undefined> {
  // Node before 21 has no navigator.
  const gpu = globalThis.navigator?.gpu;
  const adapter = await gpu?.requestAdapter({ powerPreference: "high-performance" });
  if (!adapter) return undefined;
  const requiredLimits = Object.fromEntries(limitNames.map((name) => [name, adapter.limits[name]]));
  const device = await openDevice(adapter, requiredLimits);
  const { vendor, architecture, device: model, description, isFallbackAdapter } = adapter.info;
  // Browsers leave most of these empty.
  const names = [vendor, architecture, model].filter((name) => name !== "").join(" ");
  const text = description || names || "adapter";
  const facts: AdapterFacts = {
    description: text,
    software: isFallbackAdapter ||
      /llvmpipe|swiftshader|software|lavapipe/i.test(`${text} ${names}`),
  };
  const [{ WebGpuBackend }, { attentionPolicy }] = await Promise.all([
    import("./backend.ts"),
    import("./attention/attention_policy.ts"),
  ]);
  const policy = attentionPolicy(attention, facts.software);
  const backend = new WebGpuBackend(device, facts, undefined, undefined, policy);
  await backend.prepare(adapter.info.subgroupMaxSize);
  return backend;
}

/** With subgroups, where they are offered; Deno does not list them, so that only trying tells. */
async function openDevice(
  adapter: GPUAdapter,
  requiredLimits: Record<string, number>,
): Promise<GPUDevice> {
  const listed = (["timestamp-query"] as const).filter((name) => adapter.features.has(name));
  try {
    const requiredFeatures = [...listed, "subgroups" as GPUFeatureName];
    return await adapter.requestDevice({ requiredLimits, requiredFeatures });
  } catch {
    return await adapter.requestDevice({ requiredLimits, requiredFeatures: listed });
  }
}
