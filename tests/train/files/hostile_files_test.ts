import { assert, assertEquals, assertRejects } from "@std/assert";
import { FileError } from "../../../core/errors.ts";
import { Checkpoint } from "../../../train/files/checkpoint.ts";
import { readText, requireFile } from "../../../train/files/files.ts";
import {
  appendText,
  makeFolder,
  move,
  removeAll,
  removeLeftovers,
} from "../../../train/files/folder.ts";
import { readTable } from "../../../train/data/table.ts";
import { namesIn } from "../../support/workspace.ts";
import { folderOf } from "../../support/tables.ts";

/** A device without an end, where the system has it. */
const endless = "/dev/zero";
const ignore = Deno.build.os === "windows";

Deno.test({ name: "a link to a device is no file, whoever reads it", ignore }, async () => {
  await using folder = await folderOf({});
  const link = (name: string) => {
    Deno.symlinkSync(endless, `${folder.path}/${name}`);
    return `${folder.path}/${name}`;
  };
  const columns = { required: ["text"] };
  const jobs = [
    () => readText(link("config.json")),
    () => Checkpoint.open(link("model.safetensors")),
    () => readTable(link("train.csv"), columns),
    () => readTable(link("train.csv.gz"), columns),
    () => readTable(link("train.parquet"), columns),
  ];
  for (const job of jobs) {
    await assertRejects(job, FileError, "found a device, pipe or socket");
  }
});

Deno.test("requireFile() refuses what is larger than allowed, and a folder", async () => {
  await using folder = await folderOf({ "a.txt": "four" });
  const path = `${folder.path}/a.txt`;
  assertEquals((await requireFile(path, 4)).size, 4);
  await assertRejects(() => requireFile(path, 3), FileError, "at most 3 bytes: found 4");
  await assertRejects(() => requireFile(folder.path), FileError, "found a directory");
  await assertRejects(() => requireFile(`${path}x`), FileError, "found nothing there");
});

Deno.test("changes of folders fail with an error that names the path", async () => {
  await using folder = await folderOf({ "file": "" });
  const below = `${folder.path}/file/below`;
  const jobs = [
    () => makeFolder(below),
    () => appendText(below, "line\n"),
    () => move(`${folder.path}/missing`, below),
  ];
  for (const job of jobs) {
    const { message } = await assertRejects(job, FileError, "requires a writable place: found ");
    assert(message.startsWith(`${below}: `), message);
  }
});

Deno.test({
  name: "a full disk is told with the path and the reason",
  ignore: ignore || !(await Deno.stat("/dev/full").catch(() => undefined))?.isCharDevice,
}, async () => {
  await assertRejects(
    () => appendText("/dev/full", "line\n"),
    FileError,
    "/dev/full: Cannot write file as it requires a writable place: found ",
  );
});

Deno.test("removeLeftovers() removes what never got its name, and nothing else", async () => {
  const uuid = crypto.randomUUID();
  const kept = ["adapter.tmp", "notes.partial", "run.json", `${uuid}.json`];
  const left = [`run.json.${uuid}.tmp`, `merged.${uuid}.partial/a`, ".checkpoint-12.partial/b"];
  await using folder = await folderOf(
    Object.fromEntries([...kept, ...left].map((name) => [name, ""])),
  );
  await removeLeftovers(folder.path);
  assertEquals(namesIn(folder.path), kept.toSorted());
  await removeAll(`${folder.path}/nothing`);
});
