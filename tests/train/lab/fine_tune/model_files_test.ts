import { assertEquals, assertRejects } from "@std/assert";
import { Device } from "../../../../core/device.ts";
import { FileError } from "../../../../core/errors.ts";
import { openCpu } from "../../../../kernels/cpu/backend.ts";
import { resolveConfig } from "../../../../train/config/config.ts";
import { countedBytes, FineTune } from "../../../../train/lab/page/fine_tune/fine_tune.ts";
import {
  type ModelFiles,
  readModelConfig,
  readTokenizer,
} from "../../../../train/lab/page/fine_tune/model_files.ts";
import { folderModel, prepareRun } from "../../../../train/lab/page/fine_tune/prepare.ts";
import type { RunSettings } from "../../../../train/lab/page/fine_tune/protocol.ts";
import type { StepRecord } from "../../../../train/step.ts";
import { train } from "../../../../train/train.ts";

const here = (path: string) => decodeURIComponent(new URL(path, import.meta.url).pathname);

/** A folder as a page sees it. */
async function filesOf(folder: string): Promise<ModelFiles> {
  const files = new Map<string, Blob>();
  for await (const { name, isFile } of Deno.readDir(folder)) {
    if (isFile) files.set(name, new Blob([await Deno.readFile(`${folder}/${name}`)]));
  }
  return { name: "folder", files };
}

const texts = Array.from({ length: 20 }, (_, i) => `${"abcdefghij"[i % 10]} b c,${i % 2}`);
const table = `text,label\n${texts.join("\n")}\n`;

const settings: RunSettings = {
  ...{ method: "hiddenkey", rate: 0.2, kl: 1, rank: 4 },
  ...{ lr: 1e-3, epochs: 2, maxSteps: 5, batch: 4, seed: 2 },
};

/** Models, and what their matrices are kept in. */
const cases: readonly (readonly [name: string, weights: Partial<RunSettings>])[] = [
  ["llama-lm", {}],
  ["llama-lm", { quantize: "nf4", half: true }],
  ["mpnet-classification", {}],
  ["mpnet-classification", { quantize: "int8", half: true }],
  ["deberta-classification", { quantize: "int8", half: true }],
];

for (const [name, weights] of cases) {
  const kept = weights.quantize ?? "floats";
  Deno.test(`a folder with ${name} in ${kept} trains as from disk, to the bit`, async () => {
    const folder = await Deno.makeTempDir({ prefix: "hiddenkey-" });
    try {
      for (const file of ["config.json", "model.safetensors"]) {
        await Deno.copyFile(here(`../../../golden/${name}/base/${file}`), `${folder}/${file}`);
      }
      const words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", ..."abcdefghij"];
      await Deno.writeTextFile(`${folder}/vocab.txt`, `${words.join("\n")}\n`);
      const kind = JSON.stringify({ tokenizer_class: "BertTokenizer" });
      await Deno.writeTextFile(`${folder}/tokenizer_config.json`, kind);
      await Deno.writeTextFile(`${folder}/train.csv`, table);
      const all = { ...settings, ...weights };
      const { own, counted, held } = await trainedInPage(folder, all);
      const steps: StepRecord[] = [];
      const given = { task: "classification", data: folder, model: folder } as const;
      const config = resolveConfig(given, all, { backend: "cpu", devFraction: 0.2 });
      await train(config, { onStep: (record) => void steps.push(record) });
      assertEquals(own.length, 5);
      assertEquals(own, steps);
      assertEquals(counted, held);
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  });
}

/** Steps of a run as the page makes it, with the memory that was counted before and was held. */
async function trainedInPage(folder: string, settings: RunSettings) {
  const own: StepRecord[] = [];
  const data = { kind: "table", name: "own.csv", text: table } as const;
  const model = { kind: "folder", name: "folder" } as const;
  const base = await folderModel(await filesOf(folder), { name: "folder" });
  const prepared = await prepareRun({ model, data, settings, machine: "cpu" }, base);
  const counted = await countedBytes(prepared);
  await using device = new Device(openCpu());
  using run = await FineTune.open(prepared, device);
  await run.train({ onStep: (record) => void own.push(record) });
  return { own, counted, held: device.backend.statistics.peakBytes };
}

Deno.test("a folder that is no model's is refused in one sentence", async () => {
  const notes = { name: "notes", files: new Map([["todo.txt", new Blob(["x"])]]) };
  const refusal = "notes: Cannot open model as config.json, safetensors and tokenizer files are " +
    "required: found todo.txt";
  await assertRejects(() => readModelConfig(notes), FileError, refusal);
  await assertRejects(() => readTokenizer(notes), FileError);
  const broken = { name: "m", files: new Map([["config.json", new Blob(["{\n]"])]]) };
  const place = "m/config.json:2: Cannot parse file";
  await assertRejects(() => readModelConfig(broken), FileError, place);
});
