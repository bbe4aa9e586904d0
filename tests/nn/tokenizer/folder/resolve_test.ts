import { assert, assertEquals, assertRejects } from "@std/assert";
import { FileError, OptionError } from "../../../../core/errors.ts";
import type { TokenizerFiles } from "../../../../nn/tokenizer/file_names.ts";
import { openTokenizer } from "../../../../nn/tokenizer/open.ts";
import type { Tokenizer } from "../../../../nn/tokenizer/tokenizer.ts";
import { loadTokenizer } from "../../../../train/run/load_tokenizer.ts";
import type { TruncationStrategy } from "../../../../nn/tokenizer/truncation.ts";

type Files = Record<string, unknown>;
type Call = [string, (string | null)?, (number | null)?, TruncationStrategy?];
/** Ids of padding, beginning and end, and what the calls yield: by index in the file, else as such. */
interface Outcome<Result> {
  roles: (number | null)[];
  results: Result[];
}

/** What `golden/make.py` writes: folders and what AutoTokenizer makes of them. */
interface Golden {
  calls: Call[];
  bases: Record<string, Files>;
  files: Files[];
  results: unknown[];
  outcomes: ("error" | Outcome<number>)[];
  cases: [string, string | null, ...number[]][];
}

const file = new URL("../golden/folders.jsonl", import.meta.url);
const golden: Golden = Object.assign(
  {},
  ...(await Deno.readTextFile(file)).trimEnd().split("\n").map((line) => JSON.parse(line)),
);

/** Messages about folders that AutoTokenizer opens; it adds, renumbers or leaves out tokens there. */
const refusals = [
  // A malformed value of a key that the class does not read.
  /requires (true or false|a number): found/,
  // Special tokens that are not found in text.
  /"split_special_tokens" requires false/,
  // Ids that are not those that the reference gives to the tokens.
  /requires the id \d+, as the vocabulary has it or as the next one: found \d+$/,
  /requires an id from 0: found "(-1|x)"$/,
  // No token, where the reference takes whatever has the id of the unknown token, or 2 or 3.
  /requires a token of at least one character: found ""$/,
  /"(cls|sep)_token" requires a token: found null$/,
  // Classes with parts of their own that are not built here.
  /tokenizer_class requires a class that is built here.*"AlbertTokenizerFast"$/,
  /tokenizer_class requires a name: found ""$/,
  // A class whose files are not there; the reference takes an empty vocabulary.
  /requires tokenizer\.json( \(tokenizer\.model alone does not do\)| or vocab\.\w+( with merges\.txt)?): found none of these$/,
  /vocab\.json: Cannot load vocabulary as it requires the tokens/,
  // A class of word pieces or of SentencePiece beside a file of bytes, or the reverse.
  /"(pre_tokenizer|model\.type)" requires .* as the tokenizer_class says/,
];

/** The files of a folder: those of its base, changed; null takes one out. */
function filesOf(base: string, cls: string | null, changes: Files): Files {
  const files: Files = { ...golden.bases[base], ...changes };
  if (cls !== null) {
    const config = changes["tokenizer_config.json"] as Files | undefined;
    files["tokenizer_config.json"] = { ...config, tokenizer_class: cls };
  }
  if ("tokenizer.json" in changes) {
    const original = golden.bases[base]?.["tokenizer.json"] as Files;
    files["tokenizer.json"] = { ...original, ...(changes["tokenizer.json"] as Files) };
  }
  const present = Object.entries(files).filter(([, value]) => value !== null);
  return Object.fromEntries(present.map(([name, value]) => [
    name,
    name.endsWith(".model") ? Uint8Array.fromBase64(String(value)) : value,
  ]));
}

function runCall(tokenizer: Tokenizer, [text, pair, maxLength, strategy]: Call): unknown {
  try {
    const { ids, typeIds } = tokenizer.encode(text, pair ?? undefined, {
      ...maxLength ? { maxLength } : {},
      ...strategy ? { strategy } : {},
    });
    return [ids, typeIds, tokenizer.decode(ids, { skipSpecial: true })];
  } catch (error) {
    if (error instanceof OptionError) return "error";
    throw error;
  }
}

/** What the folder yields here, or the message of its refusal. */
async function run(files: TokenizerFiles): Promise<string | Outcome<unknown>> {
  try {
    const tokenizer = await openTokenizer(files);
    const roles = [tokenizer.padId, tokenizer.bosId, tokenizer.eosId].map((id) => id ?? null);
    return { roles, results: golden.calls.map((call) => runCall(tokenizer, call)) };
  } catch (error) {
    assert(error instanceof FileError && error.message.length < 500, String(error));
    return error.message;
  }
}

