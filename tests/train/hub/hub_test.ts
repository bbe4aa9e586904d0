import { assert, assertEquals, assertMatch } from "@std/assert";
import { sha256 } from "../../../train/hub/digest.ts";
import { Bench, model, weights } from "../../support/hub_bench.ts";
import { gitSha1 } from "../../support/hub_server.ts";
import { netTest, tornResponse } from "../../support/loopback.ts";
import { namesIn } from "../../support/workspace.ts";

netTest("download() fetches what a model needs and lays the cache out as Python does", async () => {
  await using bench = new Bench();
  const commit = bench.server.add("org/tiny", model);
  const seen: number[] = [];
  const { directory } = await bench.get({}, "model", {
    onDownload: ({ name, received, total }) => {
      if (name === "model.safetensors") seen.push(received / (total ?? NaN));
    },
  });
  assertEquals(directory, `${bench.folder()}/snapshots/${commit}`);
  assertEquals(namesIn(directory), ["config.json", "model.safetensors", "vocab.txt"]);
  assertEquals(await Deno.readFile(`${directory}/model.safetensors`), weights);
  assertEquals(await Deno.readTextFile(`${bench.folder()}/refs/main`), commit);
  const names = ["config.json", "vocab.txt"].map((name) => gitSha1(model[name]!));
  assertEquals(bench.blobs(), [...names, sha256(weights)].sort());
  assertEquals(
    await Deno.readLink(`${directory}/model.safetensors`),
    `../../blobs/${sha256(weights)}`,
  );
  assertMatch(await Deno.readTextFile(`${bench.cache}/hub/CACHEDIR.TAG`), /^Signature: 8a477f59/);
  assertEquals(seen.at(-1), 1);
});

netTest("download() asks for nothing twice: not for files, and not for a commit", async () => {
  await using bench = new Bench();
  const commit = bench.server.add("org/tiny", model);
  await bench.get();
  const { hub, store } = bench.server;
  const before = hub.asked.length + store.asked.length;
  await bench.get();
  assertEquals(hub.asked.at(-1)!.line, "GET /api/models/org/tiny/revision/main");
  await bench.get({ revision: commit });
  assertEquals(hub.asked.length + store.asked.length, before + 1);
  assertEquals(namesIn(`${bench.folder()}/refs`), ["main"]);
});

netTest("download() takes a new commit's new files only", async () => {
  await using bench = new Bench();
  const first = bench.server.add("org/tiny", model);
  await bench.get();
  const second = bench.server.add("org/tiny", { ...model, "config.json": "{}" });
  const { directory } = await bench.get();
  assertEquals(bench.server.store.count("GET"), 1);
  assertEquals(await Deno.readTextFile(`${directory}/config.json`), "{}");
  assertEquals(namesIn(`${bench.folder()}/snapshots`), [first, second].sort());
  assertEquals(await Deno.readTextFile(`${bench.folder()}/refs/main`), second);
});

netTest("download() reads a revision with slashes", async () => {
  await using bench = new Bench();
  bench.server.add("org/tiny", { ...model, "config.json": "{}" });
  const commit = bench.server.add("org/tiny", model, "refs/pr/1");
  const { directory } = await bench.get({ revision: "refs/pr/1" });
  assert(directory.endsWith(commit));
  assertEquals(await Deno.readTextFile(`${bench.folder()}/refs/refs/pr/1`), commit);
  assertEquals(bench.server.hub.asked[0]!.line, "GET /api/models/org/tiny/revision/refs%2Fpr%2F1");
});

netTest("download() fetches the shards that an index names", async () => {
  await using bench = new Bench();
  const shards = ["model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"];
  const map = { "a": shards[0], "b": shards[0], "c": shards[1] };
  const { "model.safetensors": _, ...rest } = model;
  bench.server.add("org/tiny", {
    ...rest,
    "model.safetensors.index.json": JSON.stringify({ weight_map: map }),
    [shards[0]!]: weights,
    [shards[1]!]: weights.slice(9),
    "extra.safetensors": "no shard",
  });
  const { directory } = await bench.get();
  assertEquals(await Deno.readFile(`${directory}/${shards[1]}`), weights.slice(9));
  assertEquals(namesIn(directory).length, 5);
  await Deno.remove(`${directory}/${shards[1]}`);
  bench.environment = { HF_HUB_OFFLINE: "1" };
  assertMatch(
    (await bench.refused()).message,
    /the cache lacks model-00002-of-00002\.safetensors$/,
  );
});

