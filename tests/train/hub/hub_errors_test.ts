import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import { FileError } from "../../../core/errors.ts";
import type { Repository } from "../../../train/hub/repository.ts";
import { sha256 } from "../../../train/hub/digest.ts";
import { Bench, model, weights } from "../../support/hub_bench.ts";
import { netTest, tornResponse } from "../../support/loopback.ts";

netTest("download() refuses an index whose shard leads out of the folder", async () => {
  await using bench = new Bench();
  const { "model.safetensors": _, ...rest } = model;
  const map = { a: "../../../escape.safetensors" };
  const index = JSON.stringify({ weight_map: map });
  bench.server.add("org/tiny", { ...rest, "model.safetensors.index.json": index });
  await assertRejects(() => bench.get(), FileError, "plain file name");
});

netTest(
  "download() says how much is missing where every answer is torn, and keeps it",
  async () => {
    await using bench = new Bench();
    bench.server.add("org/tiny", model);
    for (let i = 0; i < 9; i++) bench.server.store.faults.push(() => tornResponse(weights, 700));
    const { message, status } = await bench.refused();
    assertMatch(message, /\/org\/tiny\/resolve\/\w{40}\/model\.safetensors: Cannot /);
    assertEquals(status, undefined);
    const partial = `${bench.folder()}/blobs/${sha256(weights)}.incomplete`;
    assertEquals((await Deno.stat(partial)).size, 700);
    // One attempt that brings something, then four that bring nothing more.
    assertEquals(bench.server.store.asked.length, 5);
  },
);

for (const file of ["model.safetensors", "config.json"]) {
  netTest(`download() refuses and forgets content of another digest: ${file}`, async () => {
    await using bench = new Bench();
    bench.server.add("org/tiny", model);
    const other = new Response(new Uint8Array((model[file] as Uint8Array | string).length));
    const server = file === "config.json" ? bench.server.hub : bench.server.store;
    server.faults.push(({ method, url }) =>
      method === "GET" && !url.includes("/api/") ? other : undefined
    );
    const { message } = await bench.refused();
    const algorithm = file === "config.json" ? "git-sha1" : "sha256";
    assertMatch(message, new RegExp(`${algorithm} \\w+ is required: found \\w+$`));
    assert(!message.includes("secret"), message);
    assert(bench.blobs().every((name) => !name.endsWith(".incomplete")));
    await bench.get();
  });
}

netTest("download() keeps the token from the server that redirects lead to", async () => {
  await using bench = new Bench();
  bench.server.add("org/tiny", model, "main", { token: "hf_own" });
  bench.environment = { HF_TOKEN: "hf_own\n" };
  await bench.get();
  const sent = (asked: readonly { authorization: string | null }[]) =>
    new Set(asked.map(({ authorization }) => authorization));
  assertEquals(sent(bench.server.hub.asked), new Set(["Bearer hf_own"]));
  assertEquals(sent(bench.server.store.asked), new Set([null]));
});

netTest("download() reads the token from its file", async () => {
  await using bench = new Bench();
  bench.server.add("org/tiny", model, "main", { token: "hf_own" });
  await Deno.writeTextFile(`${bench.cache}/token`, "hf_own\n");
  await bench.get();
  bench.environment = { HF_HUB_DISABLE_IMPLICIT_TOKEN: "1", HF_HUB_CACHE: `${bench.cache}/other` };
  assertEquals((await bench.refused()).status, 401);
});

