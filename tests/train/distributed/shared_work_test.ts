// Evaluations and predictions that several processes make of a saved run.
import { assert, assertAlmostEquals, assertEquals, assertMatch } from "@std/assert";
import { train } from "../../../train/train.ts";
import { hiddenkey } from "../../support/cli.ts";
import { netTest } from "../../support/loopback.ts";
import { launchLoop } from "../../support/loop_launch.ts";
import { Workspace } from "../../support/workspace.ts";

const workspace = await Workspace.open();
Deno.test.afterAll(() => workspace[Symbol.asyncDispose]());

const main = "train/main.ts";
const computed = ["--backend=cpu", "--threads=1", "--blas=off"];

/** A run, and flags by which two processes meet. */
async function trained(task: "rte" | "e2e", name: string = task) {
  const out = workspace.out(`shared ${name}`);
  await train(workspace.config(task, { out, backend: "cpu", threads: 1, blas: "off" }));
  return { out, met: ["--distributed=tcp", `--rendezvous=${out}.meeting`] };
}

for (const task of ["rte", "e2e"] as const) {
  netTest(`two processes evaluate ${task} and predict as one does`, async () => {
    const { out, met } = await trained(task);
    const evaluation = ["eval", out, "--json", ...computed];
    const one = await hiddenkey(...evaluation);
    const both = [...evaluation, ...met];
    const { results } = await launchLoop([both, both], undefined, main);
    assertEquals(results.map(({ code }) => code), [0, 0], results[0]!.text);
    const metrics = JSON.parse(one.out) as Record<string, number>;
    const [line, ...rest] = results[0]!.text.split("\n").filter((line) => line.startsWith("{"));
    assertEquals(rest, []);
    const found = JSON.parse(line!) as Record<string, number>;
    assertEquals(Object.keys(found), Object.keys(metrics));
    for (const [name, value] of Object.entries(metrics)) {
      assertAlmostEquals(found[name]!, value, 1e-6, name);
    }
    assert(!results[1]!.text.includes("{"), results[1]!.text);
    const input = `--input=${workspace.data(task)}/${task === "rte" ? "dev.tsv" : "devset.csv"}`;
    const prediction = ["predict", out, input, "--batch=3", ...computed];
    const alone = await hiddenkey(...prediction, `--out=${out}.one`);
    assertEquals(alone.code, 0, alone.err);
    const shared = [...prediction, ...met, `--out=${out}.two`];
    const predicted = await launchLoop([shared, shared], undefined, main);
    assertEquals(predicted.results.map(({ code }) => code), [0, 0], predicted.results[0]!.text);
    assertEquals(await Deno.readTextFile(`${out}.two`), await Deno.readTextFile(`${out}.one`));
  });
}

netTest("processes that would evaluate or predict other things are refused by name", async () => {
  const { out, met } = await trained("rte", "apart");
  const evaluation = ["eval", out, ...computed, ...met];
  const apart = await launchLoop([evaluation, [...evaluation, "--dev-limit=4"]], undefined, main);
  assertMatch(
    apart.results[0]!.text,
    /error: process 0 of 2: Cannot evaluate by 2 processes as evaluated data sha256-\w+ of process 0 is required of process 1 of 2: found sha256-/,
  );
  const texts = (second: string) => [
    ...["predict", out, "--text-a=one", `--text-b=${second}`, ...computed, ...met],
  ];
  const { results } = await launchLoop([texts("two"), texts("three")], undefined, main);
  assertMatch(
    results[0]!.text,
    /Cannot predict by 2 processes as digest of texts \w+ of process 0 is required/,
  );
  assert(results.every(({ code }) => code !== 0));
});

netTest("processes of other commands, or that sum in other ways, are refused by name", async () => {
  const { out, met } = await trained("rte", "commands apart");
  const refused = async (first: readonly string[], second: readonly string[], required: string) => {
    const { results } = await launchLoop([first, second], undefined, main);
    assertMatch(results[0]!.text, new RegExp(`error: process 0 of 2: Cannot ${required}`));
    assert(results.every(({ code }) => code !== 0));
  };
  const prediction = ["predict", out, "--text-a=one", "--text-b=two", ...computed, ...met];
  const between = "of process 0 is required of process 1 of 2: found";
  await refused(
    ["eval", out, ...computed, ...met],
    prediction,
    `evaluate by 2 processes as command evaluate ${between} predict`,
  );
  const training = ["train", `--resume=${out}`, met[1]!];
  await refused(
    [...training, "--distributed=tcp"],
    [...training, "--distributed=nccl"],
    `train by 2 processes as --distributed tcp ${between} nccl`,
  );
});

netTest("processes that would draw texts in different ways are refused by name", async () => {
  const { out, met } = await trained("e2e", "drawn apart");
  const drawn = (...rules: string[]) => [
    ...["predict", out, "--text=name[Wildwood]", "--sample", ...rules, ...computed, ...met],
  ];
  for (const rules of [["--temperature=0.5"], ["--sample-seed=7"]]) {
    const { results } = await launchLoop([drawn(), drawn(...rules)], undefined, main);
    assertMatch(
      results[0]!.text,
      /Cannot predict by 2 processes as --sample \{.*\} of process 0 is required of process 1 of 2/,
    );
    assert(results.every(({ code }) => code !== 0));
  }
});
