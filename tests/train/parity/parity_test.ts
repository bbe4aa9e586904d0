import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { FileError, OptionError } from "../../../core/errors.ts";
import { parityCommand, parityTable } from "../../../train/commands/parity.ts";
import { runParity } from "../../../train/parity/parity.ts";
import type { ParityRow } from "../../../train/parity/parity_rows.ts";
import { shared, sharedRoot, sharedTest } from "../../support/shared.ts";
import { withDevice } from "../../support/with_device.ts";

const golden = decodeURIComponent(new URL("../../golden", import.meta.url).pathname);
const goldenCases = [
  "bert-classification",
  "deberta-classification",
  "deberta-regression",
  "gemma3-lm",
  "gpt2-lm",
  "llama-lm",
  "mistral-lm",
  "modernbert-classification",
  "mpnet-classification",
  "phi-lm",
  "phi3-lm",
  "phi3-long-classification",
  "qwen2-lm",
  "qwen3-lm",
  "roberta-regression-rslora",
  "smollm3-lm",
];
const modelCases = [
  "bert-classification",
  "gemma3-lm",
  "gpt2-lm",
  "llama-classification",
  "llama-lm",
  "llama3-lm",
  "mistral-lm",
  "modernbert-classification",
  "mpnet-classification",
  "qwen2-lm",
  "qwen3-lm",
  "roberta-classification",
  "roberta-regression",
  "smollm3-lm",
];

/** The rows of some paths, of which none may fail; rows that are skipped are left out. */
async function passing(float: "f32" | "f64", paths: readonly string[]): Promise<ParityRow[]> {
  let rows: ParityRow[] = [];
  await withDevice(float, async (device) => {
    rows = await runParity(paths, { root: sharedRoot, device });
  });
  assertEquals(rows.filter(({ ok }) => ok === false), []);
  return rows.filter(({ ok }) => ok === true);
}

const casesOf = (rows: readonly ParityRow[]) => [...new Set(rows.map((row) => row.case))];
const gradientsOf = (rows: readonly ParityRow[], name: string) =>
  rows.filter((row) => row.case === name && row.quantity.startsWith("grad.")).length;

