/**
 * The study in a worker, so that the page answers meanwhile.
 *
 * @module
 */

import type { NoisePoint, NoiseSettings } from "./measure.ts";
import type { NoiseMessage } from "./worker.ts";

/** Measures in a worker, of which a newer one takes the place. */
export class LiveStudy {
  #worker: Worker | undefined;

  /** A study that tells what was measured so far, or why nothing more will be. */
  constructor(
    readonly onPoints: (
      points: readonly NoisePoint[],
      settings: NoiseSettings,
      error?: string,
    ) => void,
  ) {}

  /** Measures from the beginning; what another start has begun ends. */
  start(settings: NoiseSettings): void {
    this.#worker?.terminate();
    const points: NoisePoint[] = [];
    this.onPoints(points, settings);
    const worker = new Worker(new URL("noise/worker.js", document.baseURI), { type: "module" });
    worker.addEventListener("message", ({ data }: MessageEvent<NoiseMessage>) => {
      if ("points" in data) points.push(...data.points);
      this.onPoints(points, settings, "error" in data ? data.error : undefined);
    });
    worker.addEventListener("error", ({ message }) => {
      this.onPoints(points, settings, message || "its script cannot be loaded");
    });
    worker.postMessage(settings);
    this.#worker = worker;
  }
}
