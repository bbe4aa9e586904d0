/** What the last line of `deno test` says, and such a line for several runs. */

/** Counts of a run of tests. */
export interface Totals {
  /** Tests that passed. */
  readonly passed: number;
  /** Steps of tests that passed. */
  readonly steps: number;
  /** Tests that failed. */
  readonly failed: number;
  /** Tests that were ignored. */
  readonly ignored: number;
  /** Tests that a filter left out. */
  readonly filtered: number;
}

// deno-lint-ignore no-control-regex -- colours of a terminal
const colours = /\x1b\[[\d;]*m/g;

/**
 * Totals of a run; one that ended badly without a failed test, as a file does that cannot be
 * loaded, has one failure.
 *
 * @param output All that was printed
 * @param code Exit code
 */
export function totalsOf(output: string, code: number): Totals {
  const lines = output.replaceAll(colours, "").split("\n");
  const last = lines.findLast((line) => /^(ok|FAILED) \| \d+ passed\b/.test(line)) ?? "";
  const count = (pattern: RegExp) => Number(pattern.exec(last)?.[1] ?? 0);
  const failed = count(/\| (\d+) failed/);
  return {
    passed: count(/\| (\d+) passed/),
    steps: count(/passed \((\d+) steps?\)/),
    failed: code === 0 ? failed : Math.max(1, failed),
    ignored: count(/\| (\d+) ignored/),
    filtered: count(/\| (\d+) filtered out/),
  };
}

/** Totals of several runs. */
export function sumOf(all: readonly Totals[]): Totals {
  const sum = (name: keyof Totals) => all.reduce((total, one) => total + one[name], 0);
  return {
    passed: sum("passed"),
    steps: sum("steps"),
    failed: sum("failed"),
    ignored: sum("ignored"),
    filtered: sum("filtered"),
  };
}

/** The last line of `deno test`. */
export function lineOf({ passed, steps, failed, ignored, filtered }: Totals, seconds: number) {
  const parts = [
    failed === 0 ? "ok" : "FAILED",
    `${passed} passed${steps > 0 ? ` (${steps} steps)` : ""}`,
    `${failed} failed`,
    ...(ignored > 0 ? [`${ignored} ignored`] : []),
    ...(filtered > 0 ? [`${filtered} filtered out`] : []),
  ];
  const [minutes, rest] = [Math.floor(seconds / 60), Math.floor(seconds % 60)];
  return `${parts.join(" | ")} (${minutes > 0 ? `${minutes}m` : ""}${rest}s)`;
}

/** What a run says of its failures, from the heading on. */
export function failuresIn(output: string): string {
  const from = output.indexOf("\n ERRORS ");
  return from < 0 ? "" : output.slice(from + 1).replace(/\n(ok|FAILED) \| [^]*$/, "\n");
}

/** How a process ended. */
export interface Ended {
  /** Exit code; above 128 where a signal ended it. */
  readonly code: number;
  /** All that was printed. */
  readonly output: string;
}

/**
 * Runs a process once more where a signal ended it: a software adapter may crash while its process
 * ends, all tests having passed. A failed test is no signal, and a second crash is a failure.
 */
export async function againAfterSignal(run: () => Promise<Ended>): Promise<Ended> {
  const ended = await run();
  if (ended.code <= 128) return ended;
  console.log(`Signal ${ended.code - 128} ended a process of the tests, which runs once more`);
  return await run();
}
