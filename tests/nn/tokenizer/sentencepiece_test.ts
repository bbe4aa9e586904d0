import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { FileError } from "../../../core/errors.ts";
import { openTokenizer } from "../../../nn/tokenizer/open.ts";
import { readSentencePieces } from "../../../nn/tokenizer/sentencepiece.ts";
import { loadTokenizer } from "../../../train/run/load_tokenizer.ts";

/** What golden/sentencepiece.py writes: a model, and ids of texts under each of some settings. */
const golden: {
  model: string;
  settings: Record<string, boolean>[];
  texts: string[];
  ids: number[][][];
} = JSON.parse(
  await Deno.readTextFile(new URL("golden/sentencepiece.json", import.meta.url)),
);
const model = Uint8Array.fromBase64(golden.model);
const pieces = readSentencePieces(model, "spm.model").vocab as [string, number][];
const config = { model_type: "deberta-v2" };

for (const [index, settings] of golden.settings.entries()) {
  const name = JSON.stringify(settings);
  Deno.test(`a model of SentencePiece divides awkward texts as AutoTokenizer does: ${name}`, async () => {
    const tokenizer = await openTokenizer({
      "spm.model": model,
      "config.json": config,
      "tokenizer_config.json": settings,
    });
    for (const [i, text] of golden.texts.entries()) {
      assertEquals([...tokenizer.encode(text).ids], golden.ids[index]![i], JSON.stringify(text));
    }
    // Behind the pieces, as the model has none.
    assertEquals(tokenizer.tokenId("[MASK]"), pieces.length);
    assertEquals([tokenizer.padId, tokenizer.bosId, tokenizer.eosId], [0, 1, 2]);
  });
}

Deno.test("readSentencePieces() gives pieces, scores of 32 bits and tokens of texts", () => {
  const { extra, unknownId } = readSentencePieces(model, "spm.model");
  assertEquals(pieces.slice(0, 4).map(([piece]) => piece), ["[PAD]", "[CLS]", "[SEP]", "[UNK]"]);
  assert(pieces.every(([, score]) => Math.fround(score) === score));
  assertEquals(unknownId, 3);
  const special = extra.map((token) => [token.content, token.special]);
  assertEquals(special, [
    ["[PAD]", true],
    ["[CLS]", true],
    ["[SEP]", true],
    ["<c>", true],
    ["<x>", false],
    ["foo", false],
  ]);
});

/** A field of a message: its tag and what follows. */
const field = (number: number, kind: number, ...bytes: number[]) => [number * 8 + kind, ...bytes];
const sized = (number: number, bytes: number[]) => field(number, 2, bytes.length, ...bytes);
const piece = sized(1, [...sized(1, [97]), ...field(2, 5, 0, 0, 0x80, 0xbf)]);

Deno.test("readSentencePieces() skips what it does not know, and takes the usual where nothing is said", () => {
  const unknown = [
    ...field(15, 0, 0x81, 1),
    ...field(14, 1, 1, 2, 3, 4, 5, 6, 7, 8),
    ...sized(13, [7]),
  ];
  const { vocab, unknownId, extra } = readSentencePieces(
    Uint8Array.from([...unknown, ...piece, ...sized(1, []), ...sized(2, [])]),
    "spm.model",
  );
  assertEquals([vocab, unknownId, extra], [[["a", -1], ["", 0]], 0, []]);
});

Deno.test("readSentencePieces() says what is wrong with a file", () => {
  const refused: readonly (readonly [number[], string])[] = [
    [[], "trainer_spec behind the pieces is required: found none"],
    [[...piece, ...piece], "trainer_spec behind the pieces is required: found none"],
    [sized(2, []), "an unknown id below 0 is required: found 0"],
    [[0x0a], "a whole message is required: found its end within a number"],
    [[0x0a, 9, 1], "a whole message is required: found 1 of 9 bytes"],
    [new Array(11).fill(0xff), "a number of at most 10 bytes is required: found a longer one"],
    [field(1, 3), "a message of Protocol Buffers is required: found a field of type 3"],
    [field(1, 0, 1), "bytes as piece 0 is required: found a number"],
    [sized(1, sized(1, [0xff])), "UTF-8 as piece 0 is required: found other bytes"],
    [sized(1, sized(2, [1])), "4 bytes as the score of piece 0 is required: found 1"],
    [
      sized(1, field(2, 5, 0, 0, 0xc0, 0x7f)),
      "a finite score of piece 0 is required: found NaN",
    ],
    [sized(1, sized(3, [])), "a number as the kind of piece 0 is required: found bytes"],
    [[...piece, ...sized(2, field(3, 0, 2))], "a unigram model is required: found one of kind 2"],
    [[...piece, ...sized(2, [0xc0, 2, 1])], "an unknown id below 1 is required: found 1"],
  ];
  for (const [bytes, message] of refused) {
    assertThrows(
      () => readSentencePieces(Uint8Array.from(bytes), "a/spm.model"),
      FileError,
      `a/spm.model: Cannot read SentencePiece model as ${message}`,
    );
  }
});

Deno.test("every beginning of a model without all of its pieces is refused by name", () => {
  for (let size = 0; size < model.length; size++) {
    try {
      const { vocab } = readSentencePieces(model.slice(0, size), "spm.model");
      assertEquals(vocab, pieces, `${size}`);
    } catch (error) {
      assert(error instanceof FileError, `${size}: ${error}`);
    }
  }
});

Deno.test("loadTokenizer() reads a model of SentencePiece where no tokenizer.json is there", async () => {
  const folder = await Deno.makeTempDir();
  try {
    await Deno.writeTextFile(`${folder}/config.json`, JSON.stringify(config));
    await assertRejects(
      () => loadTokenizer(folder),
      FileError,
      "requires tokenizer.json or spm.model: found none of these",
    );
    await Deno.writeFile(`${folder}/spm.model`, model);
    const tokenizer = await loadTokenizer(folder);
    assertEquals([...tokenizer.encode(golden.texts[5]!).ids], golden.ids[0]![5]);
    await assertRejects(
      () => openTokenizer({ "spm.model": "text", "config.json": config }),
      FileError,
      "Cannot load tokenizer as the bytes of the file are required",
    );
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
