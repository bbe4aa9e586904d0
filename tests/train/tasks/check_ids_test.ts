import { assertEquals, assertMatch, assertRejects, assertThrows } from "@std/assert";
import { FileError, IndexError } from "../../../core/errors.ts";
import type { ModelConfig } from "../../../nn/models/model.ts";
import type { GivenConfig } from "../../../train/config/config.ts";
import type { TaskName } from "../../../train/config/train_options.ts";
import { readConfig } from "../../../train/run/load_model.ts";
import { loadTokenizer } from "../../../train/run/load_tokenizer.ts";
import { checkIds, checkPadding } from "../../../train/tasks/check_ids.ts";
import { openTask } from "../../../train/tasks/open.ts";
import { contentOf, folderOf, type TableKind } from "../../support/tables.ts";
import { type TinyModel, Workspace } from "../../support/workspace.ts";

const workspace = await Workspace.open();
Deno.test.afterAll(() => workspace[Symbol.asyncDispose]());

/** Opens a task for a model whose tables are changed. */
async function open(
  task: TaskName,
  model: TinyModel,
  change: (config: ModelConfig) => Record<string, unknown>,
  given: GivenConfig = {},
) {
  const directory = workspace.model(model);
  const config = await readConfig(directory);
  return await openTask(
    workspace.config(task, { model: directory, ...given }),
    { ...config, ...change(config) },
    await loadTokenizer(directory),
  );
}

const vocabulary = (await Deno.readTextFile(`${workspace.model("bert")}/vocab.txt`)).trimEnd()
  .split("\n");
const last = vocabulary.at(-1)!;
const others = vocabulary.slice(-4, -1).join(" ");

for (const kind of ["jsonl", "csv", "parquet"] as const satisfies readonly TableKind[]) {
  Deno.test(`a token beyond the model is named with its row of a ${kind} file`, async () => {
    const table = (...text: string[]) =>
      contentOf({ text, label: text.map((_, i) => `${i % 2}`) }, kind);
    await using folder = await folderOf({
      [`train.${kind}`]: table(others, others, `${others} ${last}`, last),
      [`validation.${kind}`]: table(others, others),
    });
    const given = { data: folder.path };
    const all = vocabulary.length;
    await open("classification", "bert", () => ({ vocabularySize: all }), given);
    const failed = open("classification", "bert", () => ({ vocabularySize: all - 1 }), given);
    const { message, line } = await assertRejects(() => failed, FileError);
    // The tables of these tests have empty lines between objects, which count.
    const at = { jsonl: 5, csv: 4, parquet: undefined }[kind];
    const place = at === undefined ? "" : `:${at}`;
    assertEquals(
      message,
      `${folder.path}/train.${kind}${place}: Cannot embed token ${last} = ${all - 1} of ${
        all - 1
      } ` +
        `as the model's token table has 0 to ${all - 2}${
          kind === "parquet" ? ": found in row 3" : ""
        }`,
    );
    assertEquals(line, at);
  });

  Deno.test(`a tokenizer may have a token that no text of a ${kind} file has`, async () => {
    const table = contentOf({ text: [others, others], label: ["0", "1"] }, kind);
    await using folder = await folderOf({
      [`train.${kind}`]: table,
      [`validation.${kind}`]: table,
    });
    const change = ({ vocabularySize }: ModelConfig) => ({ vocabularySize: vocabularySize - 1 });
    await open("classification", "bert", change, { data: folder.path });
  });
}

Deno.test("a segment beyond the model is named with its row of a published file", async () => {
  const failed = open("rte", "bert", () => ({ typeVocabularySize: 1 }));
  const { message } = await assertRejects(() => failed, FileError);
  assertEquals(
    message,
    `${
      workspace.data("rte")
    }/dev.tsv:2: Cannot embed segment 1 of 1 as the model's segment table ` +
      "has 0 alone",
  );
});

Deno.test("a token beyond a language model is named with its text", async () => {
  const failed = open("e2e", "gpt2", () => ({ vocabularySize: 300 }));
  const { message } = await assertRejects(() => failed, FileError);
  const text = message.replace(`${workspace.data("e2e")}/`, "");
  assertMatch(text, /^\w+\.csv: Cannot embed token .+ = \d+ of 300 as/);
  assertMatch(text, /has 0 to 299: found in example \d+, ".+/);
});

Deno.test("a padding token beyond the model is refused where some batch is padded", async () => {
  const tokenizer = await loadTokenizer(workspace.model("bert"));
  const config = await readConfig(workspace.model("bert"));
  const rules = { config, tokenizer };
  const size = config.vocabularySize;
  checkPadding(size - 1, [[1, 2]], rules);
  checkPadding(size, [[2, 2], [3], []], rules);
  assertThrows(
    () => checkPadding(size, [[2, 2], [3, 4]], rules),
    IndexError,
    `Cannot embed token ${size} of ${size} as the model's token table has 0 to ${size - 1}: it ` +
      "pads sequences of different lengths",
  );
});

Deno.test("a text that was read from no file is called by its name", async () => {
  const tokenizer = await loadTokenizer(workspace.model("bert"));
  const config = { ...await readConfig(workspace.model("bert")), vocabularySize: 5 };
  const check = (ids: number[]) => checkIds({ ids }, { config, tokenizer }, { name: "prompt 2" });
  check([0, 4]);
  for (const id of [5, 2 ** 31, NaN]) {
    assertThrows(() => check([0, id]), IndexError, "of 5 as the model's token table has 0 to 4");
    assertThrows(() => check([0, id]), IndexError, "found in prompt 2");
  }
});
