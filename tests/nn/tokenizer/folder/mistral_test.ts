// Where texts are split beside Mistral's configurations: as AutoTokenizer does, or not at all.
import { assertEquals, assertRejects } from "@std/assert";
import { FileError } from "../../../../core/errors.ts";
import type { TokenizerFiles } from "../../../../nn/tokenizer/file_names.ts";
import { mistralPattern } from "../../../../nn/tokenizer/folder/mistral.ts";
import { openTokenizer } from "../../../../nn/tokenizer/open.ts";

type Fields = Record<string, unknown>;
type Case = [config: Fields | null, flag: Fields, step: string, size: number, result: number];

/** What `golden/mistral.py` writes. */
interface Golden {
  texts: string[];
  vocab: Record<string, number>;
  merges: [string, string][];
  steps: Record<string, unknown>;
  results: number[][][];
  cases: Case[];
}

const file = new URL("../golden/mistral.jsonl", import.meta.url);
const golden: Golden = Object.assign(
  {},
  ...(await Deno.readTextFile(file)).trimEnd().split("\n").map((line) => JSON.parse(line)),
);
const vocabularies = new Map<number, Record<string, number>>();

/** The words of the vocabulary, and fillers up to a size. */
function vocabularyOf(size: number): Record<string, number> {
  let vocab = vocabularies.get(size);
  if (vocab === undefined) {
    vocab = { ...golden.vocab };
    for (let id = Object.keys(vocab).length; id < size; id++) vocab[`filler ${id}`] = id;
    vocabularies.set(size, vocab);
  }
  return vocab;
}

function filesOf([config, flag, step, size]: Case, changes: Fields = {}): TokenizerFiles {
  const none = { normalizer: null, post_processor: null, decoder: null };
  const model = { type: "BPE", vocab: vocabularyOf(size), merges: golden.merges, fuse_unk: false };
  return {
    "tokenizer.json": {
      ...{ version: "1.0", truncation: null, padding: null, ...none },
      added_tokens: [],
      model,
      pre_tokenizer: golden.steps[step],
      ...changes,
    },
    "tokenizer_config.json": { tokenizer_class: "PreTrainedTokenizerFast", ...flag },
    ...config !== null && { "config.json": config },
  };
}

const idsOf = async (files: TokenizerFiles) => {
  const tokenizer = await openTokenizer(files);
  return golden.texts.map((text) => tokenizer.encode(text).ids);
};

/** Whether AutoTokenizer warns of a pattern that is not Mistral's, and takes it. */
function isWarned([config, flag, step, size]: Case): boolean {
  const version = config?.["transformers_version"] ?? "";
  const isOld = ["", "4.57.1", "4.9.0.dev0", "5.0.0.dev0", "5.0.0rc1"].includes(String(version));
  return config?.["model_type"] === "mistral" && isOld && size > 100_000 && step !== "none" &&
    typeof flag["fix_mistral_regex"] !== "boolean";
}

Deno.test("folders of Mistral are split as AutoTokenizer splits them, or refused by the flag", async () => {
  let refused = 0;
  for (const one of golden.cases) {
    const about = JSON.stringify(one);
    if (isWarned(one)) {
      refused++;
      await assertRejects(
        () => openTokenizer(filesOf(one), "folder"),
        FileError,
        'folder/tokenizer_config.json: Cannot load tokenizer as "fix_mistral_regex" requires true, or ' +
          "false for the pattern of tokenizer.json",
      );
    } else assertEquals(await idsOf(filesOf(one)), golden.results[one[4]], about);
  }
  assertEquals([golden.cases.length, refused], [68, 18]);
});

Deno.test("a folder of Mistral that has the models' pattern needs no flag", async () => {
  const fixed = golden.cases.find(([config, flag, step, size]) =>
    config?.["transformers_version"] === "4.57.1" && config["model_type"] === "mistral" &&
    flag["fix_mistral_regex"] === true && step === "sequence" && size > 100_000
  )!;
  const split = {
    type: "Split",
    pattern: { Regex: mistralPattern },
    behavior: "Isolated",
    invert: false,
  };
  const sequence = golden.steps["sequence"] as { pretokenizers: unknown[] };
  const pre_tokenizer = { ...sequence, pretokenizers: [split, sequence.pretokenizers[1]] };
  const [config, , step, size, result] = fixed;
  const files = filesOf([config, {}, step, size, result], { pre_tokenizer });
  assertEquals(await idsOf(files), golden.results[result]);
});

Deno.test("a flag that is no truth value is refused", async () => {
  const files = filesOf([{ model_type: "mistral" }, { fix_mistral_regex: "yes" }, "bytes", 400, 0]);
  const message = '"fix_mistral_regex" requires true or false: found "yes"';
  await assertRejects(() => openTokenizer(files), FileError, message);
});
