import { assertEquals, assertNotEquals, assertThrows } from "@std/assert";
import { OptionError } from "../../../core/errors.ts";
import { resolveConfig } from "../../../train/config/config.ts";
import {
  presetFor,
  type PresetName,
  presetRows,
  requirePresets,
} from "../../../train/config/presets.ts";
import { mergePresets } from "../../support/merged_presets.ts";

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

Deno.test("presets are merged from left to right, their sites by position", () => {
  const paper = presetFor("paper", "rte", "roberta");
  assertEquals(mergePresets(["paper"], "rte", "roberta"), paper);
  assertEquals(mergePresets(["paper", "neftune"], "rte"), { ...paper, neftuneAlpha: 5 });
  assertEquals(mergePresets([], "rte"), {});
  const decays = (...names: PresetName[]) => mergePresets(names, "rte").weightDecay;
  assertEquals([decays("paper", "weight-decay"), decays("weight-decay", "paper")], [0.01, 0.1]);
  const { site = [], kl } = mergePresets(["r-drop", "lora-dropout-ab", "droplora"], "rte");
  const positions = site.map(({ position }) => position);
  assertEquals(positions, ["input", "weights", "hidden", "lora", "update", "rank"]);
  assertEquals(mergePresets(["droplora", "droplora"], "rte").site?.length, 1);
  assertEquals(kl, 1);
});

Deno.test("a regulariser holds for every task; a recipe among others says for which it does", () => {
  for (const task of ["stsb", "e2e", "classification"] as const) {
    assertEquals(mergePresets(["label-smoothing"], task), { smoothing: 0.1 });
  }
  assertThrows(
    () => mergePresets(["neftune", "lora"], "rte"),
    OptionError,
    "Cannot use preset lora for rte as it has settings for e2e, webnlg",
  );
});

Deno.test("requirePresets() names the preset that a mistyped one is nearest to", () => {
  requirePresets(presetRows.map(([name]) => name));
  assertThrows(
    () => requirePresets(["paper", "neftun"]),
    OptionError,
    "Cannot find option neftun in --preset: the nearest known one is neftune",
  );
});

Deno.test("every regulariser alone is a plan that the options' checks let pass", () => {
  for (const [name] of presetRows.slice(2)) {
    const given = { task: "rte", data: "d", model: "m" } as const;
    const config = resolveConfig(mergePresets([name], "rte"), given);
    assertNotEquals(config, resolveConfig(given), name);
  }
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
