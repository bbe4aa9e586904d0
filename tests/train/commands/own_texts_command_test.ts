// The command line on the user's own prompts and conversations, from training to what is written.
import { assert, assertAlmostEquals, assertEquals, assertStringIncludes } from "@std/assert";
import { hiddenkey } from "../../support/cli.ts";
import { linesOf, ownFolder } from "../../support/own_texts.ts";
import { readMetrics } from "../../support/workspace.ts";

const things = ["lamp", "boat", "captain"];
const completions = things.map((thing) => ({ prompt: `The ${thing}`, completion: " is large" }));
const chats = things.map((thing) => ({
  messages: [
    { role: "user", content: `The ${thing}?` },
    { role: "assistant", content: "It is large" },
  ],
}));
const plain = await ownFolder(completions);
const talk = await ownFolder(chats);
Deno.test.afterAll(async () => {
  await plain[Symbol.asyncDispose]();
  await talk[Symbol.asyncDispose]();
});

async function succeeded(...args: string[]): Promise<string> {
  const { err, code, out } = await hiddenkey(...args);
  assertEquals([err, code], ["", 0]);
  return out;
}

const kinds = { completion: plain, chat: talk };
const wanted = { completion: "is large", chat: "It is large" };

function flags(task: keyof typeof kinds): string[] {
  const { data, model, path } = kinds[task];
  const places = [`--data=${data}`, `--model=${model}`, `--out=${path}/run`];
  const fast = [
    "--epochs=60",
    "--batch=3",
    "--lr=0.1",
    "--rank=8",
    "--targets=q_proj,v_proj,o_proj,up_proj,down_proj,lm_head",
  ];
  return [`--task=${task}`, ...places, ...fast, "--generate=3", "--new-tokens=12"];
}

const runs = {
  completion: succeeded("train", ...flags("completion")),
  chat: succeeded("train", ...flags("chat"), "--method=hiddenkey", "--rate=0.01", "--pack"),
};
for (const run of Object.values(runs)) run.catch(() => {});

for (const task of ["completion", "chat"] as const) {
  const folder = kinds[task];
  const run = `${folder.path}/run`;

  Deno.test(`a run of ${task} learns, and eval finds the figures that it ended with`, async () => {
    await runs[task];
    const metrics = await readMetrics(run);
    const losses = metrics.flatMap(({ eval_loss }) => eval_loss ?? []);
    assert(losses.at(-1)! < losses[0]! / 4, losses.join());
    const last = metrics.findLast((line) => "eval_loss" in line)!;
    const found = JSON.parse(await succeeded("eval", run, "--json"));
    for (const name of ["loss", "perplexity", "bleu"]) {
      assertAlmostEquals(found[name], last[`eval_${name}`]!, 1e-9);
    }
  });

  Deno.test(`predict writes what ${task} has learned`, async () => {
    await runs[task];
    const input = `${folder.path}/input.jsonl`;
    const first = task === "chat"
      ? { messages: chats[0]!.messages.slice(0, 1) }
      : { prompt: completions[0]!.prompt };
    await Deno.writeTextFile(input, linesOf([first, (task === "chat" ? chats : completions)[1]!]));
    const lines = (await succeeded("predict", run, `--input=${input}`, "--json")).trimEnd();
    const found = lines.split("\n").map((line) => JSON.parse(line));
    assertEquals(found.map(({ index }) => index), [0, 1]);
    assertEquals(found.map(({ prediction }) => prediction), [wanted[task], wanted[task]]);
    const text = task === "chat" ? "The boat?" : "The boat";
    assertEquals(await succeeded("predict", run, `--text=${text}`), `${wanted[task]}\n`);
    const begun = task === "chat"
      ? `<|im_start|>user\n${text}<|im_end|>\n<|im_start|>assistant\n`
      : text;
    assertEquals(found[1].input, begun);
  });
}

Deno.test("a dry run of conversations marks what the assistant says", async () => {
  const out = await succeeded("train", ...flags("chat"), "--dry-run");
  const marked = [...out.matchAll(/^ \*.*?(".*")$/gm)].map(([, text]) => JSON.parse(text!));
  assertEquals(marked.join(""), "It is large<|im_end|>\n".repeat(3));
});

Deno.test("a prompt without a token is refused by its row", async () => {
  await runs.completion;
  const input = `${plain.path}/empty.jsonl`;
  await Deno.writeTextFile(input, linesOf([{ prompt: "a" }, { prompt: "" }]));
  const { code, err } = await hiddenkey("predict", `${plain.path}/run`, `--input=${input}`);
  assertEquals(code, 1);
  assertStringIncludes(err, 'empty.jsonl:2: Cannot read column "prompt" as at least 1 token is');
});

Deno.test("own texts have no columns of labels", async () => {
  const { code, err } = await hiddenkey(
    "train",
    ...flags("chat").filter((one) => !one.startsWith("--out")),
    "--label=x",
  );
  assertEquals(code, 1);
  assertStringIncludes(err, "as chat has no tables of labels");
});
