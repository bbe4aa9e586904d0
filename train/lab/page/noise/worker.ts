/**
 * Measures beside the page, so that it answers meanwhile.
 *
 * @module
 */

import { Device } from "../../../../core/device.ts";
import { openCpu } from "../../../../kernels/cpu/backend.ts";
import { fetchBase } from "../base.ts";
import { measureNoise, type NoisePoint, type NoiseSettings } from "./measure.ts";

/** What the worker says: the figures of a rate, or why there are none. */
export type NoiseMessage = { readonly points: readonly NoisePoint[] } | { readonly error: string };

addEventListener("message", async ({ data }: MessageEvent<NoiseSettings>) => {
  const say = (message: NoiseMessage) => postMessage(message);
  try {
    const base = await fetchBase();
    await using device = new Device(openCpu({ kernels: "simd" }));
    for await (const points of measureNoise(device, base, data)) say({ points });
  } catch (error) {
    say({ error: error instanceof Error ? error.message : String(error) });
  }
});
