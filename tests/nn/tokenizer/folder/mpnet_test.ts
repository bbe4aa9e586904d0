import { assertEquals } from "@std/assert";
import { openTokenizer } from "../../../../nn/tokenizer/open.ts";

const vocabulary = "<s>\n<pad>\n</s>\n<unk>\nhi\nthere\n##s\n[UNK]\n<mask>\n!\n";

Deno.test("openTokenizer() builds MPNet's tokenizer: BERT's words, RoBERTa's layout", async () => {
  for (
    const says of [
      { "tokenizer_config.json": { tokenizer_class: "MPNetTokenizer" } },
      { "config.json": { model_type: "mpnet" } },
    ]
  ) {
    const tokenizer = await openTokenizer({ "vocab.txt": vocabulary, ...says });
    const ids = (text: string, pair?: string) => [...tokenizer.encode(text, pair).ids];
    // As AutoTokenizer of transformers 5.17 does.
    assertEquals(ids("Hi THERES!"), [0, 4, 5, 6, 9, 2]);
    assertEquals(ids("hi <mask>!"), [0, 4, 8, 9, 2]);
    assertEquals(ids("strange"), [0, 7, 2]);
    assertEquals(ids("hi", "there"), [0, 4, 2, 2, 5, 2]);
    assertEquals([...tokenizer.encode("hi", "there").typeIds], [0, 0, 0, 0, 0, 0]);
    assertEquals(tokenizer.decode(ids("Hi THERES!"), { skipSpecial: true }), "hi theres!");
  }
});
