import { assert, assertEquals } from "@std/assert";
import { loadTokenizer } from "../../../train/run/load_tokenizer.ts";
import { sha256 } from "../../../train/hub/digest.ts";
import { Bench } from "../../support/hub_bench.ts";
import type { Files } from "../../support/hub_server.ts";
import { netTest } from "../../support/loopback.ts";
import { needsPython, runPython, withoutPython } from "../../support/python.ts";
import { filesIn, Workspace } from "../../support/workspace.ts";

const workspace = await Workspace.open();
Deno.test.afterAll(() => workspace[Symbol.asyncDispose]());

const text = "the old mole near the hill";

function pythonTest(name: string, fn: () => Promise<void>): void {
  const title = `${name} ${needsPython}`;
  if (withoutPython) Deno.test({ name: title, ignore: true, fn });
  else netTest(title, fn);
}

/** Requires that Python reads the cache, without the hub, as this project does. */
async function readByPython(bench: Bench, files: Files, revision: string, folder: string) {
  const environment = { HF_HOME: bench.cache };
  const found = await runPython("hub_cache.py", ["read", "org/tiny", revision, text], environment);
  const { ids, parameters, revisions, ...rest } = found as Record<string, unknown>;
  const weights = files["model.safetensors"] as Uint8Array;
  assertEquals(rest, { folder, sha256: sha256(weights), missing: [], warnings: [] });
  assertEquals(ids, (await loadTokenizer(folder)).encode(text).ids);
  assert(Number(parameters) > 1000);
  return revisions;
}

for (const symlinks of [true, false]) {
  const kind = symlinks ? "symbolic links" : "hard links";
  pythonTest(`Python's tools read a cache of ${kind} that download() wrote, offline`, async () => {
    await using bench = new Bench();
    bench.environment = symlinks ? {} : { HF_HUB_DISABLE_SYMLINKS: "1" };
    const files = await filesIn(workspace.model("bert"));
    const first = bench.server.add("org/tiny", files, "refs/pr/1");
    const second = bench.server.add("org/tiny", { ...files, "README.md": "new" });
    await bench.get({ revision: "refs/pr/1" });
    const { directory } = await bench.get();
    const revisions = await readByPython(bench, files, "main", directory);
    const commits = [
      { commit: first, refs: ["refs/pr/1"], files: 3 },
      { commit: second, refs: ["main"], files: 3 },
    ];
    const byCommit = (list: { commit: string }[]) =>
      list.sort((a, b) => a.commit < b.commit ? -1 : 1);
    assertEquals(byCommit(revisions as typeof commits), byCommit(commits));
    await readByPython(bench, files, first, `${bench.folder()}/snapshots/${first}`);
  });
}

pythonTest("download() reads, offline, a cache that Python's tools wrote", async () => {
  await using bench = new Bench();
  bench.server.direct = true;
  const files = await filesIn(workspace.model("bert"));
  for (const revision of ["main", "a/branch"]) {
    const commit = bench.server.add("org/tiny", { ...files, "README.md": revision }, revision);
    const environment = { HF_HOME: bench.cache, HF_ENDPOINT: bench.server.hub.origin };
    const names = Object.keys(files);
    const args = ["write", "org/tiny", revision, ...names];
    const { folder } = await runPython("hub_cache.py", args, environment) as { folder: string };
    const before = bench.server.hub.asked.length;
    bench.environment = { HF_HUB_OFFLINE: "1" };
    assertEquals(await bench.get({ revision }), { directory: folder, commit });
    assertEquals(bench.server.hub.asked.length, before);
    // Online, the hub is asked for the commit and nothing is fetched again.
    bench.environment = {};
    assertEquals(await bench.get({ revision }), { directory: folder, commit });
    assertEquals(bench.server.hub.asked.length, before + 1);
  }
});
