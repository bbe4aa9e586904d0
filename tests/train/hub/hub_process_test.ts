import { assert, assertEquals, assertMatch } from "@std/assert";
import { sha256 } from "../../../train/hub/digest.ts";
import { HubServer } from "../../support/hub_server.ts";
import { fileResponse, netTest } from "../../support/loopback.ts";
import { here } from "../../support/python.ts";
import { folderOf } from "../../support/tables.ts";

const weights = Uint8Array.from({ length: 5000 }, (_, i) => i * 11 % 253);
const model = { "config.json": "{}", "tokenizer.json": "{}", "model.safetensors": weights };

/** A hub with a model, an empty cache, and processes that take the one to the other. */
async function bench() {
  const server = new HubServer();
  server.add("org/tiny", model);
  const { path: cache, ...folder } = await folderOf({});
  return {
    server,
    cache,
    async [Symbol.asyncDispose]() {
      await server[Symbol.asyncDispose]();
      await folder[Symbol.asyncDispose]();
    },
  };
}

type Bench = Awaited<ReturnType<typeof bench>>;

function start({ server, cache }: Bench, ...args: string[]): Deno.ChildProcess {
  return new Deno.Command("deno", {
    args: ["run", "--no-prompt", "--allow-env", ...args],
    env: { HF_HOME: cache, HF_ENDPOINT: server.hub.origin, NO_COLOR: "1" },
    cwd: cache,
    stdout: "piped",
    stderr: "piped",
  }).spawn();
}

/** Starts a process that may touch nothing but the cache, so that it cannot make symbolic links. */
function obtaining(bench: Bench, net = "127.0.0.1"): Deno.ChildProcess {
  const files = [`--allow-read=${bench.cache}`, `--allow-write=${bench.cache}`];
  return start(
    bench,
    ...files,
    `--allow-net=${net}`,
    here("support/hub_child.ts"),
    "org/tiny",
  );
}

async function outcome(child: Deno.ChildProcess) {
  const { success, stdout, stderr } = await child.output();
  const decoder = new TextDecoder();
  return { success, out: decoder.decode(stdout).trim(), err: decoder.decode(stderr) };
}

/** Size of the partial file. */
function size({ cache }: Bench): Promise<number> {
  const partial = `${cache}/hub/models--org--tiny/blobs/${sha256(weights)}.incomplete`;
  return Deno.stat(partial).then((found) => found.size, () => 0);
}

/** Sends a process 2000 bytes of the weights and then nothing, until they are on the disk. */
async function stall(bench: Bench, run: () => Deno.ChildProcess): Promise<Deno.ChildProcess> {
  bench.server.store.faults.push(() => {
    const body = new ReadableStream({
      start: (controller) => controller.enqueue(weights.subarray(0, 2000)),
    });
    return new Response(body, { headers: { "Content-Length": `${weights.length}` } });
  });
  const child = run();
  let ended = false;
  child.status.then(() => ended = true);
  while (!ended && await size(bench) < 2000) await new Promise((done) => setTimeout(done, 10));
  return child;
}

netTest("Processes that need the same model download it once", async () => {
  await using one = await bench();
  one.server.store.faults.push(async (request) => {
    await new Promise((resolve) => setTimeout(resolve, 150));
    return fileResponse(request, weights);
  });
  const results = await Promise.all([1, 2, 3].map(() => outcome(obtaining(one))));
  for (const { success, err } of results) assert(success, err);
  const [path, ...others] = new Set(results.map(({ out }) => out));
  assertEquals(others, []);
  assertEquals(await Deno.readFile(`${path}/model.safetensors`), weights);
  assert(!(await Deno.lstat(`${path}/model.safetensors`)).isSymlink);
  assertEquals(one.server.store.count("GET"), 1);
});

netTest("A process goes on where a killed one stopped", async () => {
  await using one = await bench();
  const child = await stall(one, () => obtaining(one));
  child.kill("SIGKILL");
  assert(!(await outcome(child)).success);
  const { out, err } = await outcome(obtaining(one));
  assertEquals(await Deno.readFile(`${out}/model.safetensors`).catch(() => err), weights);
  assertEquals(one.server.store.asked.map(({ range }) => range), [null, "bytes=2000-"]);
});

netTest("An interrupt ends a download of train at once and leaves its beginning", async () => {
  await using one = await bench();
  const permissions = ["--allow-read", "--allow-write", "--allow-net=127.0.0.1"];
  const flags = ["--task=rte", "--data=nowhere", "--model=org/tiny"];
  const child = await stall(one, () => {
    return start(one, ...permissions, here("../train/main.ts"), "train", ...flags);
  });
  child.kill("SIGINT");
  const { success, out, err } = await outcome(child);
  assertEquals([success, err], [false, ""], out);
  assertEquals(await size(one), 2000);
});

netTest("A process without the permission to reach the hub says which one it needs", async () => {
  await using one = await bench();
  const { success, err } = await outcome(obtaining(one, "huggingface.co"));
  assert(!success);
  const { host } = new URL(one.server.hub.origin);
  assertMatch(err, new RegExp(`DownloadError: .*requires the permission --allow-net=${host}: `));
});
