import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { FileError, OptionError } from "../../core/errors.ts";
import { dryRunText } from "../../train/commands/dry_run.ts";
import type { GivenConfig } from "../../train/config/config.ts";
import type { TaskName } from "../../train/config/train_options.ts";
import { batchesOfStep } from "../../train/data/batches.ts";
import { type DryRun, dryRun } from "../../train/dry_run.ts";
import { planSteps, windowsOf } from "../../train/fit.ts";
import { readConfig } from "../../train/run/load_model.ts";
import { loadTokenizer } from "../../train/run/load_tokenizer.ts";
import { openTask } from "../../train/tasks/open.ts";
import { train } from "../../train/train.ts";
import { seedKey } from "../../core/random.ts";
import { hiddenkey, listing } from "../support/cli.ts";
import { readAdapter, Workspace } from "../support/workspace.ts";

const workspace = await Workspace.open();
Deno.test.afterAll(() => workspace[Symbol.asyncDispose]());

async function opened(task: TaskName, changes: GivenConfig) {
  const config = workspace.config(task, { backend: "cpu", ...changes });
  const model = await readConfig(config.model);
  const tokenizer = await loadTokenizer(config.model);
  return { config, tokenizer, task: await openTask(config, model, tokenizer) };
}

const cases: readonly (readonly [TaskName, GivenConfig])[] = [
  ["rte", { method: "hiddenkey", rate: 0.1 }],
  ["rte", { bucket: false, dropLast: true, batch: 5, accumulate: 2, dtype: "f64" }],
  ["stsb", { batch: 7 }],
  ["e2e", { batch: 4 }],
];

for (const [name, changes] of cases) {
  const title = Object.entries(changes).map((pair) => pair.join(" ")).join(", ");
  Deno.test(`a dry run of ${name} with ${title} shows what the run will see`, async () => {
    // The longest examples lose a token.
    const uncut = (await opened(name, changes)).task.train.map(({ ids }) => ids.length);
    const maxLength = Math.max(...uncut) - 1;
    const { config, tokenizer, task } = await opened(name, { ...changes, maxLength });
    const found = await dryRun(config);
    const first = windowsOf(task, config, seedKey(config.seed))(0);
    const lengths = first.map((number) => task.train[number]!.ids.length);
    const batch = batchesOfStep(lengths, config)[0]!.map((place) => lengths[place]!);
    assertEquals(found.examples.length, 3);
    const spread = found.examples.map(({ tokens }) => tokens.length);
    assertEquals([spread[0], spread[2]], [Math.max(...batch), Math.min(...batch)]);
    assertEquals(new Set(found.examples.map(({ number }) => number)).size, 3);
    for (const { number, tokens, padding, label } of found.examples) {
      assert(first.includes(number));
      const { ids, typeIds, predictFrom, label: known } = task.train[number]!;
      assertEquals(tokens.map(({ id }) => id), [...ids]);
      assertEquals(tokens.map(({ segment }) => segment), [...typeIds ?? ids.map(() => 0)]);
      assertEquals(tokens.length + padding, Math.max(...batch));
      const text = tokens.map((token) => token.text).join("");
      if (name === "e2e") {
        assertEquals(text, tokenizer.decode(ids, { skipSpecial: false }));
        assertEquals(tokens.findIndex(({ predicted }) => predicted), predictFrom);
      } else assertEquals(tokens.some(({ predicted }) => predicted), false);
      assertEquals(label, name === "rte" ? task.classes[known!] : known?.toString());
    }
    assertEquals(found.lengths.length, task.train.length);
    const total = (list: readonly number[]) => list.reduce((sum, x) => sum + x, 0);
    assertEquals(total(found.lengths), total(task.train.map(({ ids }) => ids.length)));
    assertEquals(found.cut, uncut.filter((length) => length > maxLength).length);
    assert(found.cut > 0 && found.cut < task.train.length);
    assertEquals(found.steps, { ...stepsOf(config, task.train.length), done: 0 });
  });
}

function stepsOf(config: Parameters<typeof planSteps>[0], examples: number) {
  const { perEpoch, steps } = planSteps(config, examples);
  return { all: steps, perEpoch };
}

Deno.test("a dry run counts the bytes of what is trained, and measures the rest", async () => {
  const bytesOf = async (changes: GivenConfig) => {
    const config = workspace.config("rte", { backend: "cpu", ...changes });
    const { memory, time } = await dryRun(config);
    assert(time !== undefined && time.seconds > 0 && time.measured.length === 2);
    return memory;
  };
  const own = await bytesOf({});
  const { trainable, parameters } = await train(workspace.config("rte", { maxSteps: 1 }));
  assertEquals(own.trained, 4 * trainable);
  assertEquals([own.gradient, own.moments], [own.trained, 2 * own.trained]);
  const frozen = 4 * (parameters - trainable);
  assert(own.frozen >= frozen && own.frozen < frozen + 2 * own.trained + 2 ** 16, `${own.frozen}`);
  const doubles = await bytesOf({ dtype: "f64" });
  assertEquals([doubles.trained, doubles.moments], [2 * own.trained, 2 * own.moments]);
  // Four times the examples hold about four times the activations.
  const [small, large] = [await bytesOf({ batch: 4 }), await bytesOf({ batch: 16 })];
  const ratio = large.step / small.step;
  assert(ratio > 2.5 && ratio < 6, `${ratio}`);
  const accumulated = await bytesOf({ batch: 4, accumulate: 4 });
  assert(accumulated.step < 1.5 * small.step);
});

