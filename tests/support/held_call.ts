// A process whose call of a library holds it for longer than it may: deno run … held_call.ts. With `full` its
// standard error is so full that nothing more can be written where nobody reads; with `short` its calls
// return in time, though all together take longer.
import { watchedLibrary } from "../../train/distributed/call_watch.ts";
import type { NcclCalls } from "../../train/distributed/nccl_library.ts";

/** Seconds that a call may take. */
const allowed = 1;

if (import.meta.main) {
  const word = new Int32Array(new SharedArrayBuffer(4));
  const isShort = Deno.args[0] === "short";
  const hold = () => Number(Atomics.wait(word, 0, 0, isShort ? 300 : 6_000) === "ok");
  const calls = { destroy: hold } as Partial<NcclCalls> as NcclCalls;
  const library = { version: "2.0.0", calls, leave() {}, close() {} };
  const watched = watchedLibrary(library, allowed);
  if (Deno.args[0] === "full") void Deno.stderr.write(new Uint8Array(2 ** 22).fill(10));
  // The thread that looks after the call begins.
  await new Promise((resume) => setTimeout(resume, 1000));
  for (let call = 0; call < (isShort ? 5 : 1); call++) watched.calls.destroy(0);
  console.log("the calls returned");
  watched.close();
  // What cannot be written keeps nobody.
  Deno.exit();
}
