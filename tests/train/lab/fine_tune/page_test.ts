import { assertAlmostEquals, assertEquals, assertLess, assertMatch } from "@std/assert";
import { dirname } from "node:path";
import { unzipSync } from "fflate";
import { Device } from "../../../../core/device.ts";
import { seedKey } from "../../../../core/random.ts";
import { openCpu } from "../../../../kernels/cpu/backend.ts";
import { toBatch } from "../../../../nn/layers/batch.ts";
import { parseSafetensors } from "../../../../nn/formats/weights.ts";
import { resolveConfig } from "../../../../train/config/config.ts";
import { baseFile } from "../../../../train/demo/base_file.ts";
import { demonstrateMethod } from "../../../../train/demo/demo.ts";
import type { EvaluationRecord } from "../../../../train/evaluation.ts";
import { countedBytes, FineTune } from "../../../../train/lab/page/fine_tune/fine_tune.ts";
import { demoModel, prepareRun } from "../../../../train/lab/page/fine_tune/prepare.ts";
import { loadAdapter } from "../../../../train/run/adapter.ts";
import { openClassifier } from "../../../../train/run/load_model.ts";
import { loadTokenizer } from "../../../../train/run/load_tokenizer.ts";
import type { StepRecord } from "../../../../train/step.ts";
import { train } from "../../../../train/train.ts";
import type { FineTuneVisit } from "../../../browser/fine_tune_visit.ts";
import { findProgram, outputOf } from "../../../support/programs.ts";
import { needsPython, runPython, withoutPython } from "../../../support/python.ts";

const here = (path: string) => decodeURIComponent(new URL(path, import.meta.url).pathname);

const chromium = findProgram("chromium");
const needsChromium = chromium === undefined ? " (needs chromium)" : "";

/** A model's folder, with a vocabulary as large as its table. */
let folder = "";
let found: FineTuneVisit;

Deno.test.beforeAll(async () => {
  if (chromium === undefined) return;
  folder = await Deno.makeTempDir({ prefix: "hiddenkey-" });
  for (const name of ["config.json", "model.safetensors"]) {
    await Deno.copyFile(
      here(`../../../golden/bert-classification/base/${name}`),
      `${folder}/${name}`,
    );
  }
  const words = [
    "[PAD]",
    "[UNK]",
    "[CLS]",
    "[SEP]",
    "[MASK]",
    ..."abcdefghijklmnopqrstuvwxyz012345678",
  ];
  await Deno.writeTextFile(`${folder}/vocab.txt`, `${words.join("\n")}\n`);
  // Playwright reads below /proc, which Deno grants with all permissions alone.
  const lock = `--lock=${here("../../../../deno.dev.lock")}`;
  const script = here("../../../browser/fine_tune_visit.ts");
  const args = ["run", "--allow-all", "--frozen", lock, script, chromium, folder];
  found = JSON.parse(await outputOf("deno", args, here("../../../.."))) as FineTuneVisit;
});

Deno.test.afterAll(async () => {
  if (folder !== "") await Deno.remove(folder, { recursive: true });
});

/** Registers a test of what the visit found. */
function pageTest(name: string, check: () => void | Promise<void>): void {
  Deno.test({ name: name + needsChromium, ignore: chromium === undefined, fn: check });
}

pageTest("the page has no complaint, asks no other host and weighs below 400 kB", () => {
  const { complaints, requests, bytes } = found;
  assertEquals({ complaints, requests }, { complaints: [], requests: [] });
  assertLess(bytes, 400_000);
});

pageTest("results and choices fit a phone, and axe finds nothing wrong in either theme", () => {
  const looks = { overflows: false, violations: [[], []] };
  assertEquals(found.looks, [looks, looks]);
});

pageTest(
  "two methods that were stopped and went on have the library's numbers, to the bit",
  async () => {
    const { runs } = found.demo;
    assertEquals(runs.map(({ job }) => job.settings.method), ["lora", "hiddenkey"]);
    const base = demoModel(async () => parseSafetensors(await Deno.readFile(baseFile)));
    for (const { job, facts, steps, evaluations, ends, failures } of runs) {
      assertEquals([ends, failures, steps.length], [[true, false], [], 32]);
      await using device = new Device(openCpu());
      const prepared = await prepareRun(job, base);
      const { backend: _, ...told } = facts!;
      assertEquals(told, prepared.facts);
      using run = await FineTune.open(prepared, device);
      const [own, judged]: [StepRecord[], EvaluationRecord[]] = [[], []];
      await run.train({
        onStep: (record) => void own.push(record),
        onEvaluation: (record) => void judged.push(record),
      });
      assertEquals([steps, evaluations], [own, judged]);
      const { method, rate, kl, epochs, seed } = job.settings;
      const { metrics } = await demonstrateMethod(method, seed, {
        rate,
        kl,
        epochs,
        backend: "cpu",
      });
      const { step: _step, epoch: _epoch, ...last } = evaluations.at(-1)!;
      const named = Object.entries(metrics).map(([name, value]) => [`eval_${name}`, value]);
      assertEquals(last, Object.fromEntries(named));
    }
  },
);

