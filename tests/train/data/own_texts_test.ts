import { assertEquals, assertRejects } from "@std/assert";
import { FileError } from "../../../core/errors.ts";
import { type OwnText, readOwnTexts } from "../../../train/data/own_texts.ts";
import type { OwnTextName } from "../../../train/data/text_tasks.ts";
import { contentOf, folderOf, type Table, tableKinds } from "../../support/tables.ts";

const user = { role: "user", content: "Which lamp?" } as const;
const assistant = { role: "assistant", content: 'The "left", one' } as const;

async function textsOf(
  task: OwnTextName,
  name: string,
  content: Uint8Array | string,
  answered = true,
): Promise<OwnText[]> {
  await using folder = await folderOf({ [name]: content });
  const examples = await readOwnTexts(task, [`${folder.path}/${name}`], answered);
  assertEquals(examples.map(({ index }) => index), [...examples.keys()]);
  return examples.map(({ text }) => text);
}

for (const kind of tableKinds) {
  Deno.test(`texts, completions and conversations are read from ${kind}`, async () => {
    const read = (task: OwnTextName, table: Table) =>
      textsOf(task, `train.${kind}`, contentOf(table, kind));
    assertEquals(await read("completion", { note: ["x", "y"], text: ["one", " two"] }), [
      { text: "one" },
      { text: " two" },
    ]);
    assertEquals(
      await read("completion", { completion: [" b"], prompt: ["a"], messages: ["[]"] }),
      [
        { prompt: "a", completion: " b" },
      ],
    );
    assertEquals(await read("chat", { messages: [JSON.stringify([user, assistant])] }), [
      { messages: [user, assistant] },
    ]);
  });
}

Deno.test("messages of JSON lines are lists, whose null keys are none", async () => {
  const line = JSON.stringify({ messages: [{ ...user, name: null, mood: "glad" }, assistant] });
  assertEquals(await textsOf("chat", "a.jsonl", line), [
    { messages: [{ mood: "glad", ...user }, assistant] },
  ]);
});

Deno.test("what is to be continued needs no answer", async () => {
  const prompts = '{"prompt":"a"}\n{"prompt":"b","completion":null}\n{"text":"c"}\n';
  assertEquals(await textsOf("completion", "a.jsonl", prompts, false), [
    { prompt: "a", completion: undefined },
    { prompt: "b", completion: undefined },
    { text: "c" },
  ]);
  const line = JSON.stringify({ messages: [user] });
  assertEquals(await textsOf("chat", "a.jsonl", line, false), [{ messages: [user] }]);
});

const row = (value: unknown) => JSON.stringify(value);
const either = 'either "text", or "prompt" and "completion", is required: found ';
const hostile: [task: OwnTextName, name: string, content: string, line: number, message: string][] =
  [
    [
      "completion",
      "a.jsonl",
      `${row({ text: "x" })}\n${row({ prompt: "x" })}`,
      2,
      `${either}"prompt"`,
    ],
    ["completion", "a.csv", "text,prompt\na,b", 2, `${either}"prompt", "text"`],
    ["completion", "a.csv", "mr,ref\na,b", 2, `${either}none of them`],
    ["completion", "a.tsv", "messages\n[]", 2, `${either}"messages"`],
    ["completion", "a.jsonl", row({ text: 3 }), 1, 'column "text" as a text is required: found 3'],
    [
      "completion",
      "a.jsonl",
      row({ prompt: "x", completion: ["y"] }),
      1,
      'column "completion" as a text is required: found ["y"]',
    ],
    ["chat", "a.jsonl", row({ text: "x" }), 1, '"messages" is required: found "text"'],
    ["chat", "a.jsonl", row({ messages: [] }), 1, "a list of at least 1 message"],
    ["chat", "a.csv", 'messages\n"[{"', 2, 'at least 1 message is required: found "[{"'],
    ["chat", "a.jsonl", row({ messages: ["x"] }), 1, '"messages[0]" as an object with role'],
    [
      "chat",
      "a.jsonl",
      row({ messages: [user, { role: "bot", content: "x" }] }),
      1,
      '"messages[1].role" as one of system, developer, user, assistant, tool is required: found "bot"',
    ],
    [
      "chat",
      "a.jsonl",
      row({ messages: [{ role: "user", content: [{ type: "text" }] }, assistant] }),
      1,
      '"messages[0].content" as a text is required: found [',
    ],
    [
      "chat",
      "a.jsonl",
      row({ messages: [user] }),
      1,
      'the assistant is required: found "messages of',
    ],
  ];
for (const [task, name, content, line, message] of hostile) {
  Deno.test(`${name} of ${task} is refused: ${message}`, async () => {
    const error = await assertRejects(() => textsOf(task, name, content), FileError, message);
    assertEquals(error.line, line);
  });
}

Deno.test("a table without rows is refused", async () => {
  const refuse = () => textsOf("completion", "a.csv", "text\n");
  await assertRejects(refuse, FileError, "at least 1 row is required: found 0");
});

Deno.test("a row of parquet is named by its number", async () => {
  const content = contentOf({ prompt: ["a", "b"], completion: ["c", null] }, "parquet");
  const refuse = () => textsOf("completion", "a.parquet", content);
  await assertRejects(refuse, FileError, `Cannot read row 2 as ${either}"prompt"`);
});
