import { assertEquals, assertRejects } from "@std/assert";
import { FileError } from "../../../../core/errors.ts";
import { openTokenizer } from "../../../../nn/tokenizer/open.ts";

const specials = ["[PAD]", "[CLS]", "[SEP]"];

/** Ids of a text with an unknown letter, which has no special tokens around it. */
async function idsOf(score: number, config: Readonly<Record<string, unknown>>): Promise<number[]> {
  const vocab = [...specials.map((token) => [token, 0]), ["[UNK]", score], ["▁a", -1], ["▁", -2]];
  const tokenizer = await openTokenizer({
    "tokenizer.json": { model: { type: "Unigram", unk_id: 3, vocab }, added_tokens: [] },
    "tokenizer_config.json": { tokenizer_class: "DebertaV2Tokenizer", ...config },
  });
  return [...tokenizer.encode("a x").ids].slice(1, -1);
}

Deno.test("unknown pieces of DeBERTa are the unknown token whose score is 0, whatever unk_id says", async () => {
  for (const config of [{}, { unk_id: 4 }, { unk_id: "4" }]) {
    assertEquals(await idsOf(0, config), [4, 5, 3]);
  }
});

Deno.test("unknown pieces of DeBERTa are what unk_id says where the unknown token has another score", async () => {
  // Values of AutoTokenizer in transformers 5.17, which passes over the unk_id of tokenizer.json.
  for (const [config, id] of [[{}, 1], [{ unk_id: 3 }, 3], [{ unk_id: 0 }, 0]] as const) {
    assertEquals(await idsOf(-0.5, config), [4, 5, id]);
    assertEquals(await idsOf(0, { ...config, unk_token: "<q>" }), [4, 5, id]);
  }
  for (const unk_id of [null, "3", -1, 1.5, 6]) {
    await assertRejects(
      () => idsOf(-0.5, { unk_id }),
      FileError,
      `"unk_id" requires an id from 0, below 6: found ${JSON.stringify(unk_id)}`,
    );
  }
});
