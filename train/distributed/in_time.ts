/**
 * Waiting for so long and no longer.
 *
 * @module
 */

/** What came of work within so many milliseconds; undefined where nothing did, or it failed. */
export async function inTime<T>(milliseconds: number, work: Promise<T>): Promise<T | undefined> {
  const { promise, resolve } = Promise.withResolvers<undefined>();
  const timer = setTimeout(() => resolve(undefined), Math.max(0, milliseconds));
  const found = await Promise.race([work.catch(() => undefined), promise]);
  clearTimeout(timer);
  return found;
}
