/**
 * The command line, one process of which sends itself a signal: HIDDENKEY_BLOW says which process, which
 * signal, and when, in milliseconds or as a path that must be there.
 */

import { trainCommand } from "../../../train/commands/train.ts";
import { runCommand } from "../../../train/commands/program.ts";

const [rank, signal, ...when] = (Deno.env.get("HIDDENKEY_BLOW") ?? "").split(" ");
const own = ["OMPI_COMM_WORLD_RANK", "PMI_RANK", "RANK"].map((name) => Deno.env.get(name));
if (rank !== undefined && own.includes(rank)) {
  // A thread of its own, so that it strikes within a step, too.
  const worker = new Worker(new URL("./blow.ts", import.meta.url), { type: "module" });
  worker.postMessage({ signal, when: when.join(" "), pid: Deno.pid });
}
Deno.exit(await runCommand(trainCommand, Deno.args));
