/**
 * The thread that looks after calls of a library: it alone can act while one of them holds the thread of
 * all else.
 *
 * @module
 */

import { workerData } from "node:worker_threads";
import { inTime } from "./in_time.ts";
import { leave } from "./nccl_library.ts";

/** What the thread is started with. */
export interface WatchedCalls {
  /** Calls that began and those that ended, in one number: it is odd while one is under way. */
  readonly count: Int32Array<SharedArrayBuffer>;
  /** Milliseconds that a call may take. */
  readonly limit: number;
  /** What is said before the process ends. */
  readonly sentence: string;
}

/** Looks as often that a call is found soon behind its time. */
const looks = 10;
/** Milliseconds that last words may take: whoever would read them may be gone, or stuck too. */
const lastWords = 1000;

function watch({ count, limit, sentence }: WatchedCalls): void {
  const pause = Math.ceil(limit / looks);
  let [seen, times] = [0, 0];
  // Times are counted and not measured: a machine that slept held up this thread too.
  const timer = setInterval(() => {
    const now = Atomics.load(count, 0);
    times = now % 2 !== 0 && now === seen ? times + 1 : 0;
    seen = now;
    if (times <= looks) return;
    clearInterval(timer);
    const said = Deno.stderr.write(new TextEncoder().encode(`${sentence}\n`));
    void inTime(lastWords, said).then(() => leave(1));
  }, pause);
}

if (workerData !== null) watch(workerData as WatchedCalls);
