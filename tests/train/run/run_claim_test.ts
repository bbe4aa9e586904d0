/** What killed processes leave in the folder of a run is not in the way of the next one. */

import { assert, assertEquals, assertRejects } from "@std/assert";
import { FileError } from "../../../core/errors.ts";
import { exists } from "../../../train/files/files.ts";
import { copyFolder } from "../../../train/files/folder.ts";
import { train } from "../../../train/train.ts";
import { type FileOperation, watchFiles } from "../../support/faults.ts";
import { contentsOf } from "../../support/run_contents.ts";
import { namesIn, Workspace } from "../../support/workspace.ts";

const workspace = await Workspace.open();
Deno.test.afterAll(() => workspace[Symbol.asyncDispose]());

const short = { batch: 4, trainLimit: 16, devLimit: 4, backend: "cpu", threads: 1 } as const;
const configOf = (name: string) =>
  workspace.config("rte", { ...short, saveEvery: 3, out: workspace.out(name) });
const whole = configOf("whole");
await train(whole);
const expected = await contentsOf(whole.out!);

/** A name that a file has until it is whole. */
const temporary = (name: string) => `${name}.${crypto.randomUUID()}.tmp`;

Deno.test("A process that was killed before its first file got its name is not in the way", async () => {
  const config = configOf("early");
  await Deno.mkdir(config.out!);
  for (const name of ["run.lock", temporary("run.json"), "thesis.tex"]) {
    await Deno.writeTextFile(`${config.out}/${name}`, "");
  }
  const names = namesIn(config.out!).filter((name) => name !== "run.lock");
  await assertRejects(() => train(config), FileError, "an empty or new directory");
  assertEquals(namesIn(config.out!), names);
  await Deno.remove(`${config.out}/thesis.tex`);
  await train(config);
  assertEquals(await contentsOf(config.out!), expected);
});

Deno.test("A run that is over is rid of what its process left when it was killed", async () => {
  const config = configOf("over");
  await copyFolder(whole.out!, config.out!);
  const before = namesIn(config.out!);
  await Deno.writeTextFile(`${config.out}/${temporary("report.html")}`, "");
  await Deno.mkdir(`${config.out}/.best.old`);
  await train(config, { resume: config.out! });
  assertEquals(namesIn(config.out!), before);
});

Deno.test("A copy that was killed before it was whole counts as empty", async () => {
  const config = configOf("copy");
  const out = config.out!;
  const job = () => train(config, { resume: `${whole.out}/checkpoint-6` });
  for (const fault of ["EIO", "halt"] as const) {
    const at = ({ name, target }: FileOperation) =>
      name === "rename" && target === `${out}/run.json`;
    using files = watchFiles({ under: out, at, fault });
    await assertRejects(job);
    assert(files.fired);
    files[Symbol.dispose]();
    assertEquals(await exists(out), fault === "halt");
  }
  const left = namesIn(out).filter((name) => name !== "run.lock");
  assert(left.includes("checkpoint-3") && !left.includes("run.json"), left.join());
  await Deno.writeTextFile(`${out}/thesis.tex`, "");
  await assertRejects(job, FileError, "an empty or new directory");
  assertEquals(namesIn(out), [...left, "thesis.tex"].sort());
  await Deno.remove(`${out}/thesis.tex`);
  await job();
  assertEquals(namesIn(out), namesIn(whole.out!));
});

Deno.test("A checkpoint without its mark is no copy of ours", async () => {
  const { out } = configOf("foreign");
  await Deno.mkdir(`${out}/checkpoint-3`, { recursive: true });
  await assertRejects(() => train({ ...whole, out: out! }), FileError, "found checkpoint-3");
  assertEquals(namesIn(out!), ["checkpoint-3"]);
});

Deno.test("A lock that cannot be written leaves nothing", async () => {
  const { out } = configOf("unlocked");
  const at = ({ name, path }: FileOperation) => name === "write" && path.endsWith("run.lock");
  using files = watchFiles({ under: out!, at, fault: "ENOSPC" });
  await assertRejects(() => train({ ...whole, out: out! }), FileError, "a full disk");
  assert(files.fired);
  files[Symbol.dispose]();
  assertEquals(await exists(out!), false);
});
