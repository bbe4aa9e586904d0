import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import { DownloadError, OptionError } from "../../../core/errors.ts";
import { bodyText, chunksOf } from "../../../nn/formats/http_body.ts";
import { download } from "../../../train/hub/download.ts";
import { defaultRetryPolicy } from "../../../train/hub/request.ts";
import { hubSettings } from "../../../train/hub/settings.ts";
import { Bench, model } from "../../support/hub_bench.ts";
import { Loopback, netTest } from "../../support/loopback.ts";

const address = "http://hub/file";

/** A body that never ends, a part each `pause` milliseconds. */
function endless(part: number, pause = 0): { response: Response; sent: () => number } {
  let sent = 0;
  const body = new ReadableStream({
    async pull(controller) {
      if (pause > 0) await new Promise((resolve) => setTimeout(resolve, pause));
      sent += part;
      controller.enqueue(new Uint8Array(part));
    },
  });
  return { response: new Response(body), sent: () => sent };
}

Deno.test("a body is read no further than it may be long", async () => {
  const { response, sent } = endless(1000);
  const limits = { address, most: 10_000, timeout: 10_000 };
  const error = await assertRejects(() => bodyText(response, limits), DownloadError);
  assertMatch(error.message, /^http:\/\/hub\/file: .* at most 10000 bytes are required/);
  assert(sent() < 20_000);
});

Deno.test("a body that drips is an error within the time of a silence", async () => {
  const { response } = endless(1, 5);
  const limits = { address, most: 10_000, timeout: 60 };
  await assertRejects(
    () => Array.fromAsync(chunksOf(response, limits)),
    DownloadError,
    "1024 bytes in 0.06 s are required: found",
  );
});

/** Downloads what a server sends with a status, and gives the error and what it left. */
async function downloaded(response: () => Response, bytes?: number) {
  const folder = await Deno.makeTempDir();
  await using server = new Loopback(response);
  try {
    const error = await assertRejects(() =>
      download({
        name: "config.json",
        address: `${server.origin}/config.json`,
        partial: `${folder}/part`,
        bytes,
        refuse: ({ status }) => new DownloadError("Cannot", "here", status),
      }, { ...defaultRetryPolicy, wait: () => Promise.resolve() }), DownloadError);
    return { error, left: [...Deno.readDirSync(folder)], asked: server.asked.length };
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

netTest("download() stops at the announced size and keeps nothing", async () => {
  const { error, left } = await downloaded(() => endless(1000).response, 606);
  assertMatch(error.message, /at most 606 bytes are required: found more$/);
  assertEquals(left, []);
});

netTest("download() refuses a part where all was asked for, at once", async () => {
  const headers = { "Content-Range": "bytes 5-9/10" };
  const { error, asked } = await downloaded(() => new Response("hello", { status: 206, headers }));
  assertMatch(error.message, /found status 206, a part$/);
  assertEquals(asked, 1);
});

netTest("obtain() refuses a listing without end", async () => {
  await using bench = new Bench();
  bench.server.add("org/tiny", model);
  bench.server.hub.faults.push(() => endless(2 ** 22).response);
  const { message } = await bench.refused();
  assertMatch(message, /at most 33554432 bytes are required/);
});

for (const size of ["NaN", "-5", "1e400"]) {
  netTest(`obtain() refuses a file whose size is ${size}`, async () => {
    await using bench = new Bench();
    bench.server.add("org/tiny", model);
    bench.server.hub.faults.push(({ method }) =>
      method === "HEAD"
        ? new Response(null, { headers: { ETag: '"abc"', "X-Linked-Size": size } })
        : undefined
    );
    const { message } = await bench.refused();
    assert(message.endsWith(`as a size is required: found ${size}`), message);
  });
}

Deno.test("hubSettings() refuses a token that no header can hold, and does not show it", async () => {
  for (const token of ["hf_Secret\nhf_Secret", "Secret two", "Secr\u00e9t", "Secret\u0000"]) {
    const error = await assertRejects(
      () => hubSettings((name) => name === "HF_TOKEN" ? token : undefined),
      OptionError,
      "Cannot use HF_TOKEN as one word of ASCII characters is required: found others",
    );
    assert(!error.message.includes("Secr"));
  }
});

Deno.test("hubSettings() does not show the password of an address it refuses", async () => {
  for (
    const endpoint of ["user:password@host", "ftp://user:password@host", "http://u:password@["]
  ) {
    const error = await assertRejects(
      () => hubSettings((name) => name === "HF_ENDPOINT" ? endpoint : undefined),
      OptionError,
      "Cannot use HF_ENDPOINT as a web address is required",
    );
    assert(!error.message.includes("password"));
  }
});
