import { assertEquals, assertThrows } from "@std/assert";
import { OptionError } from "../../../core/errors.ts";
import { presetFor } from "../../../train/config/presets.ts";

Deno.test("the paper's preset has a column of its own for LLaMA", () => {
  const shared = { weightDecay: 0.1, warmup: 0.06, rank: 8, alpha: 16, lr: 5e-4, maxLength: 512 };
  assertEquals(presetFor("paper", "rte", "llama"), { ...shared, epochs: 10, batch: 64 });
  assertEquals(presetFor("paper", "mrpc", "llama"), { ...shared, epochs: 8, batch: 32 });
  const { epochs, beams, lengthPenalty, noRepeatNgram, rank } = presetFor("paper", "e2e", "llama");
  assertEquals([epochs, beams, lengthPenalty, noRepeatNgram, rank], [1, 1, 1, 0, 8]);
  for (const architecture of ["roberta", "gpt2", "bert", undefined]) {
    const { lr, epochs } = presetFor("paper", "rte", architecture);
    assertEquals([lr, epochs], [4e-4, 30]);
  }
  assertThrows(
    () => presetFor("paper", "sst2", "llama"),
    OptionError,
    "Cannot use preset paper for sst2 with the architecture llama as it has settings for rte, mrpc, e2e",
  );
  assertEquals(presetFor("lora", "e2e", "llama"), presetFor("lora", "e2e"));
});
