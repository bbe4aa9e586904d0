/**
 * How far work that takes long is.
 *
 * @module
 */

/** How far a phase of the work is. */
export interface Progress {
  /** Reading the tensors of a model, evaluating or labelling examples, or writing texts. */
  readonly phase: "loading" | "evaluating" | "predicting" | "generating";
  /** Tensors, examples or texts done. */
  readonly done: number;
  /** Tensors, examples or texts of this phase. */
  readonly total: number;
}

/** Who is told how far work is. */
export interface ProgressHooks {
  /** Called after each tensor, or batch of examples or texts. */
  onProgress?(progress: Progress): void;
}

/** What tells how far a phase is; undefined where nobody is told. */
export function progressOf(
  phase: Progress["phase"],
  total: number,
  hooks: ProgressHooks,
): ((done: number) => void) | undefined {
  if (hooks.onProgress === undefined) return undefined;
  return (done) => hooks.onProgress?.({ phase, done, total });
}
