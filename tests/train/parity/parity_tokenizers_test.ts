import { assertEquals, assertRejects } from "@std/assert";
import { FileError } from "../../../core/errors.ts";
import { compareTokenizers } from "../../../train/parity/parity_tokenizers.ts";
import { shared, sharedTest } from "../../support/shared.ts";

const pieces = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "a", "b"];

Deno.test("compareTokenizers() reports each way in which a case differs", async () => {
  const directory = await Deno.makeTempDir();
  try {
    await Deno.mkdir(`${directory}/minilm`);
    await Deno.writeTextFile(`${directory}/minilm/vocab.txt`, pieces.join("\n"));
    const right = {
      tokenizer: "bert",
      text: "a",
      ids: [2, 5, 3],
      type_ids: [0, 0, 0],
      decoded: "a",
    };
    const wrong = { ...right, pair: "b" };
    await Deno.writeTextFile(`${directory}/cases.json`, JSON.stringify([right, wrong]));
    const { total, differing } = await compareTokenizers(`${directory}/cases.json`, directory);
    assertEquals(total, 2);
    assertEquals(differing.map(({ index, what }) => [index, what]), [[1, "ids"], [1, "type_ids"]]);
    assertEquals(differing[0]?.actual, [2, 5, 3, 6, 3]);
    await Deno.writeTextFile(`${directory}/cases.json`, '[{"tokenizer":"none","text":""}]');
    await assertRejects(
      () => compareTokenizers(`${directory}/cases.json`, directory),
      FileError,
      "Cannot read case 0",
    );
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});

sharedTest("Tokenizers agree with all recorded encodings of Hugging Face tokenizers", async () => {
  const { total, differing } = await compareTokenizers(
    shared("fixtures/tokenizers.json"),
    shared("models"),
  );
  assertEquals(total, 2970);
  assertEquals(differing, []);
});
