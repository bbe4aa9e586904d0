import { assert, assertAlmostEquals, assertEquals, assertRejects } from "@std/assert";
import golden from "../../golden/chat/values.json" with { type: "json" };
import { FileError, OptionError } from "../../../core/errors.ts";
import { seedKey } from "../../../core/random.ts";
import { countTargets, toBatch } from "../../../nn/layers/batch.ts";
import { isPredicted } from "../../../nn/layers/target_spans.ts";
import { objective } from "../../../nn/objective/objective.ts";
import { openLanguageModel } from "../../../train/run/load_model.ts";
import type { Prediction } from "../../../train/tasks/prediction.ts";
import { openOwn, ownFolder, type Rows } from "../../support/own_texts.ts";
import { withDevice } from "../../support/with_device.ts";

const user = { role: "user", content: "Which lamp?" };
const assistant = { role: "assistant", content: "The left lamp." };
const chats: Rows = golden.chats.filter(({ template }) => template === "chatml")
  .map(({ messages }) => ({ messages }));
const completions: Rows = golden.completions.map(({ prompt, completion }) => {
  return { prompt, completion };
});

Deno.test("every token of a text but the first is learned, and its end once", async () => {
  await using folder = await ownFolder([{ text: "The boat" }, { text: "The boat<|im_end|>" }]);
  const { task, tokenizer } = await openOwn("completion", folder);
  const ids = [...tokenizer.encode("The boat").ids, tokenizer.eosId!];
  for (const one of task.train) {
    assertEquals(one.ids, ids);
    assertEquals(one.predictSpans, [[1, ids.length]]);
  }
});

Deno.test("a token of both prompt and completion is learned, and that is said", async () => {
  const rows = [{ prompt: "The bo", completion: "at" }, { prompt: "The", completion: " boat" }];
  await using folder = await ownFolder(rows, rows.slice(1));
  const { task: { train, notes }, tokenizer } = await openOwn("completion", folder);
  assertEquals(train[0]!.ids, train[1]!.ids);
  assertEquals(train[0]!.predictSpans, train[1]!.predictSpans);
  assertEquals(tokenizer.encode("The").ids.length, train[0]!.predictSpans![0]![0]);
  assertEquals(notes, [
    "1 of 2 training examples have a token that is of the prompt and the completion",
  ]);
});

Deno.test("truncation says what is lost, and drops what has nothing left to learn", async () => {
  const rows = [
    { prompt: "The boat", completion: " is" },
    { prompt: "The boat", completion: " is large, of course." },
    { prompt: "Ask the captain, of course. Ask the captain.", completion: " lamp" },
  ];
  await using folder = await ownFolder(rows, rows.slice(0, 1));
  const { task: whole } = await openOwn("completion", folder);
  const lengths = whole.train.map(({ ids }) => ids.length);
  const maxLength = lengths[0]!;
  assert(lengths[1]! > maxLength && lengths[2]! > maxLength);
  const { task } = await openOwn("completion", folder, { maxLength });
  assertEquals(task.train.map(({ ids }) => ids.length), [maxLength, maxLength]);
  assertEquals(task.train[1]!.ids, whole.train[1]!.ids.slice(0, maxLength));
  assertEquals(task.cut, 2);
  const [all, left] = [countTargets(whole.train), countTargets(task.train)];
  assertEquals(task.notes, [
    `2 of 3 training examples are cut to ${maxLength} tokens: ${all - left} of ${all} predicted ` +
    "tokens are lost",
    "1 of 3 training examples are left out as no token to predict remains",
  ]);
  await using none = await ownFolder(rows.slice(2), rows.slice(0, 1));
  await assertRejects(
    () => openOwn("completion", none, { maxLength }),
    OptionError,
    `Cannot use the 1 training examples as one with a token to predict within --max-length ` +
      `${maxLength} is required: found none`,
  );
});

