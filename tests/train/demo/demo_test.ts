import { assert, assertEquals, assertGreater, assertNotEquals } from "@std/assert";
import { parameters } from "../../../nn/layers/module.ts";
import { grammarDataset } from "../../../train/data/grammar.ts";
import { baseConfig, baseTokenizer } from "../../../train/demo/base.ts";
import { baseFile } from "../../../train/demo/base_file.ts";
import { demonstrateMethod } from "../../../train/demo/demo.ts";
import { Checkpoint } from "../../../train/files/checkpoint.ts";
import { classifier } from "../../../nn/models/registry.ts";

Deno.test("base.safetensors holds the tensors of its configuration in less than 4 MB", async () => {
  const path = decodeURIComponent(baseFile.pathname);
  using file = await Checkpoint.open(path);
  const expected = [...parameters(classifier(baseConfig))]
    .filter(([name]) => !name.startsWith("classifier."))
    .map(([name, { shape }]) => `${name} [${shape}]`);
  const found = file.names().map((name) => `${name} [${file.entry(name).shape}]`);
  assertEquals(found.toSorted(), expected.toSorted());
  for (const name of file.names()) {
    assert((await file.readFloat(name, "f64")).every(Number.isFinite), name);
  }
  assertGreater(4e6, (await Deno.stat(path)).size);
});

Deno.test("The demonstration's tokenizer knows each word of the grammar", () => {
  const tokenizer = baseTokenizer();
  const unknown = tokenizer.tokenId("[UNK]");
  const { train, dev } = grammarDataset({ train: 256, dev: 500, seed: 1, noise: 0.25 });
  for (const { textA, textB } of [...train, ...dev]) {
    const { ids } = tokenizer.encode(textA, textB);
    const words = `${textA} ${textB}`.split(" ").length;
    // One token a word, and [CLS] A [SEP] B [SEP].
    assertEquals([ids.includes(unknown!), ids.length], [false, words + 3]);
    assert(ids.length <= baseConfig.maxPositions);
  }
});

Deno.test("demonstrateMethod() runs, learns and is a function of method and seed", async () => {
  const lines: string[] = [];
  const run = (seed: number) =>
    demonstrateMethod("lora", seed, { epochs: 1 }, (line) => lines.push(line));
  const first = await run(1);
  assertEquals([first.step, first.steps, first.epoch, first.aborted], [16, 16, 1, false]);
  assertEquals(await run(1), first);
  assertEquals(lines[0], lines[1]);
  const percent = (100 * first.metrics["accuracy"]!).toFixed(1);
  assertEquals(lines[0], `lora       epoch  1  dev accuracy ${percent} %`);
  // Of 500 clean pairs with equally many of each label, 0.6 lies 4.5 deviations above chance.
  assertGreater(first.metrics["accuracy"], 0.6);
  const other = await run(2);
  assertNotEquals(other.lastEpochLoss, first.lastEpochLoss);
});

Deno.test("demonstrateMethod() runs HiddenKey", async () => {
  const { step, metrics, lastEpochLoss } = await demonstrateMethod("hiddenkey", 1, { epochs: 1 });
  assertEquals(step, 16);
  assertEquals(Object.keys(metrics), ["accuracy", "loss", "nll", "brier", "ece"]);
  assert(Number.isFinite(lastEpochLoss));
  const lora = await demonstrateMethod("lora", 1, { epochs: 1 });
  assertNotEquals(lastEpochLoss, lora.lastEpochLoss);
});
