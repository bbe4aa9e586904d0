/** `--quantize` from flags to a merged model. */

import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import { OptionError } from "../../core/errors.ts";
import { parameters } from "../../nn/layers/module.ts";
import { openDevice } from "../../train/device/backend.ts";
import { Checkpoint } from "../../train/files/checkpoint.ts";
import { mergeAdapter } from "../../train/merge/merge.ts";
import { openRun, runConfig } from "../../train/run/open_run.ts";
import { train } from "../../train/train.ts";
import { readAdapter, Workspace } from "../support/workspace.ts";

const workspace = await Workspace.open();
Deno.test.afterAll(() => workspace[Symbol.asyncDispose]());

/** Makes a run of two steps; gives its folder and what it said. */
async function trained(name: string, quantize: "nf4" | "int8" | undefined) {
  const out = workspace.out(name);
  const lines: string[] = [];
  const given = { backend: "cpu", maxSteps: 2, devLimit: 2, generate: 0, out } as const;
  const config = workspace.config("e2e", quantize === undefined ? given : { ...given, quantize });
  await train(config, { onMessage: (line) => void lines.push(line) });
  return { out, lines, model: config.model };
}

/** Element types of a run's parameters, opened again. */
async function typesOf(run: string): Promise<Set<string>> {
  const config = await runConfig(run);
  const { device } = await openDevice(config);
  await using _device = device;
  using _scope = device.scope("run");
  const { model } = await openRun(run, config, device);
  return new Set([...parameters(model)].map(([, { value }]) => value.dtype));
}

Deno.test("a run in nf4 says what its base takes, and is opened again in nf4", async () => {
  const { out, lines } = await trained("nf4", "nf4");
  const told = lines.filter((line) => line.startsWith("frozen:"));
  assertEquals(told.length, 1);
  assertMatch(told[0]!, /^frozen: \d+ matrices in nf4, [\d,]+ numbers of \d\.\d{3} bytes$/);
  assertEquals(await typesOf(out), new Set(["f32", "nf4"]));
  const whole = await trained("whole", undefined);
  assertEquals(await typesOf(whole.out), new Set(["f32"]));
  assert((await readAdapter(whole.out)).some((x, i) => x !== 0 && i > 0));
});

Deno.test("an adapter of a base in int8 is merged into the numbers of the file", async () => {
  const { out, model } = await trained("int8", "int8");
  const merged = workspace.out("merged");
  const { changed } = await mergeAdapter({ model, adapter: out, out: merged });
  using before = await Checkpoint.open(model);
  using after = await Checkpoint.open(merged);
  let different = 0;
  for (const name of before.names()) {
    const [old, now] = [await before.readFloat(name, "f32"), await after.readFloat(name, "f32")];
    const kept = old.filter((x, i) => x === now[i]).length;
    if (kept < old.length) different++;
    // The keys' third of `c_attn` has no update: rounding to int8 would move it too.
    assert(3 * kept >= old.length, `${name}: ${kept} of ${old.length}`);
  }
  assertEquals(different, changed);
  assert(different > 0);
});

Deno.test("a run goes on in the bits that it was made with", async () => {
  const { out } = await trained("bits", "nf4");
  const config = await runConfig(out);
  await assertRejects(
    () => train({ ...config, quantize: "int8", maxSteps: 3 }, { resume: out }),
    OptionError,
    "--quantize int8",
  );
});
