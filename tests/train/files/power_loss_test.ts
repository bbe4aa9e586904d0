/** What is written outlasts a power cut: the old state or the new one is there, whole. */

import { assert, assertEquals } from "@std/assert";
import { writeDirectoryAtomic, writeFileAtomic } from "../../../train/files/files.ts";
import { filesIn } from "../../../train/files/folder.ts";
import { train } from "../../../train/train.ts";
import { watchFiles } from "../../support/faults.ts";
import { type DiskState, ForgetfulDisk, restore } from "../../support/power_loss.ts";
import { folderOf } from "../../support/tables.ts";
import { readAdapter, readTimeless, Workspace } from "../../support/workspace.ts";

const workspace = await Workspace.open();
Deno.test.afterAll(() => workspace[Symbol.asyncDispose]());

/** Folders cannot be synced there. */
const ignore = Deno.build.os === "windows";
const decoder = new TextDecoder();
const textOf = (state: DiskState, path: string) => {
  const content = state.get(path);
  return content === null || content === undefined ? content : decoder.decode(content);
};

/** Runs a job on a disk that may lose what is not synced; checks each state before and after it. */
async function cutAnywhere(
  root: string,
  job: () => Promise<unknown>,
  check: (state: DiskState) => void,
): Promise<readonly DiskState[]> {
  let cuts = 0;
  const disk = new ForgetfulDisk(root, (states) => {
    cuts++;
    states.forEach(check);
  });
  {
    using _files = watchFiles({ under: root, onDone: disk.onDone });
    await job();
  }
  assert(cuts > 3);
  return disk.states();
}

Deno.test({ name: "a file is old or new, and files come in order", ignore }, async () => {
  await using folder = await folderOf({ a: "old", b: "old" });
  const { path } = folder;
  const seen = new Set<string>();
  const ends = await cutAnywhere(path, async () => {
    await writeFileAtomic(`${path}/a`, "new");
    await writeFileAtomic(`${path}/b`, "new");
    await writeFileAtomic(`${path}/c`, "new");
  }, (state) => {
    const found = ["a", "b", "c"].map((name) => textOf(state, name));
    seen.add(found.join());
    const orders = ["old,old,", "new,old,", "new,new,", "new,new,new"];
    assert(orders.includes(found.join()), found.join());
  });
  assertEquals(seen.size, 4);
  for (const end of ends) assertEquals(textOf(end, "c"), "new");
});

Deno.test({ name: "a directory is missing, empty or whole", ignore }, async () => {
  await using folder = await folderOf({});
  const { path } = folder;
  const names = ["x", "y"];
  const fill = async (place: string) => {
    for (const name of names) await writeFileAtomic(`${place}/${name}`, name);
  };
  const ends = await cutAnywhere(
    path,
    () => writeDirectoryAtomic(`${path}/above/model`, fill),
    (state) => {
      const found = names.map((name) => textOf(state, `above/model/${name}`) ?? "");
      assert(["", names.join("")].includes(found.join("")), found.join());
    },
  );
  for (const end of ends) assertEquals(textOf(end, "above/model/y"), "y");
});

const settings = { saveEvery: 2, batch: 4, trainLimit: 8, devLimit: 4 };
const recipe = { ...settings, maxSteps: 5, epochs: 3, backend: "cpu", threads: 1 } as const;

/** Bytes of all files below a folder, by path. */
async function bytesBelow(folder: string): Promise<Record<string, Uint8Array>> {
  const paths = await filesIn(folder, "");
  const read = async (path: string) => [path.slice(folder.length + 1), await Deno.readFile(path)];
  return Object.fromEntries(await Promise.all(paths.map(read)));
}

/** Each checkpoint of a state is whole, and has the metrics of its steps. */
function requireCheckpoints(
  state: DiskState,
  whole: Readonly<Record<string, Record<string, Uint8Array>>>,
): void {
  const lines = (textOf(state, "run/metrics.jsonl") ?? "").split("\n").slice(0, -1);
  const steps = lines.map((line) => JSON.parse(line)).filter((line) => "loss" in line)
    .map(({ step }) => step);
  for (const [path, content] of state) {
    const name = /^run\/(checkpoint-\d+)$/.exec(path)?.[1];
    if (name === undefined) continue;
    assertEquals(content, null);
    for (const [file, bytes] of Object.entries(whole[name]!)) {
      assertEquals(state.get(`${path}/${file}`), bytes, `${path}/${file}`);
    }
    const step = Number(name.split("-")[1]);
    assertEquals(steps.slice(0, step), Array.from({ length: step }, (_, i) => i + 1));
  }
}

Deno.test(
  { name: "a run that lost its power goes on as if nothing had happened", ignore },
  async () => {
    const root = workspace.out("disk");
    await Deno.mkdir(root);
    const out = `${root}/run`;
    const config = workspace.config("rte", { ...recipe, method: "hiddenkey", out });
    await train(config);
    const names = ["checkpoint-2", "checkpoint-4"];
    const whole = Object.fromEntries(
      await Promise.all(names.map(async (name) => [name, await bytesBelow(`${out}/${name}`)])),
    );
    const [adapter, metrics] = [await readAdapter(out), await readTimeless(out)];
    await Deno.remove(out, { recursive: true });
    const resumable: DiskState[] = [];
    const check = (state: DiskState) => {
      requireCheckpoints(state, whole);
      const ended = textOf(state, "run/run.json")?.includes('"result"');
      if (ended) assertEquals(state.get("run/adapter_model.safetensors"), adapter);
      if (state.has("run/checkpoint-2")) resumable.push(state);
    };
    const ends = await cutAnywhere(root, () => train(config), check);
    for (const end of ends) {
      assert(textOf(end, "run/run.json")!.includes('"result"'));
      assertEquals(textOf(end, "run/metrics.jsonl")!.split("\n").length, metrics.length + 1);
    }
    await cutAnywhere(root, () => train(config, { resume: `${out}/checkpoint-2` }), check);
    for (const at of [0, 0.3, 0.5, 0.7, 0.999]) {
      const again = workspace.out(`cut at ${at}`);
      await restore(resumable[Math.floor(resumable.length * at)]!, again);
      await train({ ...config, out: `${again}/run` }, { resume: `${again}/run` });
      assertEquals(await readAdapter(`${again}/run`), adapter);
      assertEquals(await readTimeless(`${again}/run`), metrics);
    }
  },
);
