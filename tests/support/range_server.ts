/** A web server that answers requests for ranges of files, as those that hold models do. */

/** A server, with what it was asked for. */
export interface RangeServer extends AsyncDisposable {
  /** Its address, with a slash at the end. */
  readonly url: string;
  /** Ranges that were asked for, of files that there are. */
  readonly asked: readonly string[];
}

/** How a server is to fail. */
export interface ServerFaults {
  /** Whether it sends ranges; default true. */
  readonly knowsRanges?: boolean;
  /** Bytes behind the range that was asked for at which it begins; default 0. */
  readonly shift?: number;
  /** Its version of a file, asked for with every range. */
  readonly tag?: () => string;
  /** Its answer to a range in the place of the right one. */
  readonly answer?: (begin: number, last: number) => Response | undefined;
}

/** Serves files by their last name on the loopback interface. */
export function serveRanges(
  fileOf: (name: string) => Uint8Array<ArrayBuffer> | undefined,
  { knowsRanges = true, shift = 0, tag, answer }: ServerFaults = {},
): RangeServer {
  const asked: string[] = [];
  const options = { hostname: "127.0.0.1", port: 0, onListen() {} };
  const server = Deno.serve(options, ({ url, headers }) => {
    const file = fileOf(url.split("/").at(-1)!);
    if (file === undefined) return new Response(null, { status: 404 });
    const range = headers.get("range");
    if (range === null || !knowsRanges) return new Response(file);
    asked.push(range);
    const [begin, last] = range.slice("bytes=".length).split("-").map((x) => Number(x) + shift);
    const faulty = answer?.(begin!, last!);
    if (faulty !== undefined) return faulty;
    const size = file.length;
    if (begin! >= size) {
      const headers = { "content-range": `bytes */${size}` };
      return new Response(null, { status: 416, headers });
    }
    return new Response(file.subarray(begin, last! + 1), {
      status: 206,
      headers: {
        "content-range": `bytes ${begin}-${last}/${size}`,
        ...tag !== undefined && { etag: tag() },
      },
    });
  });
  const stop = server.shutdown.bind(server);
  let stopped: Promise<void> | undefined;
  return {
    url: `http://127.0.0.1:${server.addr.port}/`,
    asked,
    [Symbol.asyncDispose]: () => stopped ??= stop(),
  };
}
