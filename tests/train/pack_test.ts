/** Runs whose examples share rows: the same steps as one example a row. */

import { assert, assertEquals, assertLess, assertRejects, assertThrows } from "@std/assert";
import { OptionError, TrainingError } from "../../core/errors.ts";
import { LanguageModel } from "../../nn/models/decoder.ts";
import { type GivenConfig, resolveConfig } from "../../train/config/config.ts";
import { dryRun } from "../../train/dry_run.ts";
import type { StepRecord } from "../../train/step.ts";
import { train } from "../../train/train.ts";
import { trainQuietly } from "../support/train_in_process.ts";
import { readAdapter, Workspace } from "../support/workspace.ts";

const workspace = await Workspace.open();
Deno.test.afterAll(() => workspace[Symbol.asyncDispose]());

/** Cuts the training examples of a task: 1 to 3 attributes or triples, and 2 to 8 words of the text. */
async function makeRagged(task: "e2e" | "webnlg"): Promise<void> {
  const folder = workspace.data(task);
  const files = task === "e2e"
    ? [`${folder}/trainset.csv`]
    : ["first", "second"].map((name) => `${folder}/train/3triples/${name}.xml`);
  let texts = 0;
  const cutText = (text: string) => text.split(" ").slice(0, 2 + (texts++ * 5) % 7).join(" ");
  let contexts = 0;
  const cutContext = (parts: string[]) => parts.slice(0, 1 + contexts++ % 3);
  for (const file of files) {
    const ragged = (await Deno.readTextFile(file))
      .replace(/^"(name[^"]+)"/gm, (_, mr) => `"${cutContext(mr.split(", ")).join(", ")}"`)
      .replace(/(,")([^"]+)(?="\r)/g, (_, before, text) => before + cutText(text))
      .replace(/(<lex[^>]*>)([^<]+)/g, (_, before, text) => before + cutText(text))
      .replace(
        /(?:<mtriple>[^<]+<\/mtriple>)+/g,
        (triples) => cutContext(triples.match(/<mtriple>.*?<\/mtriple>/g)!).join(""),
      );
    await Deno.writeTextFile(file, ragged);
  }
  if (texts < 32 || contexts < 16) throw new Error(`Cut ${contexts} and ${texts} of ${task}`);
}
await Promise.all([makeRagged("e2e"), makeRagged("webnlg")]);

/** Rows and width of each pass that a run makes through its model. */
async function shapesOf(run: () => Promise<unknown>): Promise<(readonly [number, number])[]> {
  const { forward } = LanguageModel.prototype;
  const shapes: (readonly [number, number])[] = [];
  LanguageModel.prototype.forward = function (context) {
    shapes.push([context.batch.size, context.batch.width]);
    return forward.call(this, context);
  };
  try {
    await run();
  } finally {
    LanguageModel.prototype.forward = forward;
  }
  return shapes;
}

/** Steps of a run, as metrics.jsonl has them. */
async function stepsOf(out: string): Promise<StepRecord[]> {
  const lines = (await Deno.readTextFile(`${out}/metrics.jsonl`)).trimEnd().split("\n");
  return lines.map((line) => JSON.parse(line)).filter((line) => line.grad_norm !== undefined);
}

const usual = ["--backend", "cpu", "--threads", "1", "--no-eval-start", "--generate", "0"];
const sizes = [
  "--batch",
  "4",
  "--accumulate",
  "2",
  "--epochs",
  "1",
  "--warmup",
  "0",
  "--rank",
  "4",
];
const runs: readonly (readonly ["e2e" | "webnlg", "gpt2" | "llama", readonly string[]])[] = [
  ["e2e", "gpt2", ["--method", "hiddenkey", "--kl", "2", "--layers", "all", "--dtype", "f64"]],
  ["webnlg", "llama", [
    ...["--method", "hiddenkey-", "--compensation", "js", "--layers", "all", "--dtype", "f64"],
    ...["--site", "hidden=span,0.2,start=attention", "--neftune-alpha", "1"],
  ]],
  ["e2e", "llama", ["--method", "lora-dropout", "--no-bucket", "--dtype", "f32"]],
];

