import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { hiddenkey, hiddenkeyWith, inGroups, untimed } from "../../support/cli.ts";
import { Workspace } from "../../support/workspace.ts";

const workspace = await Workspace.open();
Deno.test.afterAll(() => workspace[Symbol.asyncDispose]());

const planFlags = [
  ...["--tasks=rte", "--methods=lora,hiddenkey", "--seeds=2", "--preset=none", "--rank=2"],
  ...["--epochs=2", "--batch=8", "--train-limit=16", "--dev-limit=8", "--backend=cpu"],
  ...["--threads=1", "--tune=lr", "--grid=lr=0.001,0.01", "--tune-seeds=1"],
];

const plan = (name: string, ...flags: readonly string[]) =>
  hiddenkey(
    ...["sweep", "plan", "table1", `--model=${workspace.model("bert")}`],
    ...[`--data=${workspace.root}/data`, `--out=${workspace.out(name)}`],
    ...planFlags,
    ...flags,
  );

Deno.test("plan says what it costs; run makes it with several processes; collect counts it", async () => {
  const out = workspace.out("jobs");
  const planned = await plan("jobs");
  assertEquals(planned, {
    code: 0,
    out: [
      `wrote ${out}/plan.jsonl`,
      "8 runs with 32 steps; none of them is made yet",
      "  4 runs to choose settings, 16 steps: lines 0 to 3 of the plan",
      "  4 runs to report, 16 steps: lines 4 to 7 of the plan",
      `next: deno task sweep run ${out}`,
      "",
    ].join("\n"),
    err: "",
  });
  assertStringIncludes((await plan("jobs")).out, `${out} holds this plan already\n`);
  const other = await plan("jobs", "--clip=2");
  assertEquals([other.code, other.out], [1, ""]);
  assertMatch(other.err, /^error: Cannot plan in .*: found the plan [0-9a-f]{12}\n$/);
  const permissions = ["--allow-run=deno"];
  const run = await hiddenkeyWith({ permissions }, "sweep", "run", out, "--jobs=2");
  assertEquals([run.code, run.err], [0, ""]);
  const lines = untimed(run.out).trimEnd().split("\n").filter((line) => line.startsWith("done "));
  assertEquals(lines.length, 8);
  for (const line of lines) {
    assertMatch(
      line,
      /^done [0-9a-f]{12} {2}\w.* on rte, seed \d+.*: accuracy 0\.\d{4} {2}in \d:\d\d$/,
    );
  }
  const status = await hiddenkey("sweep", "status", out);
  assertMatch(status.out, /^4 runs to choose settings: 4 done\n4 runs to report: 4 done\n/);
  const collected = await hiddenkey("sweep", "collect", out, "--courses");
  assertEquals(collected.out, `wrote ${out}/results.jsonl\n${status.out}`);
  const results = (await Deno.readTextFile(`${out}/results.jsonl`)).trimEnd().split("\n");
  assertEquals(results.length, 9);
  assertEquals(JSON.parse(results[8]!).course.length, 4 + 2);
  const again = await hiddenkey("sweep", "run", out);
  assertEquals([again.code, untimed(again.out)], [0, "8 runs: 8 done before\n"]);
});

Deno.test("a scheduler's number chooses a run, and a stage counts its own", async () => {
  const out = workspace.out("array");
  assertEquals((await plan("array")).code, 0);
  const run = (env: Record<string, string>, ...flags: readonly string[]) =>
    hiddenkeyWith({ env }, "sweep", "run", out, ...flags);
  const early = await run({ SLURM_ARRAY_TASK_ID: "4" });
  assertEquals(early.code, 1);
  assertEquals(untimed(early.out).split("\n"), [
    "run 4 of the plan, by SLURM_ARRAY_TASK_ID",
    "1 run: 1 left",
    "1 of those left wait for runs that choose their settings: --stage tune",
    "",
  ]);
  for (const [i, name] of ["SLURM_ARRAY_TASK_ID", "JOB_COMPLETION_INDEX", "PMI_RANK"].entries()) {
    const { code, out: said } = await run({ [name]: `${i}` });
    assertEquals(code, 0);
    assertStringIncludes(said, `run ${i} of the plan, by ${name}\n`);
    assertStringIncludes(untimed(said), "\n1 run: 1 done\n");
  }
  assertEquals((await run({}, "--index=3")).code, 0);
  const reported = await run({ JOB_COMPLETION_INDEX: "0" }, "--stage=report");
  assertStringIncludes(reported.out, " lora on rte, seed 1: ");
  assertStringIncludes(reported.out, "run 0 of the runs to report, by JOB_COMPLETION_INDEX");
  // With --jobs all runs are made, whatever the scheduler counts.
  const rest = await run({ PMI_RANK: "7" }, "--jobs=1");
  assertEquals([rest.code, untimed(rest.out).split("\n").at(-2)], [
    0,
    "8 runs: 3 done, 5 done before",
  ]);
});

