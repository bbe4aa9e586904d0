/// <reference lib="deno.worker" />
/** Sends a process a signal at a moment. */

import { exists } from "../../../train/files/files.ts";

self.onmessage = async (
  { data }: MessageEvent<{ signal: Deno.Signal; when: string; pid: number }>,
) => {
  const pause = (milliseconds: number) => new Promise((resume) => setTimeout(resume, milliseconds));
  if (/^\d/.test(data.when)) await pause(Number(data.when));
  else while (!await exists(data.when)) await pause(5);
  Deno.kill(data.pid, data.signal);
};