const refusals: [string, Partial<Repository>, number, RegExp][] = [
  ["a private repository", { id: "org/private" }, 401, /public repository.*set HF_TOKEN.*401$/],
  ["a gated repository", { id: "org/gated" }, 403, /access must be granted on .*HF_TOKEN.*403$/],
  ["no repository", { id: "org/none" }, 401, /^org\/none: Cannot find a folder or a public/],
  ["no revision", { revision: "v9" }, 404, /^org\/tiny: Cannot find revision v9: found status 404/],
];
for (const [what, repository, status, says] of refusals) {
  netTest(`download() says what a refusal means: ${what}`, async () => {
    await using bench = new Bench();
    bench.server.add("org/tiny", model);
    bench.server.add("org/private", model, "main", { token: "hf_other" });
    bench.server.add("org/gated", model, "main", { token: "hf_other", gated: true });
    const error = await bench.refused(repository);
    assertMatch(error.message, says);
    assertEquals(error.status, status);
    assertEquals(bench.waits, []);
  });
}

netTest("download() names a file that vanished", async () => {
  await using bench = new Bench();
  bench.server.add("org/tiny", model);
  const headers = { "X-Error-Code": "EntryNotFound" };
  bench.server.hub.faults.push(({ method }) =>
    method === "HEAD" ? new Response(null, { status: 404, headers }) : undefined
  );
  assertMatch((await bench.refused()).message, /^org\/tiny: Cannot find file config\.json: .*404$/);
});

netTest("download() names what a repository lacks and what it has", async () => {
  await using bench = new Bench();
  const { "model.safetensors": _, ...pickled } = model;
  bench.server.add("org/tiny", pickled);
  const { message } = await bench.refused();
  assertMatch(message, /model\.safetensors or model\.safetensors\.index\.json is required/);
  assertMatch(message, /found README\.md, .*pytorch_model\.bin/);
});

netTest("download() refuses an answer that is not a hub's", async () => {
  await using bench = new Bench();
  bench.server.hub.faults.push(() => new Response("<html>"));
  assertMatch((await bench.refused()).message, /commit and files are required$/);
  bench.server.add("org/tiny", model);
  for (const etag of ["../../escape", ""]) {
    const headers = { ETag: `"${etag}"`, "Content-Length": "3" };
    bench.server.hub.faults.push(({ method }) =>
      method === "HEAD" ? new Response(null, { headers }) : undefined
    );
    assertMatch((await bench.refused()).message, /an ETag is required: found /);
  }
});

netTest("Offline, download() takes what the cache has and asks nothing", async () => {
  await using bench = new Bench();
  const commit = bench.server.add("org/tiny", model);
  await bench.get();
  const before = bench.server.hub.asked.length;
  for (const name of ["HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE"]) {
    bench.environment = { [name]: "yes" };
    assertEquals((await bench.get()).commit, commit);
    assertEquals((await bench.get({ revision: commit })).commit, commit);
    assertMatch((await bench.refused({ revision: "v2" })).message, /lacks revision v2$/);
    assertMatch((await bench.refused({ id: "org/new" })).message, /^org\/new: .*revision main$/);
  }
  await Deno.remove(`${bench.folder()}/snapshots/${commit}/vocab.txt`);
  assertMatch((await bench.refused()).message, /lacks tokenizer\.json or vocab\.txt or/);
  assertEquals(bench.server.hub.asked.length, before);
});

netTest("A silent or busy hub is as good as none where the cache has all", async () => {
  await using bench = new Bench();
  const commit = bench.server.add("org/tiny", model);
  await bench.get();
  bench.server.hub.faults.push(() => new Response(null, { status: 503 }));
  assertEquals((await bench.get()).commit, commit);
  const { origin } = bench.server.hub;
  await bench.server.hub[Symbol.asyncDispose]();
  bench.environment = { HF_ENDPOINT: origin };
  assertEquals((await bench.get()).commit, commit);
  assertEquals(bench.waits, []);
  for (const line of bench.said.slice(-2)) {
    assertMatch(
      line,
      /^org\/tiny: taken from the cache at /,
    );
  }
  const { message } = await bench.refused({ id: "org/new" });
  assertMatch(message, /^org\/new: Cannot find a folder .* or reach the hub: .* a connection/);
  assertEquals(bench.waits, [1000, 2000, 4000]);
});
