/** A server on this machine that notes what it is asked, and can be told to misbehave. */

/** What the server was asked. */
export interface Asked {
  /** Method and path, query included. */
  readonly line: string;
  /** The `Range` header. */
  readonly range: string | null;
  /** The `Authorization` header. */
  readonly authorization: string | null;
}

/** Answers one request in place of the server, or leaves it alone. */
export type Fault = (request: Request) => Response | Promise<Response> | undefined;

const net = { name: "net", host: "127.0.0.1" } as const;

/** Registers a test that is skipped, visibly, without the permission to talk to this machine. */
export function netTest(name: string, fn: () => void | Promise<void>): void {
  const ignore = Deno.permissions.querySync(net).state !== "granted";
  Deno.test({ name: ignore ? `${name} (needs --allow-net=127.0.0.1)` : name, ignore, fn });
}

/** The server. */
export class Loopback implements AsyncDisposable {
  /** All requests so far. */
  readonly asked: Asked[] = [];
  /** Misbehaviours still to come; each happens once. */
  readonly faults: Fault[] = [];
  readonly #server: Deno.HttpServer<Deno.NetAddr>;

  /** Starts on a free port. */
  constructor(answer: (request: Request) => Response | Promise<Response>) {
    this.#server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, (request) => {
      const { pathname, search } = new URL(request.url);
      this.asked.push({
        line: `${request.method} ${pathname}${search}`,
        range: request.headers.get("Range"),
        authorization: request.headers.get("Authorization"),
      });
      for (const [i, fault] of this.faults.entries()) {
        const response = fault(request);
        if (response === undefined) continue;
        this.faults.splice(i, 1);
        return response;
      }
      return answer(request);
    });
  }

  /** Its address. */
  get origin(): string {
    return `http://127.0.0.1:${this.#server.addr.port}`;
  }

  /** Requests whose line contains a text. */
  count(text: string): number {
    return this.asked.filter(({ line }) => line.includes(text)).length;
  }

  /** Stops the server. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server.shutdown();
  }
}

/** Content with support for `Range`, as file servers have it. */
export function fileResponse(
  request: Request,
  bytes: Uint8Array<ArrayBuffer>,
  headers: Record<string, string> = {},
): Response {
  const body = request.method === "HEAD" ? null : bytes;
  const size = { "Content-Length": `${bytes.length}`, "Accept-Ranges": "bytes" };
  const [, start] = /^bytes=(\d+)-$/.exec(request.headers.get("Range") ?? "") ?? [];
  if (start === undefined) return new Response(body, { headers: { ...size, ...headers } });
  const from = Number(start);
  const unfit = { "Content-Range": `bytes */${bytes.length}` };
  if (from >= bytes.length) return new Response(null, { status: 416, headers: unfit });
  const range = `bytes ${from}-${bytes.length - 1}/${bytes.length}`;
  return new Response(body?.subarray(from) ?? null, {
    status: 206,
    headers: { "Content-Length": `${bytes.length - from}`, "Content-Range": range, ...headers },
  });
}

/** An answer that announces all of a content and breaks off within it. */
export function tornResponse(bytes: Uint8Array<ArrayBuffer>, sent: number): Response {
  const body = new ReadableStream({
    start(controller) {
      controller.enqueue(bytes.subarray(0, sent));
      controller.close();
    },
  });
  return new Response(body, { headers: { "Content-Length": `${bytes.length}` } });
}
