// Runs by processes without MPI, which find each other by a file.
import { assert, assertEquals, assertMatch } from "@std/assert";
import { train } from "../../../train/train.ts";
import { differencesOf, leftoversIn, runContents } from "../../kills/compare.ts";
import { inGroup } from "../../support/linked_groups.ts";
import { netTest } from "../../support/loopback.ts";
import { launchLoop } from "../../support/loop_launch.ts";
import { readAdapter, readTimeless, Workspace } from "../../support/workspace.ts";

const workspace = await Workspace.open();
Deno.test.afterAll(() => workspace[Symbol.asyncDispose]());

/** Flags of a run with checkpoints behind every third of its steps, and a rendezvous of its own. */
function flagsOf(name: string, changes: Record<string, string | number> = {}): string[] {
  const out = workspace.out(name);
  const usual = {
    ...{ task: "rte", data: workspace.data("rte"), model: workspace.model("bert"), epochs: 2 },
    ...{ batch: 8, rank: 4, lr: 0.005, method: "hiddenkey", rate: 0.1, "save-every": 3 },
    ...{ backend: "cpu", threads: 1, blas: "off", out },
    ...changes,
  };
  const flags = Object.entries(usual).map(([name, value]) => `--${name}=${value}`);
  return [...flags, "--distributed=tcp", `--rendezvous=${out}.meeting`];
}

netTest("two processes by TCP end as two in memory do, to the bit", async () => {
  const flags = flagsOf("by TCP");
  const { results } = await launchLoop([flags, flags]);
  for (const { code, text } of results) assertEquals(code, 0, text);
  assertMatch(results[0]!.text, /processes: 0 \(pid \d+\), 1 \(pid \d+\) of 2 on .+, by TCP/);
  const config = workspace.config("rte", {
    ...{ method: "hiddenkey", rate: 0.1, saveEvery: 3, backend: "cpu", threads: 1, blas: "off" },
    out: workspace.out("in memory"),
  });
  await inGroup(2, (group) => train(config, { group }));
  const out = workspace.out("by TCP");
  assertEquals(await readAdapter(out), await readAdapter(config.out!));
  assertEquals(await readTimeless(out), await readTimeless(config.out!));
  assertEquals(leftoversIn(out), []);
});

netTest(
  "a process by TCP that is killed is named, and the run goes on as if nothing had happened",
  async () => {
    const whole = flagsOf("whole", { epochs: 10 });
    const first = await launchLoop([whole, whole]);
    assertEquals(first.results.map(({ code }) => code), [0, 0], first.results[0]!.text);
    const out = workspace.out("killed");
    const blow = { rank: 1, signal: "SIGKILL", when: `${out}/checkpoint-6` } as const;
    const flags = flagsOf("killed", { epochs: 10 });
    const { results: [left], seconds } = await launchLoop([flags, flags], blow);
    assert(left!.code !== 0 && seconds < 60, `${left!.code} in ${seconds} s`);
    assertMatch(
      left!.text,
      /error: process 0 of 2: Cannot go on as an answer of process 1 of 2 is required: found its connection closed, as that process ended/,
    );
    const again = [`--resume=${out}`, "--distributed=tcp", `--rendezvous=${out}.meeting`];
    const { results } = await launchLoop([again, again]);
    assertEquals(results.map(({ code }) => code), [0, 0], results[0]!.text);
    assertEquals(
      differencesOf(await runContents(workspace.out("whole")), await runContents(out)),
      [],
    );
  },
);

netTest("a process by TCP that hangs ends the run in time, named", async () => {
  const out = workspace.out("hung");
  const blow = { rank: 1, signal: "SIGSTOP", when: `${out}/checkpoint-3` } as const;
  const flags = flagsOf("hung", { epochs: 100, "distributed-timeout": 6 });
  const { results: [left], seconds } = await launchLoop([flags, flags], blow);
  assert(left!.code !== 0 && seconds < 60, `${left!.code} in ${seconds} s`);
  assertMatch(left!.text, /error: process 0 of 2: Cannot go on as an answer of process 1 of 2 is/);
});

netTest(
  "processes by TCP that disagree end with one sentence, and one that is asked stops all",
  async () => {
    const { results } = await launchLoop([flagsOf("apart"), flagsOf("apart", { seed: 2 })]);
    assertEquals(
      results.map(({ text }) => [...text.matchAll(/error: .*/g)].map(([line]) => line)),
      [
        [
          "error: process 0 of 2: Cannot train by 2 processes as --seed 1 of process 0 is required of " +
          "process 1 of 2: found 2",
        ],
        [],
      ],
    );
    assert(results.every(({ code }) => code === results[0]!.code && code !== 0));
    const out = workspace.out("asked");
    const flags = flagsOf("asked", { epochs: 100 });
    const blow = { rank: 1, signal: "SIGTERM", when: `${out}/checkpoint-3` } as const;
    const stopped = await launchLoop([flags, flags], blow);
    assertEquals(stopped.results.map(({ code }) => code), [143, 143], stopped.results[0]!.text);
    assertMatch(stopped.results[0]!.text, /saved \S.*checkpoint-\d+\n/);
  },
);
