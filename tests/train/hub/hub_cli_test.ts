import { assert, assertEquals, assertMatch } from "@std/assert";
import { hiddenkeyWith, untimed } from "../../support/cli.ts";
import { Bench } from "../../support/hub_bench.ts";
import { netTest } from "../../support/loopback.ts";
import { filesIn, readAdapter, readTimeless, Workspace } from "../../support/workspace.ts";

const workspace = await Workspace.open();
Deno.test.afterAll(() => workspace[Symbol.asyncDispose]());

/** Runs the command line against a bench. */
async function run(bench: Bench, args: readonly string[]) {
  const env = {
    HF_ENDPOINT: bench.server.hub.origin,
    HF_HOME: bench.cache,
    HF_HUB_OFFLINE: "0",
    ...bench.environment,
  };
  return await hiddenkeyWith({ env, permissions: ["--allow-net=127.0.0.1"] }, ...args);
}

function training(out: string, model: string, ...more: string[]): string[] {
  const flags = { task: "rte", data: workspace.data("rte"), model, batch: "8", epochs: "1" };
  return [
    "train",
    ...Object.entries(flags).flatMap(([name, value]) => [`--${name}`, value]),
    ...["--out", workspace.out(out), ...more],
  ];
}

async function succeeded(bench: Bench, args: readonly string[]) {
  const { code, out, err } = await run(bench, args);
  assertEquals(code, 0, err);
  return { out, err };
}

netTest("train, eval and predict take a model of the hub, and a run keeps its commit", async () => {
  await using bench = new Bench();
  const files = await filesIn(workspace.model("bert"));
  const commit = bench.server.add("org/tiny", files);
  await succeeded(bench, training("local", workspace.model("bert")));
  assertEquals(bench.server.hub.asked, []);

  const { out } = await succeeded(bench, training("hub", "org/tiny", "--save-every", "3"));
  for (const name of Object.keys(files)) {
    assertMatch(untimed(out), new RegExp(`^org/tiny: downloaded ${name}$`, "m"));
  }
  const [hub, local] = [workspace.out("hub"), workspace.out("local")];
  assertEquals(await readAdapter(hub), await readAdapter(local));
  const config = JSON.parse(await Deno.readTextFile(`${hub}/adapter_config.json`));
  assertEquals([config.base_model_name_or_path, config.revision], ["org/tiny", commit]);
  const saved = JSON.parse(await Deno.readTextFile(`${hub}/run.json`));
  assertEquals(saved.config.model, `org/tiny@${commit}`);

  // The branch moves on; the run does not.
  bench.server.add("org/tiny", { ...files, "config.json": "{}" });
  const asked = bench.server.hub.asked.length;
  const metrics = await readTimeless(hub);
  await succeeded(bench, ["train", "--resume", `${hub}/checkpoint-3`]);
  assertEquals(await readTimeless(hub), metrics);
  assertEquals(await readAdapter(hub), await readAdapter(local));
  const here = await succeeded(bench, ["eval", "--run", hub]);
  const input = ["--input", `${workspace.data("rte")}/test.tsv`];
  await succeeded(bench, ["predict", "--run", hub, ...input]);
  assertEquals(bench.server.hub.asked.length, asked);

  // Without a cache, eval downloads that commit again.
  await Deno.remove(`${bench.cache}/hub`, { recursive: true });
  const again = await succeeded(bench, ["eval", "--run", hub]);
  assertEquals(again.out, here.out);
  assert(bench.server.hub.count(`/resolve/${commit}/config.json`) > 2);
});

netTest("train starts from an adapter of the hub", async () => {
  await using bench = new Bench();
  const source = workspace.out("source");
  await succeeded(bench, training("source", workspace.model("bert")));
  const commit = bench.server.add("org/adapter", await filesIn(source), "v1");
  const more = (adapter: string) => ["--adapter", adapter];
  await succeeded(bench, training("here", workspace.model("bert"), ...more(source)));
  await succeeded(bench, training("there", workspace.model("bert"), ...more("org/adapter@v1")));
  const there = workspace.out("there");
  assertEquals(await readAdapter(there), await readAdapter(workspace.out("here")));
  const saved = JSON.parse(await Deno.readTextFile(`${there}/run.json`));
  assertEquals(saved.config.adapter, `org/adapter@${commit}`);
  assertEquals(bench.blobs("org/adapter").length, 2);
});

netTest("merge takes base model and adapter of the hub", async () => {
  await using bench = new Bench();
  const [base, source] = [workspace.model("bert"), workspace.out("merge-source")];
  await succeeded(bench, training("merge-source", base));
  bench.server.add("org/tiny", await filesIn(base));
  bench.server.add("org/adapter", await filesIn(source), "v1");
  const merge = async (adapter: string, model: string, name: string) => {
    const out = workspace.out(name);
    await succeeded(bench, ["merge", "--adapter", adapter, "--model", model, "--out", out]);
    return await filesIn(out);
  };
  const there = await merge("org/adapter@v1", "org/tiny", "merged-there");
  assertEquals(there, await merge(source, base, "merged-here"));
  assert(bench.server.hub.asked.length > 0);
});

netTest("A refusal of the hub is one line, and leaves nothing behind", async () => {
  await using bench = new Bench();
  const { code, out, err } = await run(bench, training("refused", "org/none"));
  assertEquals([code, out], [1, ""]);
  assertMatch(err, /^error: org\/none: Cannot find a folder or a public repository [^\n]+\n$/);
  assertEquals(await Array.fromAsync(Deno.readDir(bench.cache)), []);
  bench.environment = { HF_HUB_OFFLINE: "1" };
  const offline = await run(bench, training("refused", "org/none"));
  assertMatch(offline.err, /^error: org\/none: Cannot download as HF_HUB_OFFLINE [^\n]+\n$/);
  const name = await run(bench, training("refused", "org/no--ne"));
  assertMatch(name.err, /^error: Cannot use repository as org\/name [^\n]+\n$/);
});
