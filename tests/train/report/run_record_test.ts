import { assertEquals, assertRejects } from "@std/assert";
import { FileError } from "../../../core/errors.ts";
import { readRunRecord } from "../../../train/report/run_record.ts";
import { metricLines, type RunFiles, writeRun } from "../../support/report_runs.ts";

const root = await Deno.makeTempDir({ prefix: "hiddenkey-" });
Deno.test.afterAll(() => Deno.remove(root, { recursive: true }));

Deno.test("a run's lines are parted into steps and evaluations, without eval_", async () => {
  const run = await readRunRecord(await writeRun(root, "whole"));
  assertEquals(run.name, "whole");
  assertEquals([run.steps.length, run.evaluations.length, run.seconds], [40, 4, 20]);
  assertEquals(run.evaluations[1], { step: 20, epoch: 2, accuracy: 0.52, loss: 0.35 });
  assertEquals(run.predictions?.map(({ index }) => index), [0, 1, 2]);
  assertEquals(run.plan?.sites.length, 2);
});

Deno.test("a run that was resumed took the time of all of its parts", async () => {
  const lines = [5, 9, 2, 3].map((seconds, i) => ({ step: i + 1, loss: 1, seconds }));
  const run = await readRunRecord(await writeRun(root, "parts", { "metrics.jsonl": lines }));
  assertEquals(run.seconds, 12);
});

Deno.test("a run that has just begun has neither figures nor predictions, which is no error", async () => {
  const without = {
    "metrics.jsonl": undefined,
    "dev_predictions.jsonl": undefined,
    "hiddenkey_config.json": undefined,
  };
  const run = await readRunRecord(await writeRun(root, "begun", without));
  assertEquals([run.steps, run.evaluations, run.predictions, run.plan, run.seconds], [
    [],
    [],
    undefined,
    undefined,
    undefined,
  ]);
});

Deno.test("a last line that is being written is left out", async () => {
  const text = `${JSON.stringify({ step: 1, loss: 1 })}\n{"step": 2, "lo`;
  const run = await readRunRecord(await writeRun(root, "torn", { "metrics.jsonl": text }));
  assertEquals(run.steps, [{ step: 1, loss: 1 }]);
});

const one = { index: 0, loss: 1, texts: ["a"], label: "no", predicted: "no" };
/** A plan of one site in some layers. */
const planOf = (layers: unknown) => ({
  plan: {
    sites: [{ position: "hidden", structure: "element", rate: 0.1, layers }],
    compensation: { kind: "none", weight: 1 },
  },
});
const [first] = metricLines(1);
const line = JSON.stringify(first);
const refused: [string, RunFiles, RegExp][] = [
  ["is no JSON", { "metrics.jsonl": `${line}\nloss 3\n` }, /metrics\.jsonl:2: .*JSON object is/],
  ["is empty", { "metrics.jsonl": `\n${line}\n` }, /metrics\.jsonl:1: .*found an empty line/],
  [
    "is a list",
    { "metrics.jsonl": `${line}\n${line}\n[1]\n` },
    /metrics\.jsonl:3: .*found "\[1\]"/,
  ],
  ["has no step", { "metrics.jsonl": [{ loss: 1 }] }, /metrics\.jsonl:1: .*with a step is/],
  [
    "has no loss",
    { "dev_predictions.jsonl": [{ index: 3, texts: ["a"] }] },
    /dev_predictions\.jsonl:1: .*prediction is required/,
  ],
  [
    "has a label that is no word",
    { "dev_predictions.jsonl": [{ index: 3, texts: [], label: {}, predicted: {}, loss: 1 }] },
    /dev_predictions\.jsonl:1: .*prediction is required/,
  ],
  ...[undefined, "0.5", [], [0.5, null]].map((probabilities): [string, RunFiles, RegExp] => [
    `has ${JSON.stringify(probabilities)} for probabilities`,
    { "dev_predictions.jsonl": [{ ...one, probabilities }] },
    /dev_predictions\.jsonl:1: .*prediction is required/,
  ]),
  [
    "has a number that was generated",
    { "dev_predictions.jsonl": [{ index: 0, loss: 1, input: "a", references: [], generated: 5 }] },
    /dev_predictions\.jsonl:1: .*prediction is required/,
  ],
  ...["some", ["0"], {}].map((layers): [string, RunFiles, RegExp] => [
    `has ${JSON.stringify(layers)} for layers`,
    { "hiddenkey_config.json": planOf(layers) },
    /hiddenkey_config\.json: .*plan of dropout is required/,
  ]),
  [
    "has a place that is unknown",
    {
      "hiddenkey_config.json": {
        plan: {
          sites: [{ position: "<b>", structure: "element", rate: 0.1, layers: "all" }],
          compensation: { kind: "none", weight: 1 },
        },
      },
    },
    /hiddenkey_config\.json: .*plan of dropout is required/,
  ],
];
for (const [name, files, says] of refused) {
  Deno.test(`a line or file that ${name} is refused with its place`, async () => {
    const folder = await writeRun(root, name.replaceAll(" ", "-"), files);
    const error = await assertRejects(() => readRunRecord(folder), FileError);
    assertEquals(says.test(error.message), true, error.message);
  });
}

Deno.test("a folder that is no run is refused", async () => {
  await assertRejects(() => readRunRecord(`${root}/nowhere`), FileError, "run.json");
});
