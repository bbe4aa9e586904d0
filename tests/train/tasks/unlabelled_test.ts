import { assertEquals, assertRejects } from "@std/assert";
import { FileError } from "../../../core/errors.ts";
import { resolveConfig } from "../../../train/config/config.ts";
import { readLabelled, readUnlabelled } from "../../../train/tasks/read_labelled.ts";
import { folderOf } from "../../support/tables.ts";

const rows = (...objects: Record<string, unknown>[]) =>
  objects.map((object) => `${JSON.stringify(object)}\n`).join("");

Deno.test("new texts need no label, and what they have is not read", async () => {
  await using folder = await folderOf({
    "new.jsonl": rows({ text: "a fine film" }, { text: "a dull one " }),
    "labelled.jsonl": rows({ text: "a fine film", label: "other" }),
    "new.csv": "text,other\na fine film,1\n",
    "wrong.jsonl": rows({ words: "a fine film" }),
  });
  const { path } = folder;
  const config = resolveConfig({ task: "classification", data: path, model: "m" });
  const { examples } = await readUnlabelled(config, `${path}/new.jsonl`);
  assertEquals(examples, [
    { textA: "a fine film", label: undefined, index: 0 },
    { textA: "a dull one ", label: undefined, index: 1 },
  ]);
  const table = await readUnlabelled(config, `${path}/new.csv`);
  assertEquals(table.examples, [{ textA: "a fine film", label: undefined, index: 0 }]);
  const other = await readUnlabelled(config, `${path}/labelled.jsonl`);
  assertEquals(other.examples, [{ textA: "a fine film", label: undefined, index: 0 }]);
  await assertRejects(() => readUnlabelled(config, `${path}/wrong.jsonl`), FileError, '"text"');
});

Deno.test("SST-2's texts lose the space at their end in tables too, other texts keep it", async () => {
  const [train, dev] = [["a fine film ", 1], ["a dull one  ", 0]].map(([text, label]) =>
    rows({ sentence: text, text, label }, { sentence: "so so", text: "so so", label: 0 })
  );
  await using folder = await folderOf({ "train.jsonl": train!, "dev.jsonl": dev! });
  for (const [task, ends] of [["sst2", ""], ["classification", " "]] as const) {
    const config = resolveConfig({ task, data: folder.path, model: "m" });
    const read = await readLabelled(config, [], { train: true, split: "dev" });
    const texts = [read.train[0]!.textA, read.dev[0]!.textA];
    assertEquals(texts, [`a fine film${ends}`, `a dull one${ends}${ends}`]);
  }
});