/** Runs a test on a folder of its own. */
async function withFolder(body: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    await body(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** A golden case with its case.json rewritten. */
async function altered(name: string, folder: string, edit: (text: string) => string) {
  for (const part of ["", "/base", "/adapter"]) {
    await Deno.mkdir(`${folder}/${name}${part}`);
    for await (const entry of Deno.readDir(`${golden}/${name}${part}`)) {
      if (!entry.isFile) continue;
      const path = `${name}${part}/${entry.name}`;
      await Deno.writeFile(`${folder}/${path}`, await Deno.readFile(`${golden}/${path}`));
    }
  }
  const path = `${folder}/${name}/case.json`;
  const text = await Deno.readTextFile(path);
  await Deno.writeTextFile(path, edit(text));
  assert(edit(text) !== text, "The edit changes the case");
  return `${folder}/${name}`;
}

for (const float of ["f32", "f64"] as const) {
  Deno.test(`runParity() agrees with the golden set in ${float}`, async () => {
    const rows = await passing(float, [golden]);
    assertEquals(casesOf(rows), goldenCases);
    // Two matrices a target and layer, and the head: one linear layer in BERT, two in RoBERTa.
    assertEquals(gradientsOf(rows, "bert-classification"), 2 * 2 * 3 + 2);
    // Of each of 8 layers that PEFT's all-linear means, the pooler and the embeddings' projection.
    assertEquals(gradientsOf(rows, "deberta-regression"), 2 * (2 * 8 + 2) + 2);
    assertEquals(gradientsOf(rows, "gpt2-lm"), 2 * 2);
    assertEquals(gradientsOf(rows, "llama-lm"), 2 * 2 * 3);
    assertEquals(gradientsOf(rows, "mpnet-classification"), 2 * 2 * 3 + 4);
    assertEquals(gradientsOf(rows, "roberta-regression-rslora"), 2 * 2 * 2 + 4);
  });

  sharedTest(`runParity() agrees with the model cases in ${float}`, async () => {
    const rows = await passing(float, modelCases.map((name) => shared(`fixtures/${name}`)));
    assertEquals(casesOf(rows), modelCases);
    for (const name of modelCases) assert(gradientsOf(rows, name) >= 4, name);
  });
}

// RTE takes minutes on plain loops: `deno task parity` compares it.
for (const task of ["stsb"]) {
  sharedTest(`runParity() agrees with 20 steps of ${task} on real weights in f32`, async () => {
    const rows = await passing("f32", [shared(`fixtures/minilm-${task}`)]);
    assertEquals(rows.map(({ quantity }) => quantity), [
      "first_batch_input_ids",
      "trainable",
      "losses",
      "grad_norms",
      "learning_rates",
      "dev.logits.before",
      "dev.logits.after",
    ]);
  });
}

sharedTest("runParity() agrees with the recorded encodings", async () => {
  const rows = await passing("f32", [shared("fixtures/tokenizers.json")]);
  const names = rows.map(({ quantity }) => quantity);
  assertEquals(names.sort(), ["all", "bert", "gpt2", "llama", "roberta", "smollm2"]);
});

sharedTest("runParity() lists each case in which a tokenizer differs", async () => {
  await withFolder(async (folder) => {
    const path = `${folder}/tokenizers.json`;
    // 101 and 102 are [CLS] and [SEP], 1037 is "a"; the second case is wrong on purpose.
    const right = { tokenizer: "bert", text: "a", ids: [101, 1037, 102], type_ids: [0, 0, 0] };
    const cases = [{ ...right, decoded: "a" }, { ...right, decoded: "b" }];
    await Deno.writeTextFile(path, JSON.stringify(cases));
    await withDevice("f32", async (device) => {
      const rows = await runParity([path], { root: sharedRoot, device });
      assertEquals(rows.map(({ quantity, error, ok }) => ({ quantity, error, ok })), [
        { quantity: "bert", error: 0.5, ok: false },
        { quantity: "all", error: 0.5, ok: false },
      ]);
      assertEquals(rows[0]!.note, 'case 1, decoded of "a": expected "b", found "a"');
    });
  });
});

sharedTest("runParity() agrees with the recorded metrics that exist here", async () => {
  const rows = await passing("f64", [shared("fixtures/metrics.json")]);
  const names = rows.map(({ quantity }) => quantity);
  for (const name of ["classification.mcc", "classification.spearman", "generation.bleu_13a"]) {
    assert(names.includes(name), name);
  }
});

Deno.test("runParity() compares metrics anew and skips unknown ones by name", async () => {
  await withFolder(async (folder) => {
    const path = `${folder}/metrics.json`;
    const texts = ["the small dog ran off", "a cat sat on the mat"];
    // Equal texts have BLEU 100; of four labels three are met, so an accuracy of 0.5 is wrong.
    const file = {
      generation: [{
        hypotheses: texts,
        references: texts.map((text) => [text]),
        bleu_13a: 100,
        ter: 0,
        chrfpp: 100,
        nist: 1,
      }],
      classification: [{ predictions: [0, 1, 1, 0], labels: [0, 1, 1, 1], accuracy: 0.5 }],
    };
    await Deno.writeTextFile(path, JSON.stringify(file));
    await withDevice("f32", async (device) => {
      const rows = await runParity([path], { root: folder, device });
      assertEquals(rows.map(({ quantity, ok }) => [quantity, ok]), [
        ["classification.accuracy", false],
        ["generation.bleu_13a", true],
        ["generation.ter", true],
        ["generation.chrfpp", true],
        ["generation.nist", "skipped"],
      ]);
      // |0.75 - 0.5| / 0.5
      assertEquals(rows[0]!.error, 0.5);
    });
  });
});

Deno.test("runParity() fails what depends on a number that differs, and nothing else", async () => {
  await withFolder(async (folder) => {
    const path = await altered("gpt2-lm", folder, (text) => text.replace(/"lr": .*,/, '"lr": 1,'));
    await withDevice("f64", async (device) => {
      const rows = await runParity([path], { root: folder, device });
      const failed = rows.filter(({ ok }) => ok === false).map(({ quantity }) => quantity);
      assertEquals(failed, ["losses", "grad_norms", "learning_rates", "trained.logits"]);
    });
  });
});

Deno.test("runParity() refuses a path that holds nothing to compare", async () => {
  await withFolder(async (folder) => {
    await withDevice("f32", async (device) => {
      const run = (path: string) => runParity([path], { root: folder, device });
      await assertRejects(() => run(`${folder}/none`), FileError, "found nothing");
      await assertRejects(() => run(folder), FileError, "found none");
      await Deno.writeTextFile(`${folder}/case.json`, "{}");
      await assertRejects(() => run(folder), FileError, "requires expected.safetensors");
      await Deno.writeTextFile(`${folder}/expected.safetensors`, "");
      await assertRejects(() => run(folder), FileError, "requires base");
      await Deno.writeTextFile(`${folder}/case.json`, '{"task": "chess", "case": "c"}');
      await assertRejects(() => run(folder), FileError, 'requires a valid task: found "chess"');
    });
  });
});

Deno.test("parityTable() shows the worst of a group, what differs and the counts", () => {
  const row = (quantity: string, error: number, tolerance = 1e-5) => {
    return { case: "c", quantity, error, tolerance, ok: error <= tolerance };
  };
  const table = parityTable([
    row("base.hidden.0", 2e-7),
    row("base.hidden.1", 4e-7),
    row("grad.a", 9e-6),
    row("grad.b", 2e-5),
    row("grad.c", NaN),
    { case: "c", quantity: "beam", ok: "skipped", note: "later" },
  ]);
  assertEquals(table.split("\n"), [
    "case  quantity       error   tolerance",
    "c     base.hidden.*  4.0e-7  1.0e-5     ok",
    "c     grad.*         NaN     1.0e-5     FAIL",
    "c     beam           -       -          skipped",
    "",
    "c, beam: later",
    "",
    "6 quantities, 2 failed, 1 skipped",
  ]);
});

/** What the command prints, and its exit code. */
async function command(...args: string[]): Promise<{ code: number; text: string }> {
  const original = console.log;
  const lines: string[] = [];
  console.log = (...values: unknown[]) => lines.push(values.join(" "));
  try {
    return { code: await parityCommand.run(args), text: lines.join("\n") };
  } finally {
    console.log = original;
  }
}

Deno.test("parityCommand() exits 0 within tolerance and 1 past it", async () => {
  const good = await command("--dtype", "f64", `${golden}/llama-lm`);
  assertEquals(good.code, 0);
  assertStringIncludes(good.text, " 0 failed, 0 skipped");
  await withFolder(async (folder) => {
    const path = await altered("llama-lm", folder, (text) => text.replace(/"lr": .*,/, '"lr": 1,'));
    const bad = await command("--json", path);
    assertEquals(bad.code, 1);
    const rows: ParityRow[] = JSON.parse(bad.text);
    assertEquals(rows.filter(({ ok }) => ok === false).length, 4);
    assertEquals(Object.keys(rows[0]!), [
      "case",
      "quantity",
      "error",
      "distance",
      "tolerance",
      "ok",
    ]);
  });
});

Deno.test("parityCommand() names the nearest flag and requires a path", async () => {
  await assertRejects(() => command("--jsno"), OptionError, "--json");
  await assertRejects(() => command(), OptionError, "without --paths");
  await assertRejects(() => command("--dtype", "f16", golden), OptionError, "f32, f64");
  const { code, text } = await command("--help");
  assertEquals(code, 0);
  for (const flag of ["--root", "--dtype", "--backend", "--json"]) assertStringIncludes(text, flag);
});

Deno.test("a golden model holds at most 55 kB, all the rest of the golden set 560 kB", async () => {
  async function sizeOf(folder: string): Promise<number> {
    let bytes = 0;
    for await (const { name, isDirectory } of Deno.readDir(folder)) {
      if (name === "__pycache__") continue;
      const path = `${folder}/${name}`;
      bytes += isDirectory ? await sizeOf(path) : (await Deno.stat(path)).size;
    }
    return bytes;
  }
  const models = await Promise.all(goldenCases.map((name) => sizeOf(`${golden}/${name}`)));
  for (const bytes of models) assert(bytes <= 55_000, `${bytes} bytes`);
  // The cells of the dropout framework are 300 kB, statistics 80 kB, the scripts that made them 70 kB,
  // GGUF files and codes of bitsandbytes 90 kB.
  const rest = await sizeOf(golden) - models.reduce((sum, one) => sum + one, 0);
  assert(rest <= 560_000, `${rest} bytes`);
});
