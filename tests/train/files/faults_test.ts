/**
 * A full or read-only disk, too few file handles and a fault of the disk, at each kind of file
 * operation: an error of one sentence with the path, and nothing half-written.
 */

import { assert, assertEquals } from "@std/assert";
import { writeFileAtomic } from "../../../train/files/files.ts";
import {
  appendText,
  dropFolder,
  replaceFolder,
  syncAppended,
} from "../../../train/files/folder.ts";
import { train } from "../../../train/train.ts";
import { fetchData } from "../../../train/data/fetch.ts";
import type { DataSet } from "../../../train/data/sources.ts";
import { sha256 } from "../../../train/hub/digest.ts";
import { mergeAdapter } from "../../../train/merge/merge.ts";
import { listing } from "../../support/cli.ts";
import { failEach, isSample, requireTyped } from "../../support/fail_each.ts";
import { type FileOperation, watchFiles } from "../../support/faults.ts";
import { Bench, model, weights as hubWeights } from "../../support/hub_bench.ts";
import { fileResponse, Loopback, netTest } from "../../support/loopback.ts";
import { readSources } from "../../support/structure.ts";
import { folderOf } from "../../support/tables.ts";
import { readAdapter, readTimeless, Workspace } from "../../support/workspace.ts";

const workspace = await Workspace.open();
Deno.test.afterAll(() => workspace[Symbol.asyncDispose]());

const projectRoot = decodeURIComponent(new URL("../../..", import.meta.url).pathname);
const small = { batch: 4, trainLimit: 8, devLimit: 4, maxSteps: 2, saveEvery: 1 } as const;
const recipe = { ...small, method: "hiddenkey", backend: "cpu", threads: 1 } as const;
const configOf = (out: string) => workspace.config("rte", { ...recipe, out });

Deno.test("training ends with a typed error at any file operation, and goes on", async () => {
  const whole = workspace.out("train-whole");
  const count = await failEach(
    workspace.root,
    "train",
    (out) => train(configOf(out)),
    async (out, failed) => {
      const saved = await Deno.stat(`${out}/checkpoint-1`).then(() => true, () => false);
      if (!saved || isSample && !failed.name.startsWith("write")) return;
      await train(configOf(out), { resume: out });
      assertEquals(await readAdapter(out), await readAdapter(whole));
      assertEquals(await readTimeless(out), await readTimeless(whole));
    },
  );
  assert(count > 20, `${count} kinds of operations`);
});

Deno.test("resuming and merging end with a typed error at any file operation", async () => {
  const run = workspace.out("to-resume");
  await train(configOf(run));
  await failEach(workspace.root, "resume", async (out) => {
    copy(run, out);
    await train(configOf(out), { resume: `${out}/checkpoint-1` });
  });
  const merge = (out: string) =>
    mergeAdapter({ model: workspace.model("bert"), adapter: run, out, device: { threads: 1 } });
  await failEach(workspace.root, "merge", merge, (out) => {
    // The folder is whole or not there.
    const there = [...Deno.readDirSync(workspace.root)].some(({ name }) =>
      out.endsWith(`/${name}`)
    );
    if (there) assertEquals(listing(out).length, listing(workspace.out("merge-whole")).length);
  });
});

/** Copies a run behind the watch's back. */
function copy(from: string, to: string): void {
  Deno.mkdirSync(to);
  for (const path of listing(from)) {
    const target = `${to}${path.slice(from.length)}`;
    if (Deno.statSync(path).isDirectory) Deno.mkdirSync(target);
    else Deno.copyFileSync(path, target);
  }
}

