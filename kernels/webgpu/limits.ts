/**
 * What an adapter grants to one program, one dispatch and one binding. Nothing here is assumed: all
 * is asked of the device.
 *
 * @module
 */

/** Limits of a device that every plan keeps to, as WebGPU calls them; sizes in bytes. */
export interface Limits {
  /** The largest buffer. */
  readonly maxBufferSize: number;
  /** The most of a buffer that a program can bind. */
  readonly maxStorageBufferBindingSize: number;
  /** Buffers that a program can bind. */
  readonly maxStorageBuffersPerShaderStage: number;
  /** Invocations of a workgroup. */
  readonly maxComputeInvocationsPerWorkgroup: number;
  /** Invocations of a workgroup along its first axis. */
  readonly maxComputeWorkgroupSizeX: number;
  /** Invocations of a workgroup along its second axis. */
  readonly maxComputeWorkgroupSizeY: number;
  /** Invocations of a workgroup along its third axis. */
  readonly maxComputeWorkgroupSizeZ: number;
  /** Memory that the invocations of a workgroup share. */
  readonly maxComputeWorkgroupStorageSize: number;
  /** Workgroups of a dispatch along each axis. */
  readonly maxComputeWorkgroupsPerDimension: number;
}

/** Names of the limits, which are raised to what the adapter offers. */
export const limitNames: readonly (keyof Limits)[] = [
  "maxBufferSize",
  "maxStorageBufferBindingSize",
  "maxStorageBuffersPerShaderStage",
  "maxComputeInvocationsPerWorkgroup",
  "maxComputeWorkgroupSizeX",
  "maxComputeWorkgroupSizeY",
  "maxComputeWorkgroupSizeZ",
  "maxComputeWorkgroupStorageSize",
  "maxComputeWorkgroupsPerDimension",
];

/** Programs count elements, halves too, by 31 bits: larger tensors are met through windows. */
const largestBinding = 2 ** 31;

/**
 * The limits that plans keep to.
 *
 * @param granted What the device grants
 * @param lower Limits to put in their place; none may be above what is granted
 */
export function limitsOf(granted: GPUSupportedLimits, lower: Partial<Limits> = {}): Limits {
  const limits = Object.fromEntries(
    limitNames.map((name) => [name, granted[name]]),
  ) as unknown as Limits;
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
