/// <reference lib="deno.worker" />
/** A share of the strikes, in a thread of its own: Deno's functions are watched there alone. */

import { recipes } from "./recipes.ts";
import { StrikeBench, type StrikeResult } from "./strike.ts";

/** What a worker is asked for. */
export interface StrikeShare {
  /** Number of the worker, from 0. */
  readonly share: number;
  /** How many workers there are. */
  readonly of: number;
  /** What is killed twice follows from it. */
  readonly seed: number;
}

/** What a worker says: a result each, then that it is done. */
export type StrikeMessage = StrikeResult | "done";

self.onmessage = async ({ data }: MessageEvent<StrikeShare>) => {
  const { share, of, seed } = data;
  await using bench = await StrikeBench.open();
  for (const recipe of recipes) {
    const strikes = await bench.strikesOf(recipe, seed);
    for (const strike of strikes.filter((_, i) => i % of === share)) {
      self.postMessage(await bench.strike(strike) satisfies StrikeMessage);
    }
  }
  self.postMessage("done" satisfies StrikeMessage);
};
