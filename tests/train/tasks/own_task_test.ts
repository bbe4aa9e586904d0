import { assertAlmostEquals, assertEquals, assertMatch } from "@std/assert";
import { readGlue } from "../../../train/data/glue.ts";
import type { Example } from "../../../train/data/example.ts";
import { hiddenkey } from "../../support/cli.ts";
import { contentOf, folderOf, type Table, type TableKind } from "../../support/tables.ts";
import { readMetrics, Workspace } from "../../support/workspace.ts";

const workspace = await Workspace.open();
Deno.test.afterAll(() => workspace[Symbol.asyncDispose]());

async function succeeded(...args: string[]): Promise<string> {
  const { code, out, err } = await hiddenkey(...args);
  assertEquals([err, code], ["", 0]);
  return out;
}

const words = ["follows", "not"];

/** Examples of the workspace under names of the user's own. */
function tableOf(examples: readonly Example[], score = false): Table {
  return {
    premise: examples.map(({ textA }) => textA),
    claim: examples.map(({ textB }) => textB ?? ""),
    verdict: examples.map(({ label }) => score ? label ?? 0 : words[label!]!),
  };
}

async function dataOf(task: "rte" | "stsb", kind: TableKind) {
  const read = (split: "train" | "dev") => readGlue(task, workspace.data(task), split);
  const { verdict: _, ...texts } = tableOf(await read("dev"));
  return await folderOf({
    [`train.${kind}`]: contentOf(tableOf(await read("train"), task === "stsb"), kind),
    [`validation.${kind}`]: contentOf(tableOf(await read("dev"), task === "stsb"), kind),
    [`new.${kind}`]: contentOf(texts, kind),
  });
}

function training(task: string, data: string, out: string, ...more: string[]): string[] {
  const columns = ["--text-a", "premise", "--text-b", "claim", "--label", "verdict"];
  const model = ["--model", workspace.model("bert"), "--batch", "8", "--epochs", "1"];
  const place = ["--data", data, "--out", workspace.out(out)];
  return ["train", "--task", task, ...columns, ...model, ...place, ...more];
}

Deno.test("train, eval, predict and resume a classification of the user's own", async () => {
  await using folder = await dataOf("rte", "parquet");
  const own = workspace.out("own");
  await succeeded(...training("classification", folder.path, "own", "--save-every", "3"));
  const run = JSON.parse(await Deno.readTextFile(`${own}/run.json`));
  assertEquals(run.classes, words);

  const last = (await readMetrics(own)).at(-1)!;
  const figures = JSON.parse(await succeeded("eval", "--run", own, "--json"));
  const names = ["accuracy", "macro_f1", "matthews", "f1", "loss", "nll", "brier", "ece"];
  assertEquals(Object.keys(figures), names);
  assertAlmostEquals(figures.accuracy, last["eval_accuracy"]!, 1e-9);

  const input = ["--input", `${folder.path}/new.parquet`];
  const [header, ...rows] = (await succeeded("predict", "--run", own, ...input)).split("\n");
  assertEquals([header, rows.pop(), rows.length], ["index\tprediction", "", 16]);
  const dev = await readGlue("rte", workspace.data("rte"), "dev");
  const right = rows.filter((row, i) => row === `${i}\t${words[dev[i]!.label!]}`).length;
  assertEquals(right / 16, figures.accuracy);

  // Other training data would give the words other numbers; the run's own stay.
  const sole = tableOf(await readGlue("rte", workspace.data("rte"), "train"));
  const only = { ...sole, verdict: sole["verdict"]!.map(() => "not") };
  await Deno.writeFile(`${folder.path}/train.parquet`, contentOf(only, "parquet"));
  const resumed = workspace.out("resumed");
  await succeeded("train", "--resume", `${own}/checkpoint-3`, "--out", resumed, "--change");
  const again = JSON.parse(await Deno.readTextFile(`${resumed}/run.json`));
  assertEquals(again.classes, words);
});

Deno.test("train and predict a regression of the user's own", async () => {
  await using folder = await dataOf("stsb", "jsonl");
  await succeeded(...training("regression", folder.path, "scores"));
  const run = workspace.out("scores");
  assertEquals(Object.keys((await readMetrics(run)).at(-1)!).filter((n) => n.startsWith("eval")), [
    "eval_pearson",
    "eval_spearman",
    "eval_mse",
    "eval_loss",
  ]);
  const out = await succeeded("predict", "--run", run, "--input", `${folder.path}/new.jsonl`);
  assertMatch(out, /^index\tprediction\n(\d+\t-?\d+\.\d{3}\n){16}$/);
});
