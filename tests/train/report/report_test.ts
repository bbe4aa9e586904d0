import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import { FileError, OptionError } from "../../../core/errors.ts";
import { writeReport } from "../../../train/report/write_report.ts";
import { metricLines, prediction, type RunFiles, writeRun } from "../../support/report_runs.ts";

const root = await Deno.makeTempDir({ prefix: "hiddenkey-" });
Deno.test.afterAll(() => Deno.remove(root, { recursive: true }));

/** Writes the report of runs and gives its text, without the scripts and styles that are always there. */
async function pageOf(...folders: string[]): Promise<string> {
  const text = await Deno.readTextFile(await writeReport(folders, `${root}/page.html`));
  return text.replace(/<style>[^]*?<\/style>|<script(?: type="module")?>[^]*?<\/script>/g, "");
}

/** Text of a page as it is read: without tags. */
const shown = (page: string) =>
  page.replace(/<script[^]*?<\/script>/g, "").replace(/<[^>]*>/g, " ").replace(/\s+/g, " ");

/** What the page's script draws. */
function dataOf(page: string) {
  const [, json] = /<script type="application\/json" id="data">([^<]*)<\/script>/.exec(page)!;
  return JSON.parse(json!);
}

const usual = await writeRun(root, "usual");

Deno.test("a report lies in its run's folder and is written anew, never over another file", async () => {
  const path = await writeReport([usual]);
  assertEquals(path, `${usual}/report.html`);
  assertEquals(await writeReport([usual]), path);
  const other = `${root}/other.html`;
  await Deno.writeTextFile(other, "<html>");
  await assertRejects(() => writeReport([usual], other), FileError, "older report is required");
  assertEquals(await Deno.readTextFile(other), "<html>");
});

Deno.test("a report of several runs needs a file, and one of none or of nine is refused", async () => {
  await assertRejects(() => writeReport([usual, usual]), OptionError, "required in --out");
  await assertRejects(() => writeReport([]), OptionError, "1 to 8 runs are required: found 0");
  const nine = new Array<string>(9).fill(usual);
  await assertRejects(() => writeReport(nine, `${root}/nine.html`), OptionError, "found 9");
});

Deno.test("a report shows the figures, the plan, the mistakes and the settings of a run", async () => {
  const text = shown(await pageOf(usual));
  for (
    const part of [
      "Task mrpc · method hiddenkey · model tiny",
      // Best of accuracy is the last, with 0.5 + 0.01 x 4.
      "Best accuracy 0.5400 dev data, epoch 4, step 40",
      "2.00 % of 50,000 parameters",
      "20 s",
      "Attention logits column, rate 0.1, all layers",
      "Feed-forward element, rate 0.2, layers 3, 4",
      "KL in both directions × 0.5",
      "one of 6 layers",
      // The row of "no": one right, one wrong; the second is the wrongest of all.
      "no 1 50.0 % 1 50.0 % 2 50.0 %",
      "1 1.6094 no yes (80.0 %)",
      "no-bucket false",
    ]
  ) assert(text.includes(part), part);
});

Deno.test("panels are of what was logged: loss raw, smoothed, of the task and dev, then the others", async () => {
  const { panels, runs } = dataOf(await pageOf(usual));
  assertEquals(
    panels.map(({ id, series }: { id: string; series: { kind: string }[] }) =>
      `${id} ${series.map(({ kind }) => kind)}`
    ),
    [
      "loss raw,line,task,dev",
      "metric-accuracy dev",
      "compensation line",
      "grad_norm line",
      "learning_rate line",
    ],
  );
  assertEquals(runs, [{ name: "usual", epochsPerStep: 0.1 }]);
  const dev = panels[0].series[3];
  assertEquals([dev.steps, dev.values], [[10, 20, 30, 40], [0.7, 0.35, 0.233333, 0.175]]);
});

