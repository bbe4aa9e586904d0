/**
 * The page on the loopback interface.
 *
 * @module
 */

import { OptionError } from "../../core/errors.ts";
import type { PageFiles } from "./build.ts";
import { contentPolicy } from "./policy.ts";

const types: Readonly<Record<string, string>> = {
  css: "text/css; charset=utf-8",
  html: "text/html; charset=utf-8",
  js: "text/javascript; charset=utf-8",
};

/** The answer to a request for a path of the page. */
export function answer(files: PageFiles, path: string): Response {
  const name = path === "/" ? "index.html" : path.slice(1);
  const file = files.get(name);
  if (file === undefined) return new Response("Not found", { status: 404 });
  const type = types[name.split(".").at(-1)!] ?? "application/octet-stream";
  const headers = {
    "content-type": type,
    "cache-control": "no-cache",
    // Workers have the policy of their own script's answer, not that of the page.
    "content-security-policy": contentPolicy,
  };
  return new Response(file as Uint8Array<ArrayBuffer>, { headers });
}

/**
 * Serves the page until it is shut down.
 *
 * @throws {OptionError} If the port is taken
 * @param port 0 takes any that is free
 * @param onListen Told the address once it is open
 */
export function servePage(
  files: PageFiles,
  port: number,
  onListen: (address: string) => void = () => {},
): Deno.HttpServer<Deno.NetAddr> {
  try {
    return Deno.serve({
      hostname: "127.0.0.1",
      port,
      onListen: ({ hostname, port }) => onListen(`http://${hostname}:${port}/`),
    }, ({ url }) => answer(files, new URL(url).pathname));
  } catch (error) {
    if (!(error instanceof Deno.errors.AddrInUse)) throw error;
    throw new OptionError(
      `Cannot use --port ${port} as a port that is free is required: found another program on it`,
    );
  }
}
