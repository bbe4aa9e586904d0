import { assert, assertEquals, assertMatch } from "@std/assert";
import { hiddenkey, task } from "../../support/cli.ts";
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
  const obstruct = setInterval(() => {
    try {
      Deno.mkdirSync(`${out}/report.html`);
      clearInterval(obstruct);
    } catch {
      // The run's folder is not there yet.
    }
  }, 5);
  const code = await trainQuietly(...flags, "--max-steps", "4", "--out", out);
  clearInterval(obstruct);
  assertEquals(code, 0);
  assert(namesIn(out).includes("adapter_model.safetensors"));
});
