import { assertAlmostEquals, assertEquals, assertGreater, assertRejects } from "@std/assert";
import { Device } from "../../../../core/device.ts";
import { FileError } from "../../../../core/errors.ts";
import { openCpu } from "../../../../kernels/cpu/backend.ts";
import { parseSafetensors } from "../../../../nn/formats/weights.ts";
import { baseFile } from "../../../../train/demo/base_file.ts";
import { demonstrateMethod } from "../../../../train/demo/demo.ts";
import type { EvaluationRecord } from "../../../../train/evaluation.ts";
import type { FitResult } from "../../../../train/fit.ts";
import { FineTune } from "../../../../train/lab/page/fine_tune/fine_tune.ts";
import {
  demoModel,
  type PreparedRun,
  prepareRun,
} from "../../../../train/lab/page/fine_tune/prepare.ts";
import type { Job, RunSettings } from "../../../../train/lab/page/fine_tune/protocol.ts";
import type { StepRecord } from "../../../../train/step.ts";

const base = demoModel(async () => parseSafetensors(await Deno.readFile(baseFile)));

const settings: RunSettings = {
  ...{ method: "hiddenkey", rate: 0.1, kl: 1, rank: 8 },
  ...{ lr: 2e-3, epochs: 2, batch: 16, seed: 3 },
};

const job: Job = { model: { kind: "demo" }, data: { kind: "demo" }, settings, machine: "cpu" };

Deno.test("a run of the page has the numbers of the demonstration's own run, to the bit", async () => {
  await using device = new Device(openCpu());
  using run = await FineTune.open(await prepareRun(job, base), device);
  const { metrics, lastEpochLoss } = await run.train();
  const expected = await demonstrateMethod("hiddenkey", 3, { epochs: 2, backend: "cpu" });
  assertEquals({ metrics, lastEpochLoss }, {
    metrics: expected.metrics,
    lastEpochLoss: expected.lastEpochLoss,
  });
});

/** A run that is trained to its end, with all that it told. */
async function trained(prepared: PreparedRun, stops: readonly number[]) {
  await using device = new Device(openCpu());
  using run = await FineTune.open(prepared, device);
  const records: (StepRecord | EvaluationRecord)[] = [];
  let result: FitResult;
  let left = stops;
  do {
    const [stop] = left;
    const stopping = new AbortController();
    result = await run.train({
      signal: stopping.signal,
      onStep(record) {
        records.push(record);
        if (record.step === stop) stopping.abort();
      },
      onEvaluation: (record) => void records.push(record),
    });
    left = left.slice(1);
  } while (result.aborted);
  return {
    records,
    result,
    files: await run.files(),
    answer: await run.ask(prepared.facts.sample),
  };
}

Deno.test("a run that is stopped and goes on thrice is the run that never stopped, to the bit", async () => {
  const prepared = await prepareRun(job, base);
  const whole = await trained(prepared, []);
  assertEquals(whole.records.length, 34);
  // At an end of an epoch the evaluation is still to come.
  assertEquals(await trained(prepared, [5, 16, 20]), whole);
});

Deno.test("what is asked while a run trains is answered between two steps, and changes nothing", async () => {
  const prepared = await prepareRun(job, base);
  const { records, answer } = await trained(prepared, []);
  await using device = new Device(openCpu());
  using run = await FineTune.open(prepared, device);
  const before = await run.ask(prepared.facts.sample);
  const answers: Promise<number[]>[] = [];
  const steps: StepRecord[] = [];
  await run.train({
    onStep(record) {
      steps.push(record);
      answers.push(run.ask(prepared.facts.sample));
    },
  });
  assertEquals(steps, records.filter((one) => "grad_norm" in one));
  const given = await Promise.all(answers);
  assertEquals(given.length, 32);
  assertEquals(given.at(-1), answer);
  assertGreater(Math.abs(given[9]![0]! - before[0]!), 0);
  assertGreater(Math.abs(given[9]![0]! - answer[0]!), 0);
  for (const [first, second] of given) assertAlmostEquals(first! + second!, 1, 1e-12);
});

const table = (rows: readonly string[]) => `text,label\n${rows.join("\n")}\n`;

/** What is told of a table that is learned with the demonstration's model. */
async function factsOf(text: string, name = "pasted.csv") {
  const data = { kind: "table", name, text } as const;
  return (await prepareRun({ ...job, data }, base)).facts;
}

Deno.test("a table has its classes by words or numbers, and a part of each class held back", async () => {
  const texts = ["anna sees a dog .", "ben likes an apple .", "carla is in the park ."];
  const rows = Array.from(
    { length: 30 },
    (_, i) => `${i % 10} ${texts[i % 3]},${i % 2 ? "good" : "bad"}`,
  );
  const facts = await factsOf(table(rows));
  assertEquals([facts.classes, facts.train, facts.dev, facts.pairs], [
    ["bad", "good"],
    24,
    6,
    false,
  ]);
  const pairs = Array.from({ length: 20 }, (_, i) => `anna sees ${i},ben draws,${i % 2}`);
  const paired = await factsOf(`text_a,text_b,label\n${pairs.join("\n")}\n`);
  assertEquals([paired.classes, paired.pairs, paired.sample.length], [["0", "1"], true, 2]);
  const lines = rows.map((row) => JSON.stringify({ text: row, label: row.length % 2 }));
  assertEquals((await factsOf(lines.join("\n"), "pasted.jsonl")).classes, ["0", "1"]);
});

Deno.test("a table that is malformed is refused with its line and column", async () => {
  const refusals = [
    [
      table(["a dog,0", "a cat,1", "a horse,"]),
      "pasted.csv",
      'pasted.csv:4: Cannot read column "label" as the number or name of a class is required: found ""',
    ],
    [table(["a dog,0", 'a "cat,1']), "pasted.csv", "pasted.csv:3: Cannot read field"],
    [
      "text\ta\n",
      "pasted.tsv",
      'pasted.tsv:1: Cannot read header as the columns "text", "label" are required: found "text", "a"',
    ],
    [
      '{"text": "a", "label": 0}\n{"text": 3, "label": 1}',
      "pasted.jsonl",
      'pasted.jsonl:2: Cannot read column "text" as a text is required: found 3',
    ],
    [
      "text,label\n",
      "pasted.csv",
      "pasted.csv: Cannot read table as at least 1 row is required: found 0",
    ],
  ] as const;
  for (const [text, name, message] of refusals) {
    await assertRejects(() => factsOf(text, name), FileError, message);
  }
});
