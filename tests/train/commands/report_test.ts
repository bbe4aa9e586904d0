import { assert, assertEquals, assertMatch } from "@std/assert";
import { train } from "../../../train/train.ts";
import { hiddenkey, task } from "../../support/cli.ts";
import { type FileOperation, watchFiles } from "../../support/faults.ts";
import { writeRun } from "../../support/report_runs.ts";
import { trainQuietly } from "../../support/train_in_process.ts";
import { namesIn, Workspace } from "../../support/workspace.ts";

const workspace = await Workspace.open();
Deno.test.afterAll(() => workspace[Symbol.asyncDispose]());

Deno.test("train leaves a report of the run that it ends, and deno task report one of several", async () => {
  const outs = ["lora", "hiddenkey"].map((method) => [method, workspace.out(method)] as const);
  for (const [method, out] of outs) {
    const config = workspace.config("rte");
    const flags = ["task", "data", "model", "epochs", "batch", "rank", "lr"] as const;
    const args = flags.flatMap((name) => [`--${name}`, `${config[name]}`]);
    await trainQuietly(...args, "--method", method, "--out", out);
    assert(namesIn(out).includes("report.html"));
  }
  const page = workspace.out("both.html");
  const { code, out, err } = await task("report", ...outs.map(([, path]) => path), "--out", page);
  assertEquals([code, out, err], [0, `wrote ${page}\n`, ""]);
  assertMatch(await Deno.readTextFile(page), /2 runs: lora, hiddenkey/);
});

Deno.test("a run whose process was killed before its report gets it where it is resumed", async () => {
  const out = workspace.out("unreported");
  await train(workspace.config("rte", { out }));
  assert(!namesIn(out).includes("report.html"));
  await trainQuietly("--resume", out);
  const page = await Deno.readTextFile(`${out}/report.html`);
  assertMatch(page, /unreported/);
  const elsewhere = workspace.out("not there");
  await trainQuietly("--resume", out, "--out", elsewhere);
  assertEquals(namesIn(workspace.root).includes("not there"), false);
});

Deno.test("a malformed line ends the command with its place, and leaves no report", async () => {
  const run = await writeRun(workspace.root, "malformed", { "metrics.jsonl": '{"step":1}\nx\n' });
  const { code, err } = await hiddenkey("report", run);
  assertEquals(code, 1);
  assertMatch(err, /metrics\.jsonl:2: Cannot report the run as a JSON object is required/);
  assert(!namesIn(run).includes("report.html"));
});

Deno.test("a report that cannot be written does not fail the run that it is of", async () => {
  const out = workspace.out("obstructed");
  const config = workspace.config("rte", { maxSteps: 1 });
  const args = ["task", "data", "model", "batch"] as const;
  const flags = args.flatMap((name) => [`--${name}`, `${config[name]}`]);
  const at = ({ path }: FileOperation) => path.startsWith(`${out}/report.html.`);
  using files = watchFiles({ under: out, at, fault: "ENOSPC" });
  const code = await trainQuietly(...flags, "--max-steps", "4", "--out", out);
  assertEquals([code, files.fired], [0, true]);
  assert(namesIn(out).includes("adapter_model.safetensors"));
});