Deno.test("a span that the longest sequence ends within keeps its beginning", async () => {
  await using folder = await ownFolder(chats);
  const { task: whole } = await openOwn("chat", folder);
  const { task } = await openOwn("chat", folder, { maxLength: 20 });
  for (const [i, one] of task.train.entries()) {
    const found = one.ids.map((_, place) => isPredicted(one, place));
    const required = one.ids.map((_, place) => isPredicted(whole.train[i]!, place));
    assertEquals(found, required);
  }
});

Deno.test("losses and gradients of packed conversations are those of rows of their own", () =>
  withDevice("f64", async (device) => {
    await using folder = await ownFolder(chats);
    const { task: { train } } = await openOwn("chat", folder);
    const { model } = await openLanguageModel(folder.model, device, seedKey(1));
    const normaliser = countTargets(train);
    const lossOf = async (pack: boolean) => {
      const batch = toBatch(device, train, { pack, width: pack ? 120 : 60 });
      assertEquals(batch.size, pack ? 1 : 3);
      const { loss } = objective(model, batch, { key: seedKey(1), normaliser });
      return (await loss.read())[0]!;
    };
    const alone = await lossOf(false);
    assertAlmostEquals(alone, golden.losses.chat, 1e-12);
    assertAlmostEquals(await lossOf(true), alone, 1e-12);
  }));

for (const [name, rows] of [["completion", completions], ["chat", chats]] as const) {
  Deno.test(`an evaluation of ${name} has loss, perplexity and what is asked to be written`, () =>
    withDevice("f64", async (device) => {
      await using folder = await ownFolder(rows);
      const { task } = await openOwn(name, folder, { generate: 1, newTokens: 3 });
      assertEquals([task.costly, task.primary], [true, "loss"]);
      const { model } = await openLanguageModel(folder.model, device, seedKey(1));
      const collected: Prediction[] = [];
      const collect = (one: Prediction) => collected.push(one);
      const metrics = await task.evaluate(model, device, { final: true, collect });
      assertAlmostEquals(metrics.loss!, golden.losses[name], 1e-12);
      assertAlmostEquals(metrics.perplexity!, Math.exp(golden.losses[name]), 1e-9);
      assert(metrics.bleu !== undefined && metrics.bleu >= 0);
      assertEquals(collected.map((one) => "generated" in one), rows.map((_, i) => i === 0));
      const early = await task.evaluate(model, device, { final: false });
      assertEquals(Object.keys(early), ["loss", "perplexity"]);
      const { task: silent } = await openOwn(name, folder);
      assertEquals(silent.costly, false);
    }));
}

const refused: [name: string, template: string, rows: Rows, message: string][] = [
  ["no template", "", [{ messages: [user, assistant] }], "a chat template is required"],
  ["no Jinja", "{% if", [{ messages: [user, assistant] }], "a Jinja template is required"],
  [
    "a template that refuses",
    golden.templates.turns,
    [{ messages: [user, assistant] }, { messages: [user, user, assistant] }],
    "train.jsonl:2: Cannot write messages as the model's chat template refuses them: found " +
    '"Roles must alternate"',
  ],
  [
    "a template that writes earlier turns otherwise",
    "{% for message in messages %}{{ message.content if loop.last else '-' }}{% endfor %}",
    [{ messages: [user, assistant, user] }],
    "train.jsonl:1: Cannot tell where the assistant speaks in message 1",
  ],
];
for (const [name, template, rows, message] of refused) {
  Deno.test(`conversations are refused by ${name}`, async () => {
    await using folder = await ownFolder(rows, rows, template);
    const isOption = template.length < 10;
    await assertRejects(
      () => openOwn("chat", folder),
      isOption ? OptionError : FileError,
      message,
    );
  });
}

Deno.test("a template that may write the date is remarked", async () => {
  const template = `{% set day = strftime_now("%d") %}${golden.templates.chatml}`;
  await using folder = await ownFolder(chats, chats, template);
  const { task } = await openOwn("chat", folder);
  assertEquals(task.notes, ["the chat template may write the date of today"]);
});
