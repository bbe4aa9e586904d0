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

Deno.test("the paper's preset is its tables 6 and 7", () => {
  const rows = {
    rte: [4e-4, 30, 64, 512],
    mrpc: [3e-4, 30, 32, 512],
    stsb: [3e-4, 10, 32, 128],
    sst2: [4e-4, 10, 64, 512],
    cola: [2e-4, 40, 32, 128],
    qnli: [2e-4, 10, 32, 512],
  } as const;
  for (const [task, [lr, epochs, batch, maxLength]] of Object.entries(rows)) {
    const shared = { weightDecay: 0.1, warmup: 0.06, rank: 8, alpha: 16 };
    const expected = { ...shared, lr, epochs, batch, maxLength };
    assertEquals<unknown>(presetFor("paper", task as keyof typeof rows), expected, task);
  }
  for (const [task, lengthPenalty] of [["e2e", 0.9], ["webnlg", 0.8]] as const) {
    assertEquals(presetFor("paper", task), {
      weightDecay: 0.01,
      warmup: 500,
      rank: 4,
      alpha: 32,
      lr: 2e-4,
      epochs: 5,
      batch: 8,
      smoothing: 0.1,
      maxLength: 512,
      beams: 10,
      lengthPenalty,
      noRepeatNgram: 4,
      beamConvention: "lora",
    });
  }
  assertThrows(() => presetFor("paper", "wnli"), OptionError, "rte, mrpc, stsb, sst2, cola, qnli");
});

Deno.test("the preset of microsoft/LoRA differs from the paper where its README does", () => {
  for (const task of ["e2e", "webnlg"] as const) {
    assertEquals(presetFor("lora", task), {
      ...presetFor("paper", task),
      method: "lora-dropout",
      rate: 0.1,
      epsilon: 1e-6,
      clip: 0,
      bucket: false,
      seed: 110,
      lengthPenalty: 0.8,
    });
  }
  assertThrows(() => presetFor("lora", "rte"), OptionError, "settings for e2e, webnlg");
});