Deno.test("a line that does not fit on the disk leaves no part of itself", async () => {
  await using folder = await folderOf({ "metrics.jsonl": '{"step":1}\n' });
  const path = `${folder.path}/metrics.jsonl`;
  for (const fault of ["tear", "ENOSPC"] as const) {
    const counts = ({ name }: FileOperation) => name === "write";
    using files = watchFiles({ under: path, counts, at: 0, fault });
    const error = await appendText(path, '{"step":2}\n').catch((error: unknown) => error);
    assert(files.fired);
    requireTyped(error, files.operations[0]!, fault);
    assertEquals(await Deno.readTextFile(path), '{"step":1}\n');
  }
  await appendText(path, '{"step":2}\n');
  await syncAppended(path);
  await syncAppended(`${folder.path}/none`);
  assertEquals(await Deno.readTextFile(path), '{"step":1}\n{"step":2}\n');
});

Deno.test("a folder that cannot be synced is whole, and nothing lies beside it", async () => {
  // The folder is synced when one is made in it, and when that one gets its name.
  for (const at of [0, 1]) {
    await using folder = await folderOf({ "best/a": "old" });
    const { path } = folder;
    const counts = ({ name, path: synced }: FileOperation) => name === "sync" && synced === path;
    using files = watchFiles({ under: path, counts, at, fault: "ENOSPC" });
    const job = replaceFolder(`${path}/best`, (to) => writeFileAtomic(`${to}/a`, "new"));
    requireTyped(await job.catch((error: unknown) => error), { name: "sync", path }, "ENOSPC");
    assert(files.fired);
    assertEquals(listing(path), [`${path}/best`, `${path}/best/a`]);
    assertEquals(await Deno.readTextFile(`${path}/best/a`), ["old", "new"][at]);
  }
  await using folder = await folderOf({ "checkpoint-2/a": "", "checkpoint-4/a": "" });
  const { path } = folder;
  const counts = ({ name }: FileOperation) => name === "sync";
  using files = watchFiles({ under: path, counts, at: 0, fault: "ENOSPC" });
  const error = await dropFolder(`${path}/checkpoint-2`).catch((error: unknown) => error);
  requireTyped(error, files.operations[0]!, "ENOSPC");
  assertEquals(listing(path), [`${path}/checkpoint-4`, `${path}/checkpoint-4/a`]);
});

netTest("downloads end with a typed error at any file operation, and go on", async () => {
  await using bench = new Bench();
  bench.server.add("org/tiny", model);
  const get = async (out: string) => {
    bench.environment = { HF_HOME: out };
    await bench.get();
  };
  await failEach(bench.cache, "hub", get, async (out) => {
    await get(out);
    const weights = listing(out).filter((path) => path.endsWith("/model.safetensors"));
    assertEquals(await Promise.all(weights.map((path) => Deno.readFile(path))), [hubWeights]);
  });
  const text = new TextEncoder().encode("published");
  await using server = new Loopback((request) => fileResponse(request, text));
  const source = { address: "https://data.example.org/a.txt", bytes: 9, sha256: sha256(text) };
  const unpack = () => new Map([["a/b.txt", text]]);
  const set: DataSet = { name: "A", makes: ["a"], sources: [source], unpack };
  const fetch = (out: string) => fetchData(set, out, { mirror: server.origin });
  await failEach(bench.cache, "set", fetch, async (out) => {
    await fetch(out);
    assert(listing(out).some((path) => path === `${out}/a/b.txt`));
  });
});

Deno.test("file functions are called where their errors are typed", async () => {
  const call =
    /Deno\.(open|mkdir|rename|remove\(|writeF|writeT|readF|readT|readD|stat|lstat|realP|(sym)?link|copy|trunc)/;
  const places = /^train\/(files|hub)\/|^train\/demo\/base_file\.ts$/;
  const found: string[] = [];
  for (const [path, text] of await readSources(projectRoot, ["train"])) {
    if (places.test(path)) continue;
    const lines = text.split("\n").filter((line) => call.test(line));
    // What is tidied up may fail.
    found.push(...lines.filter((line) => !line.endsWith(".catch(() => {});")));
  }
  assertEquals(found, []);
});