Deno.test("a dry run writes nothing, though a folder and checkpoints are asked for", async () => {
  const before = listing(workspace.root);
  const out = workspace.out("never");
  const { code, out: text, err } = await hiddenkey(
    ...["train", "--dry-run", "--task", "rte", "--data", workspace.data("rte")],
    ...["--model", workspace.model("bert"), "--batch", "8", "--backend", "cpu"],
    ...["--out", out, "--save-every", "1", "--dev-fraction", "0.25"],
  );
  assertEquals([code, err], [0, ""]);
  for (
    const part of [
      "data: 8 of 32 training examples are held back",
      "lengths: 24 training examples of ",
      "steps: 9 to make, 3 an epoch",
      "of this machine, of which nobody says how much is free\n",
      "nothing was written",
    ]
  ) assertStringIncludes(text, part);
  assertEquals(listing(workspace.root), before);
});

Deno.test("a dry run of a resumed run counts its steps, checks its checkpoint and leaves it as it is", async () => {
  const out = workspace.out("resumed");
  const config = workspace.config("rte", { out, saveEvery: 3, backend: "cpu" });
  await train(config);
  const adapter = await readAdapter(out);
  const before = listing(out);
  const { steps } = await dryRun(config, { resume: `${out}/checkpoint-3` });
  assertEquals(steps, { all: 8, perEpoch: 4, done: 3 });
  assertEquals(listing(out), before);
  assertEquals(await readAdapter(out), adapter);
  await assertRejects(
    () => dryRun({ ...config, rank: 2 }, { resume: out }),
    OptionError,
    "--rank 2 as the run has 4",
  );
  await assertRejects(
    () => dryRun({ ...config, rank: 2 }, { resume: `${out}/checkpoint-3`, change: true }),
    FileError,
    "Cannot resume as the checkpoint must hold",
  );
});

const shown: DryRun = {
  examples: [
    {
      number: 7,
      tokens: Array.from({ length: 40 }, (_, i) => {
        return { text: `t${i}`, id: i, segment: Number(i > 30), predicted: i > 29 || i === 15 };
      }),
      padding: 2,
      label: undefined,
    },
    {
      number: 3,
      tokens: [{ text: " a", id: 5, segment: 0, predicted: false }],
      padding: 41,
      label: "yes",
    },
  ],
  lengths: [1, 2, 3, 4, 5, 6, 7, 8, 9, 40],
  cut: 1,
  steps: { all: 20, perEpoch: 5, done: 4 },
  memory: {
    frozen: 3 * 2 ** 20,
    trained: 2 ** 20,
    gradient: 2 ** 20,
    moments: 2 ** 21,
    step: 2 ** 20,
    evaluation: 2 ** 21,
    process: 2 ** 19,
    card: 0,
  },
  free: { bytes: 2 ** 29, place: "this machine" },
  onHost: true,
  missing: undefined,
  time: { seconds: 7265, measured: [1.234, 2] },
};

Deno.test("dryRunText() says what a person looks for", () => {
  const text = dryRunText(shown);
  for (
    const part of [
      "training example 7: 40 tokens, all visible, 2 of padding behind them, which are masked\n" +
      "the loss is on the 11 marked with *, each predicted from all before it\n",
      "… 16 more, 1 of them marked",
      ' *    39      39        1  "t39"',
      "training example 3: 1 tokens",
      "\nlabel yes\n",
      '       0       5        0  " a"',
      "lengths: 10 training examples of 1 to 40 tokens, median 5, 95 % up to 40; 1 cut (10.0 %)",
      "1–5       5  ████████████████████████████████████████\n",
      "steps: 16 to make, after 4, 5 an epoch",
      "memory: 9.5 MiB of this machine; 512.0 MiB are free on this machine\n",
      "       2.0 MiB  activations of the largest evaluation, at another time\n",
      "time: about 2 h 1 min for the steps, without evaluations",
      "took 1.2 s and 2.0 s",
    ]
  ) assertStringIncludes(text, part);
  assertEquals(
    text.split("\n").filter((line) => /^ .\s+\d+\s+\d+\s+\d {2}"/.test(line)).length,
    25,
  );
});

Deno.test("dryRunText() says why a run cannot be made, and no time then", () => {
  const missing = "Cannot fine-tune as 9 GB of memory are required: found 8 GB free on a card";
  const free = { bytes: 2 ** 33, place: "a card" };
  const text = dryRunText({ ...shown, onHost: false, free, missing, time: undefined });
  assertStringIncludes(text, "memory: 9.0 MiB of the card, 0.500 MiB of this machine; 8192.0 MiB");
  assert(!text.includes("context"));
  const memory = { ...shown.memory, card: 2 ** 22 };
  const onCard = dryRunText({ ...shown, memory, onHost: false, free });
  assertStringIncludes(onCard, "memory: 13.0 MiB of the card, 0.500 MiB of this machine");
  assertStringIncludes(onCard, "       4.0 MiB  the card beside tensors: context");
  assertStringIncludes(text, `\n${missing}\nnothing was written`);
});