pageTest("curves, table and address say what was trained, and little is spoken", () => {
  const { address, points, tables, spoken } = found.demo;
  assertEquals(address, "#fine-tune?epochs=2&rate=0.2");
  // Of each method 32 steps, and two evaluations twice.
  assertEquals(points, [32, 32, 2, 2, 2, 2]);
  assertMatch(tables[0]!, /^lora\s+2\.0, done\s+0\.\d{3}\s+0\.\d{3}\s+0\.\d{3}\s+\d\d\.\d %$/);
  assertMatch(tables[3]!, /^hiddenkey\s+\d\d\.\d %\s+\d\d\.\d %$/);
  assertEquals(spoken.length, 5);
});

pageTest("while two workers train, no task of the page's own thread takes 100 ms", () => {
  const { late, busy } = found.demo;
  // Where other programs keep all processors, timers come late by that: the median does not.
  assertLess(late.toSorted((a, b) => a - b)[late.length >> 1]!, 100);
  assertLess(busy, 100);
});

pageTest(
  "a folder and a pasted table train as `deno task train` does with files, to the bit",
  async () => {
    const { runs: [run], said } = found.own;
    assertEquals(
      said[0],
      'pasted.csv:3: Cannot read column "label" as the number or name of a class is required: found ""',
    );
    const facts =
      "16 examples to learn, 4 to judge by: bad, good. 12 steps and 0.1 MB of tensors for " +
      "each method.";
    assertEquals(said.slice(1), [facts, facts]);
    const { data, settings } = run!.job;
    const written = await Deno.makeTempDir({ dir: folder });
    await Deno.writeTextFile(`${written}/train.csv`, data.kind === "table" ? data.text : "");
    const records: (StepRecord | EvaluationRecord)[] = [];
    const given = { task: "classification", data: written, model: folder, backend: "cpu" } as const;
    await train(resolveConfig(given, settings, { devFraction: 0.2 }), {
      onStep: (record) => void records.push(record),
      onEvaluation: (record) => void records.push(record),
    });
    const [steps, evaluations] = [true, false].map((isStep) =>
      records.filter((record) => "grad_norm" in record === isStep)
    );
    assertEquals([run!.steps, run!.evaluations], [steps, evaluations]);
  },
);

pageTest(
  "weights in 4 bits take less memory, which is said, and train as here, to the bit",
  async () => {
    const { run: { job, steps, failures }, address, said } = found.quantised;
    assertEquals(address, "#fine-tune?methods=hiddenkey&steps=2&weights=nf4");
    const { quantize, half } = job.settings;
    assertEquals([quantize, half, failures, steps.length], ["nf4", true, [], 2]);
    const base = demoModel(async () => parseSafetensors(await Deno.readFile(baseFile)));
    const prepared = await prepareRun(job, base);
    const { quantize: _, half: __, ...settings } = job.settings;
    const megabytes = await Promise.all(
      [await prepareRun({ ...job, settings }, base), prepared].map(countedBytes),
    );
    assertLess(megabytes[1]!, megabytes[0]!);
    assertEquals(
      said.map((line) => /2 steps and (\d+\.\d) MB of tensors for each method\.$/.exec(line)?.[1]),
      megabytes.map((bytes) => (bytes / 1e6).toFixed(1)),
    );
    await using device = new Device(openCpu());
    using opened = await FineTune.open(prepared, device);
    const own: StepRecord[] = [];
    await opened.train({ onStep: (record) => void own.push(record) });
    assertEquals(steps, own);
  },
);

pageTest("WebGPU's losses are within 1e-5 of the processor's", () => {
  const [gpu, cpu] = found.webGpu;
  assertEquals([gpu!.failures, cpu!.failures, cpu!.steps.length], [[], [], 8]);
  assertMatch(gpu!.facts!.backend!, /^WebGPU/);
  gpu!.steps.forEach(({ loss }, i) => assertAlmostEquals(loss, cpu!.steps[i]!.loss, 1e-5));
});