/** Whether AutoTokenizer cannot open the folder, and this library does as the files say. */
function isOpenedHereOnly(changes: Files): boolean {
  const config = changes["config.json"];
  // Without config.json a vocabulary of the older files has no class there, and a class that
  // config.json alone names, where a LLaMA has none, ends in an error if it is unknown.
  const named = String((config as Files)?.["tokenizer_class"]);
  if (config === null || /^(Novel|PreTrained)Tokenizer$/.test(named)) return true;
  return JSON.stringify(changes["special_tokens_map.json"] ?? null)
    .includes('"additional_special_tokens":[{');
}

/** Compares one folder: whether it is equal, refused here only, or refused by both. */
async function compare(files: Files, changes: Files, outcome: Golden["outcomes"][number]) {
  const about = JSON.stringify(changes).slice(0, 1000);
  const found = await run(files);
  if (outcome === "error") {
    assert(typeof found === "string" || isOpenedHereOnly(changes), `${about} is not refused`);
    return typeof found === "string" ? "both" : "here";
  }
  if (typeof found === "string") {
    assert(refusals.some((pattern) => pattern.test(found)), `${about}: ${found}`);
    return "refused";
  }
  assertEquals(found.results, outcome.results.map((index) => golden.results[index]), about);
  // Where no file names tokens, those with a conventional name have roles here.
  const silent = !("config.json" in files) && !("tokenizer_config.json" in files);
  if (!silent) assertEquals(found.roles, outcome.roles, about);
  return "equal";
}

Deno.test("openTokenizer() does as AutoTokenizer with 6,102 folders, or refuses them", async () => {
  const counts = { equal: 0, refused: 0, both: 0, here: 0 };
  for (const [base, cls, ...pairs] of golden.cases) {
    for (let at = 0; at < pairs.length; at += 2) {
      const changes = golden.files[pairs[at] ?? -1] ?? {};
      const outcome = golden.outcomes[pairs[at + 1] ?? -1] ?? "error";
      counts[await compare(filesOf(base, cls, changes), changes, outcome)]++;
    }
  }
  assertEquals(counts, { equal: 3953, refused: 1079, both: 1033, here: 37 });
});

/** Opens a base with changes and returns the message of the refusal. */
async function refusal(base: string, changes: Files): Promise<string> {
  const error = await assertRejects(
    () => openTokenizer(filesOf(base, null, changes), "folder"),
    FileError,
  );
  return error.message;
}

Deno.test("openTokenizer() names the file, the key, what is required and what was found", async () => {
  const config = (value: Files) => ({ "tokenizer_config.json": value });
  assertEquals(
    await refusal("bert", config({ do_lower_case: "no" })),
    'folder/tokenizer_config.json: Cannot load tokenizer as "do_lower_case" requires true or ' +
      'false: found "no"',
  );
  assertEquals(
    await refusal("gpt2", config({ truncation_side: "up" })),
    'folder/tokenizer_config.json: Cannot load tokenizer as "truncation_side" requires left or ' +
      'right: found "up"',
  );
  assertEquals(
    await refusal("bert", { "added_tokens.json": { "[NEW]": 110 } }),
    'folder/tokenizer.json: Cannot load tokenizer as "[NEW]" requires the id 108, as the ' +
      "vocabulary has it or as the next one: found 110",
  );
  assertEquals(
    await refusal("bert", config({ tokenizer_class: "PhobertTokenizer" })),
    "folder/tokenizer_config.json: Cannot load tokenizer as tokenizer_class requires a class " +
      'that is built here, such as BertTokenizer or PreTrainedTokenizerFast: found "PhobertTokenizer"',
  );
  const code = config({ auto_map: { AutoTokenizer: ["x.py", null] } });
  assert((await refusal("bert", code)).includes("without code of its own"));
  const files = config({ fast_tokenizer_files: ["tokenizer.4.0.json"] });
  assert((await refusal("bert", files)).includes("requires tokenizer.json alone"));
  assert((await refusal("bert", { "config.json": { model_type: "t5" } })).includes("model_type"));
  assert((await refusal("bert", { "special_tokens_map.json": [] })).includes("a JSON object"));
});

Deno.test("openTokenizer() keeps the step for digits that a class of bytes would drop", async () => {
  const base = golden.bases["gpt2"]?.["tokenizer.json"] as Files;
  const digits = { type: "Digits", individual_digits: true };
  const open = (pre_tokenizer: unknown) =>
    openTokenizer({
      "tokenizer.json": { ...base, pre_tokenizer },
      "tokenizer_config.json": { tokenizer_class: "GPT2Tokenizer", add_prefix_space: true },
    });
  const steps = [digits, base["pre_tokenizer"]];
  const tokenizer = await open({ type: "Sequence", pretokenizers: steps });
  const [space, one] = [tokenizer.tokenId("Ġ"), tokenizer.tokenId("1")];
  // Each part behind the first step gets a space of its own.
  assertEquals(tokenizer.encode("11").ids, [space, one, space, one]);
  const split = { type: "Split", pattern: { String: "1" }, behavior: "Isolated", invert: false };
  await assertRejects(
    () => open({ type: "Sequence", pretokenizers: [split, base["pre_tokenizer"]] }),
    FileError,
    "requires ByteLevel, behind Digits or alone, as the tokenizer_class says",
  );
});

