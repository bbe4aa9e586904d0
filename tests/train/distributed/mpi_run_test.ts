// Runs that launchers of MPI start, in processes of their own.
import { assert, assertEquals, assertMatch } from "@std/assert";
import { train } from "../../../train/train.ts";
import { differencesOf, leftoversIn, runContents } from "../../kills/compare.ts";
import { inGroup } from "../../support/linked_groups.ts";
import { launch, launchers, needs, saysWho } from "../../support/mpi/launch.ts";
import { readAdapter, readTimeless, Workspace } from "../../support/workspace.ts";

const workspace = await Workspace.open();
Deno.test.afterAll(() => workspace[Symbol.asyncDispose]());

/** Flags of a run with checkpoints behind every third of its eight steps, or of more. */
function flagsOf(out: string, changes: Record<string, string | number> = {}): string[] {
  const usual = {
    ...{ task: "rte", data: workspace.data("rte"), model: workspace.model("bert"), epochs: 2 },
    ...{ batch: 8, rank: 4, lr: 0.005, method: "hiddenkey", rate: 0.1, "save-every": 3 },
    ...{ backend: "cpu", threads: 1, blas: "off", out },
    ...changes,
  };
  return Object.entries(usual).map(([name, value]) => `--${name}=${value}`);
}

for (const launcher of launchers) {
  const { title, isAbsent: ignore } = launcher;
  const test = (name: string, body: (out: (name: string) => string) => Promise<void>) =>
    Deno.test({
      name: `${title}: ${name} ${needs(launcher)}`,
      ignore,
      fn: () => body((name) => workspace.out(`${title}, ${name}`)),
    });

  test("two processes end as two in memory do, to the bit", async (out) => {
    const { code, text } = await launch(launcher, [[2, flagsOf(out("launched"))]]);
    assertEquals(code, 0, text);
    assertMatch(
      text,
      new RegExp(`processes: 0 \\(pid \\d+\\), 1 \\(pid \\d+\\) of 2 on .+${title}`),
    );
    const config = workspace.config("rte", {
      ...{ method: "hiddenkey", rate: 0.1, saveEvery: 3, backend: "cpu", threads: 1, blas: "off" },
      out: out("in memory"),
    });
    await inGroup(2, (group) => train(config, { group }));
    assertEquals(await readAdapter(out("launched")), await readAdapter(config.out!));
    assertEquals(await readTimeless(out("launched")), await readTimeless(config.out!));
    assertEquals(leftoversIn(out("launched")), []);
  });

  test("a process that is killed ends the run, which goes on as if nothing had happened", async (out) => {
    const whole = await launch(launcher, [[2, flagsOf(out("whole"), { epochs: 10 })]]);
    assertEquals(whole.code, 0, whole.text);
    const killed = out("killed");
    const blow = { rank: 1, signal: "SIGKILL", when: `${killed}/checkpoint-6` } as const;
    const flags = flagsOf(killed, { epochs: 10 });
    const { code, text, seconds } = await launch(launcher, [[2, flags]], blow);
    assert(
      code !== 0 && seconds < 60 && saysWho(launcher, 1, text),
      `${code} in ${seconds} s: ${text}`,
    );
    const again = await launch(launcher, [[2, [`--resume=${killed}`]]]);
    assertEquals(again.code, 0, again.text);
    assertEquals(differencesOf(await runContents(out("whole")), await runContents(killed)), []);
    assertEquals(leftoversIn(killed), []);
  });

  test("a process that hangs ends the run in time, named", async (out) => {
    const hung = out("hung");
    const blow = { rank: 1, signal: "SIGSTOP", when: `${hung}/checkpoint-3` } as const;
    const flags = flagsOf(hung, { epochs: 100, "distributed-timeout": 6 });
    const { code, text, seconds } = await launch(launcher, [[2, flags]], blow);
    assert(code !== 0 && seconds < 60, `${code} in ${seconds} s`);
    assertMatch(text, /error: process 0 of 2: Cannot go on as an answer of process 1 of 2 is/);
    assert((await Deno.stat(`${hung}/run.json`)).isFile);
  });

  test("a process that is asked to end stops all, with a checkpoint", async (out) => {
    const stopped = out("stopped");
    const blow = { rank: 1, signal: "SIGTERM", when: `${stopped}/checkpoint-3` } as const;
    const flags = flagsOf(stopped, { epochs: 100 });
    const { code, text } = await launch(launcher, [[2, flags]], blow);
    assertEquals(code, 143, text);
    assertMatch(text, /saved \S.*checkpoint-\d+\n/);
  });

  test("processes that disagree, or fail alone, end the run with one sentence", async (out) => {
    const [one, other] = [flagsOf(out("apart")), flagsOf(out("apart"), { seed: 2 })];
    const { code, text } = await launch(launcher, [[1, one], [1, other]]);
    assert(code !== 0);
    assertEquals([...text.matchAll(/error: .*/g)].map(([line]) => line), [
      "error: process 0 of 2: Cannot train by 2 processes as --seed 1 of process 0 is required of " +
      "process 1 of 2: found 2",
    ]);
    const lacking = flagsOf(out("apart"), { data: workspace.out("none") });
    const alone = await launch(launcher, [[1, one], [1, lacking]]);
    assert(alone.code !== 0);
    assertMatch(
      alone.text,
      /error: process 1 of 2: .+: Cannot read file as it requires a readable file/,
    );
  });
}
