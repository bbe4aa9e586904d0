// Tokens, what of them is learned, and losses as transformers and TRL have them.
import { assertAlmostEquals, assertEquals } from "@std/assert";
import golden from "../../golden/chat/values.json" with { type: "json" };
import { seedKey } from "../../../core/random.ts";
import type { EncodedExample } from "../../../nn/layers/batch.ts";
import { isPredicted } from "../../../nn/layers/target_spans.ts";
import { openTokenizer } from "../../../nn/tokenizer/open.ts";
import type { Message, OwnExample } from "../../../train/data/own_texts.ts";
import { openLanguageModel, readConfig } from "../../../train/run/load_model.ts";
import { OwnTokenizer } from "../../../train/tasks/own_prompts.ts";
import { tokenLosses } from "../../../train/tasks/token_losses.ts";
import { withDevice } from "../../support/with_device.ts";

const base = decodeURIComponent(new URL("../../golden/chat/base", import.meta.url).pathname);
const architecture = await readConfig(base);

async function opened(template?: string): Promise<OwnTokenizer> {
  const read = async (name: string) => JSON.parse(await Deno.readTextFile(`${base}/${name}`));
  const files = {
    "tokenizer.json": await read("tokenizer.json"),
    "tokenizer_config.json": await read("tokenizer_config.json"),
    ...(template !== undefined && { "chat_template.jinja": template }),
  };
  const tokenizer = await openTokenizer(files, base);
  return new OwnTokenizer(tokenizer, architecture, template !== undefined, "base");
}

function encoded(own: OwnTokenizer, example: OwnExample): EncodedExample {
  const { ids, spans } = own.encode(example);
  return { ids, predictSpans: spans };
}

/** 1 for each token that is learned. */
function maskOf(example: EncodedExample): number[] {
  return example.ids.map((_, i) => isPredicted(example, i) ? 1 : 0);
}

/** A first token is never predicted, which a mask by hand does not know. */
function learned(mask: readonly number[]): number[] {
  return [0, ...mask.slice(1)];
}

const chats = golden.chats.map(({ template, messages, ids, mask }, index) => {
  const text = { messages: messages as readonly Message[] };
  return { template: template as keyof typeof golden.templates, text, index, ids, mask };
});
const completions = golden.completions.map(({ prompt, completion, ids, mask }, index) => {
  return { text: { prompt, completion }, index, ids, mask };
});

for (const [name, template] of Object.entries(golden.templates)) {
  Deno.test(`tokens and turns by the chat template ${name} are those of transformers`, async () => {
    const own = await opened(template);
    const cases = chats.filter((one) => one.template === name);
    assertEquals(cases.length >= 2, true);
    for (const one of cases) {
      const found = encoded(own, one);
      assertEquals(found.ids, one.ids);
      assertEquals(maskOf(found), learned(one.mask));
    }
  });
}

Deno.test("tokens and completions are those of TRL", async () => {
  const own = await opened();
  for (const one of completions) {
    const found = encoded(own, one);
    assertEquals(found.ids, one.ids);
    assertEquals(maskOf(found), learned(one.mask));
  }
});

Deno.test("what is written ends with a text or, in a conversation, with a turn", async () => {
  const ends = async (template?: string) => new Set((await opened(template)).endIds);
  const { ids } = golden.chats.find(({ template }) => template === "turns")!;
  const [eos, turnEnd] = [2, ids.at(-2)!];
  assertEquals(await ends(), new Set([eos]));
  assertEquals(await ends(golden.templates.chatml), new Set([eos]));
  assertEquals(await ends(golden.templates.turns), new Set([eos, turnEnd]));
  assertEquals(await ends("{{ raise_exception('no') }}"), new Set([eos]));
  assertEquals(await ends("{{ messages[1].content + '.' }}"), new Set([eos]));
});

Deno.test("losses of completions and of the assistant's turns are those of transformers", () =>
  withDevice("f64", async (device) => {
    const { model } = await openLanguageModel(base, device, seedKey(1));
    const plain = await opened();
    const chat = await opened(golden.templates.chatml);
    const sets = {
      completion: completions.map((one) => encoded(plain, one)),
      chat: chats.filter(({ template }) => template === "chatml").map((one) => encoded(chat, one)),
    };
    for (const name of ["completion", "chat"] as const) {
      const { loss } = await tokenLosses(model, device, sets[name], { padId: 2, batch: 3 });
      assertAlmostEquals(loss, golden.losses[name], 1e-12);
    }
  }));
