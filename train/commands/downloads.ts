/**
 * Downloads as the command line shows them, on standard error.
 *
 * @module
 */

import type { DownloadHooks, DownloadProgress } from "../hub/download.ts";
import { isOn } from "../hub/settings.ts";

/**
 * A line that renews itself on a terminal, and one line for each file elsewhere.
 *
 * @param terminal Whether there is a terminal to renew a line on
 */
export function showDownloads(
  terminal: boolean = Deno.stderr.isTerminal() &&
    !isOn(Deno.env.get("HF_HUB_DISABLE_PROGRESS_BARS")),
): Required<DownloadHooks> {
  const write = (text: string) => Deno.stderr.writeSync(new TextEncoder().encode(text));
  let shown = 0;
  return {
    onMessage(line) {
      write(terminal ? `\r\x1b[K${line}\n` : `${line}\n`);
    },
    onDownload(progress) {
      const done = progress.received === progress.total;
      if (!terminal || !done && performance.now() - shown < 100) return;
      shown = performance.now();
      write(`\r\x1b[K${done ? "" : describe(progress)}`);
    },
  };
}

/** `model.safetensors 12.5 of 90.9 MB (14 %)`. */
export function describe({ name, received, total }: DownloadProgress): string {
  const megabytes = (bytes: number) => (bytes / 1e6).toFixed(1);
  if (total === undefined) return `${name} ${megabytes(received)} MB`;
  const share = total === 0 ? 100 : Math.floor(100 * received / total);
  return `${name} ${megabytes(received)} of ${megabytes(total)} MB (${share} %)`;
}
