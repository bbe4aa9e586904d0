import { assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { FileError } from "../../../core/errors.ts";
import { readTemplate } from "../../../nn/tokenizer/template.ts";
import { truncatedLengths } from "../../../nn/tokenizer/truncation.ts";

Deno.test("truncatedLengths() keeps what repeated removal from the longer sequence keeps", () => {
  fc.assert(fc.property(fc.nat(40), fc.nat(40), fc.nat(90), (first, second, limit) => {
    const lengths = truncatedLengths(first, second, limit, "longest_first");
    assertEquals(lengths[0] + lengths[1], Math.min(first + second, limit));
    let [a, b] = [first, second];
    while (a + b > limit) {
      if (a > b) a--;
      else b--;
    }
    // The procedures may give the odd token of equal halves to different sides.
    const tie = limit % 2 === 1 && Math.abs(a - b) === 1;
    if (tie) assertEquals(lengths.toSorted(), [a, b].toSorted());
    else assertEquals(lengths, [a, b]);
  }));
});

Deno.test("truncatedLengths() gives the odd token to the longer sequence, the second when equal", () => {
  assertEquals(truncatedLengths(9, 8, 5, "longest_first"), [3, 2]);
  assertEquals(truncatedLengths(8, 9, 5, "longest_first"), [2, 3]);
  assertEquals(truncatedLengths(8, 8, 5, "longest_first"), [2, 3]);
  assertEquals(truncatedLengths(8, undefined, 5, "longest_first"), [5, 0]);
  assertEquals(truncatedLengths(8, 8, 0, "only_first"), [0, 0]);
});

Deno.test("readTemplate() reads every post-processor and refuses malformed ones", () => {
  const a = { Sequence: { id: "A", type_id: 0 } };
  const template = {
    type: "TemplateProcessing",
    single: [{ SpecialToken: { id: "<s>", type_id: 0 } }, a],
    pair: [a, { Sequence: { id: "B", type_id: 1 } }],
    special_tokens: { "<s>": { id: "<s>", ids: [7, 8], tokens: ["<s>", "x"] } },
  };
  const read = readTemplate(
    { type: "Sequence", processors: [{ type: "ByteLevel" }, template] },
    "n",
  );
  assertEquals(read.single, [{ content: [7, 8], typeId: 0 }, { content: "A", typeId: 0 }]);
  const processing = readTemplate({ type: "BertProcessing", cls: ["c", 1], sep: ["s", 2] }, "n");
  assertEquals(processing.pair.map(({ typeId }) => typeId), [0, 0, 0, 1, 1]);
  const refuse = (value: unknown, message: string) =>
    assertThrows(() => readTemplate(value, "n"), FileError, message);
  refuse({ ...template, special_tokens: {} }, "post_processor.single");
  refuse({ ...template, pair: null }, "post_processor.pair");
  refuse({ type: "RobertaProcessing", cls: ["c", 1] }, "post_processor.sep");
  refuse({ type: "Sequence", processors: [template, template] }, "at most one step");
  refuse({}, "post_processor.type");
});