netTest("download() fetches an adapter", async () => {
  await using bench = new Bench();
  bench.server.add("org/adapter", {
    "adapter_config.json": "{}",
    "adapter_model.safetensors": weights,
    "tokenizer.json": "{}",
  });
  const { directory } = await bench.get({ id: "org/adapter" }, "adapter");
  assertEquals(namesIn(directory), ["adapter_config.json", "adapter_model.safetensors"]);
});

netTest("download() goes on from a torn download", async () => {
  await using bench = new Bench();
  bench.server.add("org/tiny", model);
  bench.server.store.faults.push(() => tornResponse(weights, 1000));
  const { directory } = await bench.get();
  assertEquals(await Deno.readFile(`${directory}/model.safetensors`), weights);
  assertEquals(bench.server.store.asked.map(({ range }) => range), [null, "bytes=1000-"]);
});

netTest("download() goes on from the partial file of a process that died", async () => {
  await using bench = new Bench();
  bench.server.add("org/tiny", model);
  const partial = `${bench.folder()}/blobs/${sha256(weights)}.incomplete`;
  const lay = async (bytes: Uint8Array) => {
    await Deno.mkdir(`${bench.folder()}/blobs`, { recursive: true });
    await Deno.writeFile(partial, bytes);
  };
  await lay(weights.subarray(0, 1200));
  const { directory } = await bench.get();
  const path = `${directory}/model.safetensors`;
  assertEquals(bench.server.store.asked.at(-1)!.range, "bytes=1200-");
  for (const bytes of [weights, new Uint8Array(1200), new Uint8Array(9000)]) {
    await Deno.remove(bench.folder(), { recursive: true });
    await lay(bytes);
    await bench.get();
    assertEquals(await Deno.readFile(path), weights);
    assert(bench.blobs().every((name) => !name.endsWith(".incomplete")));
  }
});

netTest("download() follows a repository that was renamed", async () => {
  await using bench = new Bench();
  bench.server.add("org/tiny", model);
  bench.server.add("old/name", {}, "main", { movedTo: "org/tiny" });
  const { directory } = await bench.get({ id: "old/name" });
  assertEquals(await Deno.readFile(`${directory}/model.safetensors`), weights);
});

netTest("Without symbolic links, download() makes hard links", async () => {
  await using bench = new Bench();
  bench.server.add("org/tiny", model);
  bench.environment = { HF_HUB_DISABLE_SYMLINKS: "1" };
  const { directory } = await bench.get();
  assertEquals(namesIn(directory), ["config.json", "model.safetensors", "vocab.txt"]);
  const file = await Deno.lstat(`${directory}/model.safetensors`);
  const blob = await Deno.lstat(`${bench.folder()}/blobs/${sha256(weights)}`);
  assertEquals([file.isSymlink, file.ino], [false, blob.ino]);
});

netTest("Without links of any kind, download() moves the files", async () => {
  await using bench = new Bench();
  bench.server.add("org/tiny", model);
  bench.environment = { HF_HUB_DISABLE_SYMLINKS: "1" };
  const { link } = Deno;
  const refuse = () => Promise.reject(new Deno.errors.NotSupported());
  Object.defineProperty(Deno, "link", { configurable: true, value: refuse });
  try {
    const { directory } = await bench.get();
    assertEquals(await Deno.readFile(`${directory}/model.safetensors`), weights);
    assertEquals(namesIn(directory), ["config.json", "model.safetensors", "vocab.txt"]);
    assertEquals(bench.blobs(), []);
    await bench.get();
    assertEquals(bench.server.store.count("GET"), 1);
  } finally {
    Object.defineProperty(Deno, "link", { configurable: true, value: link });
  }
});

netTest("Calls at the same time download each file once", async () => {
  await using bench = new Bench();
  bench.server.add("org/tiny", model);
  const slow = async (request: Request) => {
    await new Promise((resolve) => setTimeout(resolve, 20));
    return await fetch(request.url);
  };
  bench.server.store.faults.push((request) => slow(request));
  const found = await Promise.all([bench.get(), bench.get(), bench.get(), bench.get()]);
  assertEquals(new Set(found.map(({ directory }) => directory)).size, 1);
  assertEquals(await Deno.readFile(`${found[0]!.directory}/model.safetensors`), weights);
  // The slow answer is fetched from the store itself.
  assertEquals(bench.server.store.count("GET"), 2);
  assertEquals(bench.blobs().length, 3);
});
