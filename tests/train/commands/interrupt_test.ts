import { assert, assertEquals } from "@std/assert";
import { namesIn, Workspace } from "../../support/workspace.ts";

const workspace = await Workspace.open();
Deno.test.afterAll(() => workspace[Symbol.asyncDispose]());

const main = decodeURIComponent(new URL("../../../train/main.ts", import.meta.url).pathname);

/** Starts a run of 20,000 steps and sends it a signal after its first step. */
async function interrupted(signal: Deno.Signal, ...flags: string[]) {
  const [data, model] = [workspace.data("rte"), workspace.model("bert")];
  const usual = [`--data=${data}`, `--model=${model}`, "--task=rte", "--batch=8", "--epochs=5000"];
  const child = new Deno.Command("deno", {
    args: [
      "run",
      "--allow-read",
      "--allow-write",
      "--allow-env",
      main,
      "train",
      ...usual,
      ...flags,
    ],
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  let seen = "", sent = false;
  for await (const text of child.stdout.pipeThrough(new TextDecoderStream())) {
    seen += text;
    if (sent || !seen.includes("step 1/")) continue;
    sent = true;
    child.kill(signal);
  }
  const { code } = await child.status;
  await child.stderr.cancel();
  return { code, seen };
}

for (const [signal, exitCode] of [["SIGINT", 130], ["SIGTERM", 143], ["SIGHUP", 129]] as const) {
  Deno.test({
    name: `${signal} ends a run behind its step with a checkpoint`,
    ignore: Deno.build.os === "windows",
    async fn() {
      const out = workspace.out(signal);
      const { code, seen } = await interrupted(signal, `--out=${out}`);
      const [, step] = / stopped {2}after step (\d+) of 20000,/.exec(seen) ?? [];
      assert(step !== undefined, seen.slice(-300));
      assertEquals(code, exitCode);
      // These are of the epochs that ended before, if one did.
      const evaluated = ["best", "last", "dev_predictions.jsonl"];
      const names = namesIn(out).filter((name) => !evaluated.includes(name));
      assertEquals(names, [`checkpoint-${step}`, "metrics.jsonl", "run.json"]);
    },
  });
}

Deno.test({
  name: "An interrupt ends a run that saves nothing at once",
  ignore: Deno.build.os === "windows",
  async fn() {
    const { code, seen } = await interrupted("SIGINT");
    assertEquals(code, 130);
    // A run that is asked to stop says so behind its step; this one does not get there.
    assertEquals(/stopped {2}after/.test(seen), false);
  },
});