Deno.test("a figure that is the loss by another name has no panel of its own", async () => {
  const lines = metricLines(10).map((line) =>
    line["eval_loss"] === undefined ? line : { ...line, eval_nll: line["eval_loss"], eval_ece: 0.1 }
  );
  const folder = await writeRun(root, "twice", { "metrics.jsonl": lines });
  const ids = dataOf(await pageOf(folder)).panels.map(({ id }: { id: string }) => id);
  assertEquals([ids.includes("metric-nll"), ids.includes("metric-ece")], [false, true]);
});

const hostile = `</script><img src=x onerror="alert(1)">'\u202E\u0000 &amp; <!--`;

Deno.test("no text of a run becomes a part of the page, wherever it stands", async () => {
  const folder = await writeRun(root, "hostile", {
    "run.json": {
      config: { task: hostile, model: hostile, method: hostile, [hostile]: hostile },
      classes: [hostile, "yes"],
      backend: hostile,
      layers: hostile,
    },
    "metrics.jsonl": [{ step: 1, loss: 1 }, { step: 1, eval_accuracy: 1, [`eval_${hostile}`]: 2 }],
    "dev_predictions.jsonl": [
      { ...prediction(0, "yes", 0.1, hostile), label: hostile, predicted: hostile },
    ],
  });
  const page = await pageOf(folder);
  assert(!/<img|<!--(?! HiddenKey report -->)|\0/.test(page));
  const plain = await pageOf(await writeRun(root, "plain", { "metrics.jsonl": [] }));
  const scripts = (text: string) => text.match(/<script|<\/script/g)?.length ?? 0;
  assertEquals([scripts(page), scripts(plain)], [2, 0]);
  // A mark that turns the direction of writing acts within its own element alone.
  assert(page.includes('<bdi dir="auto">&lt;/script&gt;&lt;img src=x onerror=&quot;alert(1)'));
  const [, panel] = dataOf(page).panels;
  assertEquals(panel.id, "metric-accuracy");
});

