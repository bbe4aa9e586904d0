// Timing shared by the benches: medians of whole batches of work, ended by one read.
import type { Device } from "../core/device.ts";
/** Milliseconds of runs before any is measured: engines compile hot code in the background. */
const warmUp = 250;

/** Milliseconds of one run: the median over `rounds` of `repeats` runs that end in `settle`. */
export async function milliseconds(
  device: Device,
  run: () => void,
  settle: () => Promise<unknown>,
  repeats: number,
  rounds = 7,
): Promise<number> {
  const round = async () => {
    const start = performance.now();
    for (let i = 0; i < repeats; i++) {
      using _scope = device.scope("bench");
      run();
    }
    await settle();
    return (performance.now() - start) / repeats;
  };
  const warm = performance.now() + warmUp;
  for (let i = 0; i < 2 || performance.now() < warm; i++) await round();
  const times: number[] = [];
  while (times.length < rounds) times.push(await round());
  return median(times);
}

/** The middle of some numbers, the upper one of two; not a number where there are none. */
export function median(numbers: readonly number[]): number {
  return numbers.toSorted((a, b) => a - b)[numbers.length >> 1] ?? NaN;
}

/** Prints rows as a table, or as JSON. */
export function report(
  rows: readonly Record<string, unknown>[],
  json: boolean,
  head: string,
): void {
  if (json) console.log(JSON.stringify(rows));
  else {
    console.log(head);
    console.table(rows);
  }
}
