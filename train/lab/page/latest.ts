/**
 * Work that is asked for more often than it can be done.
 *
 * @module
 */

/**
 * A function that runs the work, again if it was asked for meanwhile: however often that was, the
 * last state is worked on, and at most once more.
 *
 * @param onError Told what the work has thrown
 */
export function latest(work: () => Promise<void>, onError: (error: unknown) => void): () => void {
  let running = false;
  let again = false;
  const run = async (): Promise<void> => {
    running = true;
    do {
      again = false;
      await work().catch(onError);
    } while (again);
    running = false;
  };
  return () => {
    if (running) again = true;
    else run();
  };
}
