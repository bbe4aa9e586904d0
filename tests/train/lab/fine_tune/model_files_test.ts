import { assertEquals, assertRejects } from "@std/assert";
import { Device } from "../../../../core/device.ts";
import { FileError } from "../../../../core/errors.ts";
import { openCpu } from "../../../../kernels/cpu/backend.ts";
import { encodeSafetensors } from "../../../../nn/formats/safetensors_write.ts";
import { resolveConfig } from "../../../../train/config/config.ts";
import { FineTune } from "../../../../train/lab/page/fine_tune/fine_tune.ts";
import {
  type ModelFiles,
  readModelConfig,
  readTokenizer,
  readWeights,
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

for (const name of ["llama-lm", "mpnet-classification"]) {
  Deno.test(`a folder with ${name} trains as from disk, to the bit`, async () => {
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
      const own: StepRecord[] = [];
      const data = { kind: "table", name: "own.csv", text: table } as const;
      const model = { kind: "folder", name: "folder" } as const;
      const base = await folderModel(await filesOf(folder), { name: "folder" });
      await using device = new Device(openCpu());
      using run = await FineTune.open(
        await prepareRun({ model, data, settings, machine: "cpu" }, base),
        device,
      );
      await run.train({ onStep: (record) => void own.push(record) });
      const steps: StepRecord[] = [];
      const given = { task: "classification", data: folder, model: folder } as const;
      const config = resolveConfig(given, settings, { backend: "cpu", devFraction: 0.2 });
      await train(config, { onStep: (record) => void steps.push(record) });
      assertEquals(own.length, 5);
      assertEquals(own, steps);
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  });
}

/** A file that must not be read whole. */
class SlicedFile extends Blob {
  override arrayBuffer(): Promise<ArrayBuffer> {
    throw new Error("the whole file was read");
  }
}

/** A safetensors file with one tensor of numbers that count. */
function counting(name: string, count: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(Float32Array.from({ length: count }, (_, i) => i).buffer);
  return encodeSafetensors([{ name, dtype: "F32", shape: [count], bytes }], {});
}

Deno.test("a large tensor is read in parts of 4 MiB, its file never whole", async () => {
  const count = 2.5 * 2 ** 20;
  const file = new SlicedFile([counting("large", count)]);
  const source = await readWeights({ name: "m", files: new Map([["model.safetensors", file]]) });
  assertEquals([[...source.names()], source.shape("large")], [["large"], [count]]);
  const sizes: number[] = [];
  let [next, isRight] = [0, true];
  for await (const part of source.parts!("large", "f32")) {
    sizes.push(part.length);
    for (const x of part) isRight &&= x === next++;
  }
  assertEquals([sizes, isRight], [[2 ** 20, 2 ** 20, 2 ** 19], true]);
  const numbers = await source.read("large", "f32");
  assertEquals([numbers.length, numbers.at(-1)], [count, count - 1]);
});

Deno.test("weights in several files are found by their index", async () => {
  const index = { weight_map: { first: "a.safetensors", second: "b.safetensors" } };
  const files = new Map([
    ["a.safetensors", new Blob([counting("first", 3)])],
    ["model.safetensors.index.json", new Blob([JSON.stringify(index)])],
  ]);
  const missing = "m/b.safetensors: Cannot find the file, which the model requires";
  await assertRejects(() => readWeights({ name: "m", files }), FileError, missing);
  files.set("b.safetensors", new Blob([counting("second", 2)]));
  const source = await readWeights({ name: "m", files });
  assertEquals([...source.names()], ["first", "second"]);
  assertEquals(source.file!("second"), "m/b.safetensors");
  assertEquals([...await source.read("second", "f64")], [0, 1]);
});

Deno.test("a folder that is no model's is refused in one sentence", async () => {
  const notes = { name: "notes", files: new Map([["todo.txt", new Blob(["x"])]]) };
  const refusal = "notes: Cannot open model as config.json, safetensors and tokenizer files are " +
    "required: found todo.txt";
  await assertRejects(() => readModelConfig(notes), FileError, refusal);
  await assertRejects(
    () => readWeights(notes),
    FileError,
    "notes: Cannot open model as it requires model.safetensors or model.safetensors.index.json: " +
      "found neither",
  );
  await assertRejects(() => readTokenizer(notes), FileError);
  const broken = { name: "m", files: new Map([["config.json", new Blob(["{\n]"])]]) };
  const place = "m/config.json:2: Cannot parse file";
  await assertRejects(() => readModelConfig(broken), FileError, place);
});