Deno.test("bad command lines are refused in one sentence", async () => {
  const out = workspace.out("bad");
  assertEquals((await plan("bad")).code, 0);
  const cases: [args: string[], says: string][] = [
    [[], "one of plan, run, status, collect is required"],
    [["rum"], "the nearest one is run"],
    [["plan"], "--plan"],
    [["plan", "table9", "--model=m", "--data=d", "--out=o"], "one of table1, table2"],
    [["plan", "none.toml", "--model=m", "--data=d", "--out=o"], "none.toml"],
    [["plan", "table1", "--model=m", "--data=d", "--out=o", "--tasks=squad"], "--tasks"],
    [["plan", "table1", "--model=m", "--data=d", "--out=o", "--grid=lr"], "NAME=A,B"],
    [["plan", "table1", "--model=m", "--data=d", "--out=o", "--grid=lr=a"], "with numbers"],
    [["plan", "table1", `--model=${workspace.model("bert")}`, "--data=d", "--out=o"], "RTE or rte"],
    [["run", workspace.out("nothing")], "plan.json"],
    [["run", out, "--index=8"], "below 8"],
    [["run", out, "--index=1", "--jobs=2"], "--index with --jobs"],
    [["run", out, "--stage=tune", "--index=4"], "below 4"],
    [["run", out, "--precision=tf32"], "Cannot find option --precision"],
    [["status", workspace.out("nothing")], "plan.json"],
    [["collect"], "--folder"],
  ];
  await inGroups(cases, async ([args, says]) => {
    const found = await hiddenkey("sweep", ...args);
    assertEquals([found.code, found.out], [1, ""], `${args}: ${found.err}`);
    assertMatch(found.err, /^error: [^\n]+\n$/);
    assertStringIncludes(found.err, says);
  });
  const { err } = await hiddenkeyWith({ env: { PMI_RANK: "x" } }, "sweep", "run", out);
  assertStringIncludes(err, "Cannot use PMI_RANK as the number of a run");
});

Deno.test("a signal ends all processes, and the runs go on afterwards", async () => {
  const out = workspace.out("signal");
  const long = planFlags.map((flag) => flag === "--epochs=2" ? "--epochs=300" : flag);
  const planned = await hiddenkey(
    ...["sweep", "plan", "table1", `--model=${workspace.model("bert")}`, "--save-every=50"],
    ...[`--data=${workspace.root}/data`, `--out=${out}`, ...long],
  );
  assertEquals(planned.code, 0, planned.err);
  const root = decodeURIComponent(new URL("../../..", import.meta.url).pathname);
  const permissions = ["--allow-read", "--allow-write", "--allow-env", "--allow-run=deno"];
  const child = new Deno.Command("deno", {
    args: ["run", "--no-prompt", ...permissions, "train/main.ts", "sweep", "run", out, "--jobs=2"],
    cwd: root,
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const isBegun = () => [...Deno.readDirSync(out)].some(({ name }) => name === "runs");
  while (!isBegun()) await new Promise((go) => setTimeout(go, 20));
  await new Promise((go) => setTimeout(go, 300));
  child.kill("SIGTERM");
  const { code, stderr } = await child.output();
  assertEquals([code, new TextDecoder().decode(stderr)], [143, ""]);
  const { out: status } = await hiddenkey("sweep", "status", out, "--json");
  const { stages } = JSON.parse(status);
  assertEquals(stages[0].counts.running, 0);
  assert(stages[0].counts.left > 0);
});
