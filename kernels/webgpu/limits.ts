/**
 * What an adapter grants to one program, one dispatch and one binding. Nothing here is assumed: all
 * is asked of the device.
 *
 * @module
 */

/** The limits that are raised to what the adapter offers, and that every plan keeps to. */
export const limitNames = [
  "maxBufferSize",
  "maxStorageBufferBindingSize",
  "maxStorageBuffersPerShaderStage",
  "maxComputeInvocationsPerWorkgroup",
  "maxComputeWorkgroupSizeX",
  "maxComputeWorkgroupSizeY",
  "maxComputeWorkgroupSizeZ",
  "maxComputeWorkgroupStorageSize",
  "maxComputeWorkgroupsPerDimension",
] as const;

/** Limits of a device; sizes in bytes. */
export type Limits = Readonly<Record<typeof limitNames[number], number>>;

/** Programs count elements, halves too, by 31 bits: larger tensors are met through windows. */
const largestBinding = 2 ** 31;

/**
 * The limits that plans keep to.
 *
 * @param granted What the device grants
 * @param lower Limits to put in their place; none may be above what is granted
 */
export function limitsOf(granted: GPUSupportedLimits, lower: Partial<Limits> = {}): Limits {
  const limits = Object.fromEntries(limitNames.map((name) => [name, granted[name]])) as Limits;
  const maxStorageBufferBindingSize = Math.min(limits.maxStorageBufferBindingSize, largestBinding);
  return { ...limits, maxStorageBufferBindingSize, ...lower };
}

/**
 * Turns after which software adapters end every loop of a program without a word; GPUs do not.
 *
 * @param software Whether the adapter computes on the CPU
 */
export function longestLoop(software: boolean): number {
  return software ? 65_535 : Infinity;
}