Deno.test("openTokenizer() counts descriptions of one token as AutoTokenizer does", async () => {
  const ids = async (base: string, changes: Files, text: string) =>
    (await openTokenizer(filesOf(base, null, changes))).encode(text).ids;
  const added = { "added_tokens.json": { "[NEW]": 108 } };
  const described = { __type: "AddedToken", content: "[NEW]" };
  const config = (keys: Files) => ({
    ...added,
    "tokenizer_config.json": { tokenizer_class: "BertTokenizer", ...keys },
  });
  // A description in tokenizer_config.json makes no token of added_tokens.json special.
  const special = [2, 108, 7, 40, 20, 53, 71, 41, 3];
  const plain = [2, 108, 7, 108, 3];
  const text = "[NEW] a [new]";
  assertEquals(await ids("bert-files", config({ pad_token: "[NEW]" }), text), special);
  assertEquals(await ids("bert-files", config({ pad_token: described }), text), plain);
  const extra = config({ extra_special_tokens: [described] });
  assertEquals(await ids("bert-files", extra, text), plain);
  const map = { "special_tokens_map.json": { pad_token: { content: "[NEW]" } } };
  assertEquals(await ids("bert-files", { ...config({}), ...map }, text), special);
  // The text of a token that comes again does not undo the description between.
  const sep = { content: "</s>", single_word: true };
  const twice = { "special_tokens_map.json": { sep_token: sep, cls_token: "</s>" } };
  assertEquals(await ids("roberta-files", twice, "x</s> </s>"), [
    2,
    124,
    64,
    51,
    119,
    66,
    36,
    2,
    2,
  ]);
});

Deno.test("openTokenizer() refuses a vocabulary in which two tokens have one id", async () => {
  const vocabulary = { ...(golden.bases["gpt2-files"]?.["vocab.json"] as Files), "!": 34 };
  const message = await refusal("gpt2-files", { "vocab.json": vocabulary });
  assert(/requires another id than ".+": found 34$/.test(message), message);
  const gap = { ...(golden.bases["gpt2-files"]?.["vocab.json"] as Files), far: 344 };
  const added = { "vocab.json": gap, "tokenizer_config.json": { pad_token: "[NEW]" } };
  assert((await refusal("gpt2-files", added)).includes('"[NEW]" requires an id that no other'));
});

Deno.test("openTokenizer() takes white space off the lines of vocab.txt", async () => {
  const text = String(golden.bases["bert-files"]?.["vocab.txt"]);
  const files = filesOf("bert-files", null, { "vocab.txt": `${text}tail \u0085\r\n\u3000\n\n` });
  const tokenizer = await openTokenizer(files);
  assertEquals(tokenizer.tokenId("tail"), 108);
  assertEquals(tokenizer.encode("tail").ids, [2, 108, 3]);
});

Deno.test("loadTokenizer() reads the files beside tokenizer.json and beside a vocabulary", async () => {
  const token = { content: "[NEW]", lstrip: true, rstrip: false, normalized: false };
  for (const base of ["gpt2", "gpt2-files"]) {
    const files = filesOf(base, null, {
      "tokenizer_config.json": { add_prefix_space: true, truncation_side: "left" },
      "special_tokens_map.json": { pad_token: { ...token, single_word: false } },
      "added_tokens.json": { "[EXT]": 343, "[NEW]": 344 },
    });
    const directory = await Deno.makeTempDir();
    try {
      for (const [name, content] of Object.entries(files)) {
        const text = typeof content === "string" ? content : JSON.stringify(content);
        await Deno.writeTextFile(`${directory}/${name}`, text);
      }
      const tokenizer = await loadTokenizer(directory);
      assertEquals([tokenizer.padId, tokenizer.tokenId("[EXT]")], [344, 343]);
      // "Ġ", "Hello", [EXT], "Ġ", "Ġ", [NEW], "Ġ", "a", as AutoTokenizer has it.
      const ids = [32, 259, 343, 32, 32, 344, 32, 97];
      assertEquals(tokenizer.encode("Hello[EXT]  [NEW]a").ids, ids);
      assertEquals(tokenizer.encode("Hello[EXT]", undefined, { maxLength: 1 }).ids, [343]);
    } finally {
      await Deno.remove(directory, { recursive: true });
    }
  }
});
