/**
 * How far work is that is no training, as the command line shows it.
 *
 * @module
 */

import type { Progress, ProgressHooks } from "../tasks/progress.ts";
import { type Screen, screenOf, StatusLine } from "./terminal.ts";

/** Parts of a line that says how far a phase is. */
export function progressParts({ phase, done, total }: Progress): string[] {
  return [`${phase} ${done}/${total}`, `${Math.floor(100 * done / total)} %`];
}

/** A line on standard error that goes when its phase, or its owner, ends. */
export class WorkLine implements Disposable, Required<ProgressHooks> {
  readonly #line: StatusLine;

  /** Shows nothing yet. */
  constructor(screen: Screen = screenOf(Deno.stderr)) {
    this.#line = new StatusLine(screen);
  }

  /** Shows how far a phase is. */
  readonly onProgress = (progress: Progress): void => {
    if (progress.done === progress.total) this.#line.clear();
    else this.#line.show(progressParts(progress));
  };

  /** Takes the line away. */
  [Symbol.dispose](): void {
    this.#line.clear();
  }
}