pageTest("a repository is fetched once, and refused in one sentence without a network", () => {
  const { said, fetched, fetchedAgain, fetchedByTwo, reached } = found.hub;
  const source = "https://huggingface.co/org/name/resolve/main";
  assertEquals(
    said[0],
    `${source}/config.json: Cannot fetch the file as a network that reaches huggingface.co is required`,
  );
  assertMatch(said[1]!, /^256 examples to learn, 500 to judge by: entailment, not_entailment\. /);
  assertEquals(said[2], said[1]);
  for (const name of ["config.json", "vocab.txt", "model.safetensors"]) {
    assertEquals(fetched.filter((one) => one === `${source}/${name}`).length, 1, name);
  }
  assertEquals(fetchedAgain, []);
  assertEquals(
    fetchedByTwo.toSorted(),
    fetched.map((one) => one.replace("org/name", "org/both")).toSorted(),
  );
  assertEquals(reached, [true, true, false]);
});

/** Writes the files of a zip into a folder of its own. */
async function unzipped(zip: string): Promise<string> {
  const target = await Deno.makeTempDir({ dir: folder });
  for (const [name, bytes] of Object.entries(unzipSync(Uint8Array.fromBase64(zip)))) {
    await Deno.mkdir(dirname(`${target}/${name}`), { recursive: true });
    await Deno.writeFile(`${target}/${name}`, bytes);
  }
  return target;
}

/** Logits that the library computes for one sequence with an adapter in a folder. */
async function logitsOf(base: string, adapter: string, ids: readonly number[]): Promise<number[]> {
  await using device = new Device(openCpu());
  using _scope = device.scope("adapter");
  const { model } = await openClassifier(base, device, seedKey(0), 2);
  await loadAdapter(model, adapter, device);
  const batch = toBatch(device, [{ ids: [...ids] }], { padId: 0 });
  return [...await model.forward({ batch }).logits.read()];
}

function probabilitiesOf(logits: readonly number[]): number[] {
  const most = Math.max(...logits);
  const powers = logits.map((one) => Math.exp(one - most));
  return powers.map((one) => one / powers.reduce((sum, x) => sum + x));
}

/** Compares numbers within a distance that rounding of 32 bits explains. */
function assertClose(found: readonly number[], expected: readonly number[]): void {
  assertEquals(found.length, expected.length);
  found.forEach((one, i) => assertAlmostEquals(one, expected[i]!, 1e-5));
}

/** The downloaded folder of the own run, and of HiddenKey's in the demonstration. */
async function adapters() {
  const [own, demo] = [await unzipped(found.own.zip), await unzipped(found.demo.zips[1]!)];
  const tokenizer = await loadTokenizer(folder);
  const { ids } = tokenizer.encode(found.own.runs[0]!.facts!.sample[0]!);
  const { ids: demoIds } = (await loadTokenizer(`${demo}/base`)).encode("anna sees a dog .");
  return [
    { model: folder, adapter: own, ids },
    { model: `${demo}/base`, adapter: demo, ids: demoIds },
  ];
}

pageTest("downloaded adapters are what the page's models said, with a model card", async () => {
  const [own, demo] = await adapters();
  const logits = await logitsOf(own!.model, own!.adapter, own!.ids);
  assertClose(probabilitiesOf(logits), found.own.runs[0]!.answers[0]!);
  const card = await Deno.readTextFile(`${demo!.adapter}/README.md`);
  assertMatch(card, /^# LoRA for RTE, trained with hiddenkey$/m);
  assertMatch(card, /^On the development set, after step 32:$/m);
  assertEquals(demo!.ids.includes(1), false);
  const [files] = found.demo.zips.map((zip) => Object.keys(unzipSync(Uint8Array.fromBase64(zip))));
  assertEquals(files!.filter((name) => !name.startsWith("base/")).sort(), [
    "README.md",
    "adapter_config.json",
    "adapter_model.safetensors",
    "hiddenkey_config.json",
  ]);
});

Deno.test({
  name: `PEFT has equal logits with the adapters that the page made ${needsPython}${needsChromium}`,
  ignore: withoutPython || chromium === undefined,
  async fn() {
    const jobs = await adapters();
    const path = `${folder}/jobs.json`;
    const asked = jobs.map(({ model, adapter, ids }) => ({
      ...{ model, adapter, labels: 2 },
      ...{ input_ids: [ids], attention_mask: [ids.map(() => 1)] },
    }));
    await Deno.writeTextFile(path, JSON.stringify(asked));
    const results = await runPython("logits.py", [path]) as { logits: number[] }[];
    for (const [i, { model, adapter, ids }] of jobs.entries()) {
      assertClose(await logitsOf(model, adapter, ids), results[i]!.logits);
    }
  },
});
