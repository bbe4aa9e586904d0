// Servers that stop sending, and readers who no longer want what they asked for.
import { assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import { DownloadError, OptionError } from "../../../core/errors.ts";
import { openSafetensors, type WeightsOptions } from "../../../nn/formats/open_safetensors.ts";
import { encodeSafetensors } from "../../../nn/formats/safetensors_write.ts";
import { serveRanges } from "../../support/range_server.ts";

const file = encodeSafetensors([
  { name: "first", dtype: "F32", shape: [16], bytes: new Uint8Array(64) },
], {});
const data = file.length - 64;

/** Sends some bytes of a range of the data, and nothing for as long as the reader stays. */
function stalling(bytes: number) {
  const { promise: left, resolve } = Promise.withResolvers<void>();
  const server = serveRanges(() => file, {
    answer: (begin, last) => {
      if (begin < data) return undefined;
      const body = new ReadableStream({
        start: (controller) => controller.enqueue(new Uint8Array(bytes)),
        cancel: () => resolve(),
      });
      const headers = { "content-range": `bytes ${begin}-${last}/${file.length}` };
      return new Response(body, { status: 206, headers });
    },
  });
  return { server, left };
}

/** A server whose answers wait until the test ends. */
function unanswering() {
  const { promise: ended, resolve: end } = Promise.withResolvers<void>();
  const options = { hostname: "127.0.0.1", port: 0, onListen() {} };
  const server = Deno.serve(options, async () => {
    await ended;
    return new Response();
  });
  return {
    url: `http://127.0.0.1:${server.addr.port}/`,
    async [Symbol.asyncDispose]() {
      end();
      await server.shutdown();
    },
  };
}

/** Ends what takes 5 seconds, so that a test that fails ends too. */
async function atMost<T>(run: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const controller = new AbortController();
  const timer = setTimeout(() => controller.abort(new Error("it takes 5 seconds")), 5000);
  try {
    return await run(controller.signal);
  } finally {
    clearTimeout(timer);
  }
}

const silent = "model.safetensors: Cannot read file as a network that reaches it is required: " +
  "found no byte within 0.05 s";

Deno.test("a server that never answers is left after the time of a silence", async () => {
  await using server = unanswering();
  const open = (signal: AbortSignal) => openSafetensors(server.url, { timeout: 50, signal });
  await assertRejects(() => atMost(open), DownloadError, silent);
});

Deno.test("a server that stops in the midst of a tensor is left", async () => {
  for (const bytes of [1, 63]) {
    const { server, left } = stalling(bytes);
    await using _server = server;
    const read = async (signal: AbortSignal) => {
      return await (await openSafetensors(server.url, { timeout: 50, signal })).read(
        "first",
        "f32",
      );
    };
    await assertRejects(() => atMost(read), DownloadError, silent);
    await left;
  }
});

Deno.test("a server that drips is left, and one that is slow is not", async () => {
  const dripping = (times: number, part: number) =>
    serveRanges(() => file, {
      answer: (begin, last) => {
        if (begin < data) return undefined;
        let sent = 0;
        const body = new ReadableStream({
          async pull(controller) {
            await new Promise((resolve) => setTimeout(resolve, 40));
            controller.enqueue(new Uint8Array(part));
            if (++sent === times) controller.close();
          },
        });
        const headers = { "content-range": `bytes ${begin}-${last}/${file.length}` };
        return new Response(body, { status: 206, headers });
      },
    });
  await using drip = dripping(64, 1);
  const [dripped, slowly] = [
    await openSafetensors(drip.url, { timeout: 200 }),
    await openSafetensors(drip.url, { timeout: 10_000 }),
  ];
  await assertRejects(
    () => dripped.read("first", "f32"),
    DownloadError,
    "Cannot wait for download as 1024 bytes in 0.2 s are required: found ",
  );
  assertEquals((await slowly.read("first", "f32")).length, 16);
});

Deno.test("a signal ends what is asked and what is read, with its own reason", async () => {
  const reason = new Error("another model");
  const aborted = async (run: (options: WeightsOptions) => Promise<unknown>, wait: number) => {
    const controller = new AbortController();
    const found = assertRejects(() => run({ signal: controller.signal }));
    await new Promise((resolve) => setTimeout(resolve, wait));
    controller.abort(reason);
    assertStrictEquals(await found, reason);
  };
  await using server = unanswering();
  await aborted((options) => openSafetensors(server.url, options), 30);
  const { server: stalled, left } = stalling(3);
  await using _stalled = stalled;
  await aborted(async (options) => {
    await (await openSafetensors(stalled.url, options)).read("first", "f32");
  }, 100);
  await left;
});

/** A file whose slices never come: a disk that is asleep, or in a cloud. */
class SleepingFile extends File {
  override slice(): Blob {
    const blob = new Blob();
    blob.arrayBuffer = () => new Promise(() => {});
    return blob;
  }
}

Deno.test("a signal ends what is read of files, before it begins and while it waits", async () => {
  const reason = new Error("another file");
  const files = [new File([file], "model.safetensors")];
  const aborted = await assertRejects(() =>
    openSafetensors(files, { signal: AbortSignal.abort(reason) })
  );
  assertStrictEquals(aborted, reason);
  const controller = new AbortController();
  const sleeping = [new SleepingFile([file], "model.safetensors")];
  const waiting = assertRejects(() =>
    openSafetensors(sleeping, { signal: controller.signal, timeout: 1 })
  );
  await new Promise((resolve) => setTimeout(resolve, 30));
  controller.abort(reason);
  assertStrictEquals(await waiting, reason);
});

Deno.test("a time limit that is none is refused", async () => {
  for (const timeout of [0, -1, NaN, Infinity, 2 ** 31]) {
    await assertRejects(
      () => openSafetensors([], { timeout }),
      OptionError,
      "Cannot open weights as timeout requires a number above 0, of at most 2147483647: found ",
    );
  }
});