for (const [task, model, flags] of runs) {
  Deno.test(`--pack changes no step of ${task} with ${model}: ${flags.join(" ")}`, async () => {
    const given = [
      "--task",
      task,
      "--data",
      workspace.data(task),
      "--model",
      workspace.model(model),
    ];
    const run = async (name: string, ...more: string[]) => {
      const out = workspace.out(`${name} ${task} ${model}`);
      const args = [...given, ...usual, ...sizes, ...flags, ...more, "--out", out];
      const shapes = await shapesOf(async () => assertEquals(await trainQuietly(...args), 0));
      return { steps: await stepsOf(out), shapes };
    };
    const [alone, packed] = [await run("alone"), await run("packed", "--pack")];
    const tolerance = flags.includes("f64") ? 1e-9 : 1e-4;
    assertEquals(packed.steps.length, 4);
    for (const [i, step] of alone.steps.entries()) {
      const found = packed.steps[i]!;
      assertEquals(Object.keys(found), Object.keys(step));
      assertEquals([found.tokens, found.learning_rate], [step.tokens, step.learning_rate]);
      for (const name of ["loss", "task_loss", "compensation", "grad_norm"] as const) {
        const [a, b] = [found[name] ?? 0, step[name] ?? 0];
        assert(Math.abs(a - b) <= tolerance * Math.max(1, Math.abs(b)), `${name}: ${a}, ${b}`);
      }
    }
    // Evaluations have the same rows in both.
    const rows = (shapes: typeof alone.shapes) => shapes.reduce((sum, [size]) => sum + size, 0);
    const tokens = (shapes: typeof alone.shapes) =>
      shapes.reduce((sum, [size, width]) => sum + size * width, 0);
    assertLess(rows(packed.shapes), rows(alone.shapes));
    assert(tokens(packed.shapes) <= tokens(alone.shapes));
  });
}

const e2e = (changes: GivenConfig = {}) =>
  workspace.config("e2e", {
    method: "hiddenkey",
    backend: "cpu",
    threads: 1,
    evalStart: false,
    generate: 0,
    pack: true,
    batch: 4,
    maxSteps: 4,
    warmup: 0,
    ...changes,
  });

Deno.test("a packed run that is resumed ends as one that never stopped", async () => {
  const [whole, stopped] = [workspace.out("whole"), workspace.out("stopped")];
  await train(e2e({ out: whole, saveEvery: 2 }));
  await train(e2e({ out: stopped }), { resume: `${whole}/checkpoint-2` });
  assertEquals(await readAdapter(stopped), await readAdapter(whole));
});

Deno.test("--pack is refused where rows must be one example", () => {
  for (const task of ["rte", "classification", "regression"] as const) {
    assertThrows(
      () => resolveConfig({ task, data: "data", model: "model", pack: true }),
      OptionError,
      `Cannot use --pack as a task of texts is required (e2e, webnlg, completion, chat): found ${task}`,
    );
  }
});

Deno.test("examples of a packed step that fails are named by their own numbers", async () => {
  const messages: string[] = [];
  for (const pack of [true, false]) {
    const config = e2e({ lr: 1e38, batch: 8, bucket: false, pack });
    messages.push((await assertRejects(() => train(config), TrainingError)).message);
  }
  assert(messages[0]!.includes("for training examples"), messages[0]);
  assertEquals(messages[0], messages[1]);
});

Deno.test("a dry run counts packed tokens, and shows no padding of examples", async () => {
  const { examples, time } = await dryRun(e2e());
  assertEquals(examples.map(({ padding }) => padding), examples.map(() => 0));
  assert(time!.seconds > 0);
});
