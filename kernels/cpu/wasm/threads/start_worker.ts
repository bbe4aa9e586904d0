/**
 * Workers of the host: those of the web, or Node's, which has no others.
 *
 * @module
 */

import type { Start } from "./worker.ts";

/** A worker that was started. */
export interface StartedWorker {
  /** Ends it. */
  terminate(): unknown;
}

/** What is used of Node's `worker_threads`. */
interface WorkerThreads {
  readonly Worker: new (
    text: string,
    options: { eval: true; workerData: Start },
  ) => StartedWorker & {
    unref(): void;
  };
}

// Asked for at run time, so that nothing of a host is imported.
function workerThreads(): WorkerThreads | undefined {
  const { process } = globalThis as {
    process?: { getBuiltinModule?: (name: string) => unknown };
  };
  return process?.getBuiltinModule?.("node:worker_threads") as WorkerThreads | undefined;
}

/** Addresses of programs, which last as long as the page or process. */
const urls = new Map<string, string>();

/** Whether the host has workers that can share memory. */
export function canStartWorkers(): boolean {
  if (typeof SharedArrayBuffer !== "function") return false;
  return typeof Worker === "function" || workerThreads() !== undefined;
}

/** Starts a worker that runs a program in which `start` is what it is told. */
export function startWorker(program: string, start: Start): StartedWorker {
  if (typeof Worker === "function") {
    const text = `addEventListener("message", ({ data: start }) => { ${program}; close(); });`;
    const url = urls.get(text) ??
      URL.createObjectURL(new Blob([text], { type: "text/javascript" }));
    urls.set(text, url);
    const started = new Worker(url, { type: "module" });
    started.postMessage(start);
    return started;
  }
  const text = "const { getBuiltinModule } = process; const { workerData: start } = " +
    `getBuiltinModule("node:worker_threads"); ${program};`;
  const started = new (workerThreads()!.Worker)(text, { eval: true, workerData: start });
  started.unref();
  return started;
}