Deno.test("the page allows its own scripts alone, and nothing of a network", async () => {
  const text = await Deno.readTextFile(await writeReport([usual], `${root}/policy.html`));
  const [, policy] = /Content-Security-Policy"\s+content="([^"]*)"/.exec(text)!;
  const rules = policy!.replaceAll("&#39;", "'").split("; ");
  assertEquals(rules[0], "default-src 'none'");
  const scripts = [...text.matchAll(/<script(?: type="module")?>([^]*?)<\/script>/g)];
  const hashes = scripts.map(async ([, script]) => {
    const hash = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(script));
    return `'sha256-${new Uint8Array(hash).toBase64()}'`;
  });
  assertEquals(scripts.length, 2);
  assertEquals(rules[1], `script-src ${(await Promise.all(hashes)).join(" ")}`);
  assert(
    !/\son\w+=|\sstyle=|<link|@import|url\(/.test(text.replace(/<script[^]*?<\/script>/g, "")),
  );
});

Deno.test("a report of 100,000 steps is small, and says that points were left out", async () => {
  const lines = metricLines(100_000);
  lines[77_777]!["loss"] = 1234;
  const folder = await writeRun(root, "long", { "metrics.jsonl": lines });
  const page = await pageOf(folder);
  assert(page.length < 300_000, `${page.length}`);
  assert(shown(page).includes("Of 100,000 steps each curve keeps the 1000 points"));
  const [raw] = dataOf(page).panels[0].series;
  assertEquals([raw.steps.length, raw.values.includes(1234)], [1000, true]);
});

const absent: [string, RunFiles, string][] = [
  ["nothing logged", { "metrics.jsonl": undefined }, "No step has been logged yet"],
  ["no evaluation", { "metrics.jsonl": metricLines(5) }, "was not evaluated yet"],
  ["no predictions", { "dev_predictions.jsonl": undefined }, "has no dev_predictions.jsonl"],
  ["empty predictions", { "dev_predictions.jsonl": "" }, "has no dev_predictions.jsonl"],
  ["no plan", { "hiddenkey_config.json": undefined }, "plan of dropout is not known yet"],
  ["an old run.json", { "run.json": { config: { task: "rte" } } }, "Task rte"],
];
for (const [name, files, says] of absent) {
  Deno.test(`a run with ${name} has a report that says so`, async () => {
    const folder = await writeRun(root, name.replaceAll(" ", "-"), files);
    assert(shown(await pageOf(folder)).includes(says), says);
  });
}

Deno.test("several runs: what differs comes first, and the best of each figure is bold", async () => {
  const lines = metricLines(40).map((line) =>
    line["eval_loss"] === undefined ? line : { ...line, eval_loss: 9, eval_accuracy: 0.9 }
  );
  const other = await writeRun(root, "other", {
    "run.json": {
      config: { task: "mrpc", model: "/models/tiny", method: "lora", lr: 0.001, out: "x" },
    },
    "metrics.jsonl": lines,
  });
  const page = await pageOf(usual, other);
  const [differences = ""] = page.slice(page.indexOf('id="settings"')).split("<details>");
  assertMatch(shown(differences), /method hiddenkey lora/);
  assert(!/>lr<|>out</.test(differences));
  // Both plans are the same, and drawn once; the hardest examples are folded.
  assertEquals(page.match(/<svg/g)?.length, 1);
  assertEquals(page.match(/<details>/g)?.length, 3);
  // The other run has the better accuracy and the worse loss.
  const bold = [...page.matchAll(/class="number best">([^<]*)</g)].map(([, text]) => text);
  assertEquals(bold, ["0.1750", "0.9000"]);
});

Deno.test("a run in which nothing is dropped has no figure of it, and says so", async () => {
  const plan = { sites: [], compensation: { kind: "none", weight: 1, branches: 1 } };
  const folder = await writeRun(root, "lora", { "hiddenkey_config.json": { plan } });
  const page = await pageOf(folder);
  assert(!page.includes("<svg"));
  assert(shown(page).includes("Nothing is dropped. One pass, without compensation."));
});

Deno.test("runs of the same name are told apart by their paths", async () => {
  const [a, b] = [await writeRun(`${root}/a`, "run"), await writeRun(`${root}/b`, "run")];
  const { runs } = dataOf(await pageOf(a, b));
  assertEquals(runs.map(({ name }: { name: string }) => name), [a, b]);
});

Deno.test("scores are a scatter, texts are shown with what was written, both wrongest first", async () => {
  const scores = [[1, 2], [4, 0.5]].map(([label, predicted], index) => {
    return { index, texts: ["a", "b"], label, predicted, loss: (label! - predicted!) ** 2 };
  });
  const scored = await pageOf(await writeRun(root, "scored", { "dev_predictions.jsonl": scores }));
  assertEquals(scored.match(/<circle class="dot s0"/g)?.length, 2);
  assertMatch(shown(scored), /1 12\.25 4\.0000 0\.5000 a b .*0 1\.0000 1\.0000 2\.0000/);
  const texts = [{ index: 0, input: "in", references: ["r1", "r2"], generated: "out", loss: 1 }];
  const written = await pageOf(await writeRun(root, "texts", { "dev_predictions.jsonl": texts }));
  assertMatch(shown(written), /input in written out reference r1 reference r2/);
});

Deno.test("classes that are too many for a matrix are shown by the mistakes made most", async () => {
  const names = Array.from({ length: 30 }, (_, i) => `c${i}`);
  const lines = names.flatMap((label, i) =>
    [names[0]!, names[0]!, label].map((predicted, j) => {
      return { index: 3 * i + j, texts: [], label, predicted, probabilities: [1], loss: 1 };
    })
  );
  const text = shown(
    await pageOf(await writeRun(root, "many", { "dev_predictions.jsonl": lines })),
  );
  assertMatch(text, /32 classes are too many.*c1 c0 2/);
});
