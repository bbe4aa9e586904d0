// What servers answer wrongly, and names that would lead elsewhere.
import { assertEquals, assertLess, assertRejects } from "@std/assert";
import { DownloadError } from "../../../core/errors.ts";
import { webFolder } from "../../../nn/formats/file_ranges.ts";
import { type RangeServer, serveRanges, type ServerFaults } from "../../support/range_server.ts";

const waiting = { timeout: 10_000 };
const content = Uint8Array.from({ length: 100 }, (_, i) => i);
const serve = (faults: ServerFaults = {}) => serveRanges(() => content, faults);
const open = ({ url }: RangeServer) => webFolder(url, waiting).open("file");

Deno.test("a file of another version than at first is refused", async () => {
  let version = 1;
  await using server = serve({ tag: () => `"${version}"` });
  const file = await open(server);
  assertEquals([...await file!.read(3, 5)], [3, 4]);
  version = 2;
  await assertRejects(
    () => file!.read(3, 5),
    DownloadError,
    "/file: Cannot read file as one that stays the same is required: found another version",
  );
});

Deno.test("an empty file is one, and a file that became shorter is refused", async () => {
  let bytes = content;
  await using server = serveRanges(() => bytes);
  const file = await open(server);
  bytes = content.subarray(0, 50);
  await assertRejects(
    () => file!.read(60, 70),
    DownloadError,
    "one that stays the same is required: found 50 bytes instead of 100",
  );
  bytes = new Uint8Array();
  assertEquals((await open(server))!.size, 0);
});

Deno.test("a server that sends without end is left", async () => {
  let sent = 0;
  const endless = new ReadableStream({
    pull(controller) {
      sent += 2 ** 16;
      // A reader who never leaves would wait for the end of the test.
      if (sent > 2 ** 27) controller.close();
      else controller.enqueue(new Uint8Array(2 ** 16));
    },
  });
  const headers = { "content-range": "bytes 10-19/100" };
  await using server = serve({
    answer: (begin) => begin === 10 ? new Response(endless, { status: 206, headers }) : undefined,
  });
  const file = await open(server);
  await assertRejects(
    () => file!.read(10, 20),
    DownloadError,
    "Cannot read file as bytes 10 to 19 and a header content-range that says so are required: found 11 bytes",
  );
  assertLess(sent, 2 ** 26);
});

Deno.test("a header that names another range than its bytes is refused", async () => {
  const headers = { "content-range": "bytes 0-7/100" };
  await using server = serve({
    answer: () => new Response(content.subarray(0, 1), { status: 206, headers }),
  });
  await assertRejects(() => open(server), DownloadError, "found 1 bytes and bytes 0-7/100");
});

Deno.test("a status is told as what it is", async () => {
  for (const [status, found] of [[403, "lets it be read"], [204, "answers requests for ranges"]]) {
    await using server = serve({ answer: () => new Response(null, { status: Number(status) }) });
    await assertRejects(
      () => open(server),
      DownloadError,
      `Cannot read file as a server that ${found} is required: found status ${status}`,
    );
  }
});

Deno.test("a name stays in its folder, and what an address asks is asked for every file", async () => {
  const urls: string[] = [];
  const options = { hostname: "127.0.0.1", port: 0, onListen() {} };
  await using server = Deno.serve(options, ({ url }) => {
    urls.push(url.slice(url.indexOf("/m")));
    return new Response(null, { status: 404 });
  });
  const folder = webFolder(`http://127.0.0.1:${server.addr.port}/m/?key=1#top`, waiting);
  for (const name of ["%2e%2e", "a?b", "a#b"]) assertEquals(await folder.open(name), undefined);
  assertEquals(urls, ["/m/%252e%252e?key=1", "/m/a%3Fb?key=1", "/m/a%23b?key=1"]);
  assertEquals(folder.path.endsWith("/m"), true);
});

Deno.test("an address that is none is refused in words", async () => {
  await assertRejects(
    () => webFolder("http://127.0.0.1:1", waiting).open("file"),
    DownloadError,
    "http://127.0.0.1:1/file: Cannot read file as a network that reaches it is required: found ",
  );
});
