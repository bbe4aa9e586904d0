import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import { DownloadError, FileError } from "../../../core/errors.ts";
import { sha256 } from "../../../train/hub/digest.ts";
import { type Download, download } from "../../../train/hub/download.ts";
import { request, type RetryPolicy } from "../../../train/hub/request.ts";
import { fileResponse, Loopback, netTest, tornResponse } from "../../support/loopback.ts";

const content = Uint8Array.from({ length: 1000 }, (_, i) => i % 256);

function patient(attempts: number, timeout = 5000): RetryPolicy & { readonly waits: number[] } {
  const waits: number[] = [];
  const wait = (milliseconds: number) => {
    waits.push(milliseconds);
    return Promise.resolve();
  };
  return { attempts, timeout, waits, wait };
}

const limited = (pause?: string) => () =>
  new Response(null, { status: 429, ...(pause && { headers: { "Retry-After": pause } }) });

netTest(
  "request() waits as long as a busy server asks for, or twice as long each time",
  async () => {
    await using server = new Loopback((request) => fileResponse(request, content));
    const date = new Date(Date.now() + 30_500).toUTCString();
    server.faults.push(limited("7"), limited(), limited(date), limited("0"));
    const retry = patient(9);
    const { response } = await request({ address: server.origin }, retry);
    assertEquals(new Uint8Array(await response.arrayBuffer()), content);
    const [first, second, third = NaN, fourth] = retry.waits;
    assertEquals([first, second, fourth], [7000, 2000, 0]);
    assert(third > 25_000 && third <= 30_500, `${third}`);
  },
);

netTest("request() gives up after its attempts, and at once where the pause is long", async () => {
  await using server = new Loopback(limited("3"));
  const ask = async (retry: RetryPolicy) =>
    await assertRejects(
      () => request({ address: `${server.origin}/a?b=c` }, retry),
      DownloadError,
    );
  const retry = patient(3);
  const { message, status, source } = await ask(retry);
  assertEquals(
    message,
    `${server.origin}/a: Cannot read as the server limits requests: ` +
      "found status 429 at attempt 3, free again in 3 s",
  );
  assertEquals([status, source], [429, `${server.origin}/a`]);
  assertEquals([server.asked.length, retry.waits], [3, [3000, 3000]]);
  server.faults.push(limited("3600"));
  assertMatch((await ask(retry)).message, /at attempt 1, free again in 3600 s$/);
  server.faults.push(...[500, 502, 503].map((status) => () => new Response("sorry", { status })));
  assertMatch((await ask(patient(3))).message, /must answer: found status 503 at attempt 3$/);
});

netTest("request() returns refusals as they are", async () => {
  await using server = new Loopback(() => new Response("no", { status: 404 }));
  const { response } = await request({ address: server.origin }, patient(3));
  assertEquals([response.status, await response.text()], [404, "no"]);
  assertEquals(server.asked.length, 1);
});

netTest("request() ends a circle of redirects", async () => {
  await using server = new Loopback(() =>
    new Response(null, { status: 302, headers: { Location: "/again" } })
  );
  const error = await assertRejects(
    () => request({ address: server.origin }, patient(3)),
    DownloadError,
  );
  assertMatch(error.message, /at most 10/);
  assertEquals(server.asked.length, 10);
});

netTest("request() takes a silent server for a dead one", async () => {
  const silent = Promise.withResolvers<Response>();
  await using server = new Loopback(() => silent.promise);
  const retry = patient(2, 30);
  const error = await assertRejects(
    () => request({ address: server.origin }, retry),
    DownloadError,
  );
  assertMatch(error.message, /requires a connection: no byte within 0\.03 s$/);
  assertEquals([retry.waits, server.asked.length], [[1000], 2]);
  silent.resolve(new Response());
});

/** A download into a folder of its own. */
async function downloading(
  server: Loopback,
  changes: Partial<Download>,
  check: (run: () => Promise<void>, path: string) => Promise<void>,
  retry: RetryPolicy = patient(3),
) {
  const folder = await Deno.makeTempDir({ prefix: "hiddenkey-transfer-" });
  const partial = `${folder}/file.incomplete`;
  const refuse = ({ status }: Response) => new DownloadError("Cannot read", server.origin, status);
  const what = { name: "file", address: server.origin, partial, refuse, ...changes };
  try {
    await check(() => download(what, retry), what.partial);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

netTest("download() begins anew where a server knows no ranges", async () => {
  await using server = new Loopback(() => new Response(content));
  server.faults.push(() => tornResponse(content, 400));
  const digest = { algorithm: "sha256", hex: sha256(content) } as const;
  await downloading(server, { digest }, async (run, path) => {
    await run();
    assertEquals(await Deno.readFile(path), content);
  });
  assertEquals(server.asked.map(({ range }) => range), [null, "bytes=400-"]);
});

netTest("download() does not append what a server sends from elsewhere", async () => {
  await using server = new Loopback((request) => fileResponse(request, content));
  const headers = { "Content-Range": "bytes 7-999/1000" };
  const elsewhere = () => new Response(content.subarray(7), { status: 206, headers });
  server.faults.push(() => tornResponse(content, 400), elsewhere);
  await downloading(server, { bytes: 1000 }, async (run, path) => {
    await run();
    assertEquals(await Deno.readFile(path), content);
  });
});

netTest("download() takes a body that falls silent for a dead connection", async () => {
  await using server = new Loopback((request) => fileResponse(request, content));
  const silent = new ReadableStream({
    start: (controller) => controller.enqueue(content.subarray(0, 10)),
  });
  server.faults.push(() => new Response(silent, { headers: { "Content-Length": "1000" } }));
  await downloading(server, {}, async (run, path) => {
    await run();
    assertEquals(await Deno.readFile(path), content);
    assertEquals(server.asked.at(-1)!.range, "bytes=10-");
  }, patient(3, 50));
});

netTest("download() refuses more bytes than are published", async () => {
  await using server = new Loopback(() => new Response(content));
  await downloading(server, { bytes: 900 }, async (run, path) => {
    const { message } = await assertRejects(run, DownloadError);
    assertMatch(message, /at most 900 bytes are required: found more$/);
    await assertRejects(() => Deno.stat(path), Deno.errors.NotFound);
  });
});

netTest("download() takes an empty file", async () => {
  await using server = new Loopback(() => new Response(""));
  const digest = { algorithm: "sha256", hex: sha256("") } as const;
  await downloading(server, { bytes: 0, digest }, async (run, path) => {
    await run();
    assertEquals((await Deno.stat(path)).size, 0);
  });
});

netTest("download() names the file that cannot be written", async () => {
  await using server = new Loopback(() => new Response(content));
  await downloading(server, { partial: "/dev/null/file" }, async (run) => {
    const { path } = await assertRejects(run, FileError);
    assertEquals(path, "/dev/null/file");
  });
});
