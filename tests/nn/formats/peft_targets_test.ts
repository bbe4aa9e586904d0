import { assertEquals, assertThrows } from "@std/assert";
import { FileError } from "../../../core/errors.ts";
import { Linear } from "../../../nn/layers/linear.ts";
import { modules } from "../../../nn/layers/module.ts";
import {
  chooseTargets,
  patternValues,
  pythonPattern,
  type TargetRules,
} from "../../../nn/formats/peft_targets.ts";
import { type ArchitectureName, tinyConfig } from "../../support/tiny_models.ts";
import { classifier, languageModel } from "../../../nn/models/registry.ts";

/** What rules choose in a tiny model of two layers, by the ends that tell paths apart. */
function chosen(
  architecture: ArchitectureName,
  rules: Partial<TargetRules>,
  language = architecture === "gpt2" || architecture === "llama",
): string[] {
  const config = tinyConfig(architecture);
  const all = [...modules(language ? languageModel(config) : classifier(config))];
  const linears = all.filter(([, module]) => module instanceof Linear).map(([path]) => path);
  const whole: TargetRules = {
    targets: [],
    modulesToSave: language ? [] : ["classifier", "score"],
    taskType: language ? "CAUSAL_LM" : "SEQ_CLS",
    ...rules,
  };
  return chooseTargets(whole, all.map(([path]) => path), linears, "adapter_config.json")
    .map((path) => path.replace(/^.*?(?=\d|[^.]*$)/, ""));
}

Deno.test("chooseTargets() takes a name, or what ends in it after a dot", () => {
  assertEquals(chosen("bert", { targets: ["query"] }), [
    "0.attention.self.query",
    "1.attention.self.query",
  ]);
  assertEquals(chosen("bert", { targets: ["1.attention.self.key", "uery"] }), [
    "1.attention.self.key",
  ]);
  assertEquals(chosen("gpt2", { targets: ["mlp.c_proj", "c_attn"] }), [
    "0.attn.c_attn",
    "0.mlp.c_proj",
    "1.attn.c_attn",
    "1.mlp.c_proj",
  ]);
});

Deno.test("chooseTargets() takes a text as a regular expression of the whole path", () => {
  assertEquals(chosen("llama", { targets: "model\\.layers\\.1\\..*\\.[qv]_proj" }), [
    "1.self_attn.q_proj",
    "1.self_attn.v_proj",
  ]);
  assertEquals(chosen("llama", { targets: "(?P<all>.*layers.0.*)up_proj" }), ["0.mlp.up_proj"]);
  assertThrows(
    () => chosen("llama", { targets: "up_proj" }),
    FileError,
    'found none for "up_proj"',
  );
});

Deno.test("chooseTargets() leaves heads and output layers out of all-linear", () => {
  const perLayer = ["attention.self.query", "attention.self.key", "attention.self.value"];
  perLayer.push("attention.output.dense", "intermediate.dense", "output.dense");
  const layers = [0, 1].flatMap((layer) => perLayer.map((path) => `${layer}.${path}`));
  assertEquals(chosen("roberta", { targets: "all-linear" }), layers);
  // BERT's pooler is a linear layer like any other.
  assertEquals(chosen("bert", { targets: "All-Linear" }), [...layers, "dense"]);
  const llama = chosen("llama", { targets: "all-linear" });
  assertEquals([llama.length, llama.includes("lm_head")], [14, false]);
});

Deno.test("chooseTargets() leaves out what is saved whole, with all below it", () => {
  assertEquals(chosen("roberta", { targets: ["dense"] }).length, 6);
  assertEquals(chosen("bert", { targets: ["dense"], modulesToSave: ["pooler"] }).length, 6);
  assertEquals(
    chosen("bert", { targets: ["dense"], modulesToSave: [], taskType: undefined }).length,
    7,
  );
});

Deno.test("chooseTargets() leaves out excluded modules, by name and by expression", () => {
  const targets = ["query", "key"];
  assertEquals(chosen("bert", { targets, exclude: ["0.attention.self.query", "key"] }), [
    "1.attention.self.query",
  ]);
  assertEquals(chosen("bert", { targets, exclude: ".*\\.1\\..*|.*key" }), [
    "0.attention.self.query",
  ]);
});

Deno.test("chooseTargets() keeps to layers, but for a target named in full", () => {
  const targets = ["query", "bert.encoder.layer.0.attention.self.key"];
  for (const layersPattern of [[], ["layer"], ["blocks", "encoder.layer"]]) {
    assertEquals(chosen("bert", { targets, layers: [1], layersPattern }), [
      "0.attention.self.key",
      "1.attention.self.query",
    ]);
  }
  assertEquals(chosen("bert", { targets, layers: [1], layersPattern: ["blocks"] }), [
    "0.attention.self.key",
  ]);
  assertEquals(chosen("gpt2", { targets: ["c_fc"], layers: [0, 7] }), ["0.mlp.c_fc"]);
});

Deno.test("chooseTargets() counts layers in a list that something stands before, as PEFT does", () => {
  const paths = ["0.query", "h.0.query", "bert.h.0.query", "bert.h.1.query"];
  const inLayers = (layersPattern: string[]) =>
    chooseTargets(
      { targets: ["query"], layers: [0], layersPattern, modulesToSave: [] },
      paths,
      paths,
      "adapter_config.json",
    );
  assertEquals(inLayers([]), ["bert.h.0.query"]);
  assertEquals(inLayers(["h"]), ["h.0.query", "bert.h.0.query"]);
});

Deno.test("chooseTargets() takes no head of a classifier for one of all linear layers", () => {
  const paths = ["classifier", "score", "lm_head", "bert.score", "bert.dense"];
  const all = (taskType: string | undefined) =>
    chooseTargets({ targets: "all-linear", modulesToSave: [], taskType }, paths, paths, "file");
  assertEquals(all("SEQ_CLS"), ["bert.score", "bert.dense"]);
  assertEquals(all(undefined), ["classifier", "score", "bert.score", "bert.dense"]);
});

Deno.test("chooseTargets() refuses what is no linear layer, and to choose nothing", () => {
  for (const target of ["word_embeddings", "LayerNorm", "attention"]) {
    assertThrows(
      () => chosen("bert", { targets: ["query", target] }),
      FileError,
      "only linear layers are supported: found bert.",
    );
  }
  assertThrows(
    () => chosen("bert", { targets: ["q_proj"] }),
    FileError,
    "adapter_config.json: Cannot use target_modules of this adapter as a module of this model is " +
      'required: found none for ["q_proj"]',
  );
});

Deno.test("pythonPattern() reads what Python spells differently and refuses what it cannot", () => {
  const matches = (source: string, path: string) => pythonPattern(source, "file")(path) !== null;
  assertEquals(matches("\\Aa\\.b\\Z", "a.b"), true);
  assertEquals(matches("(?P<x>a|b)\\.c", "b.c"), true);
  assertEquals(matches("a|b.c", "a.c"), false);
  assertEquals(matches("\\\\Z", "\\Z"), true);
  // Python reads these otherwise than JavaScript without "u" would, or JavaScript not at all.
  for (const source of ["a{,3}", "[]a]", "(?i)a", "a++", "(?>a)", "(", "a)(b", "\\q"]) {
    assertThrows(() => pythonPattern(source, "file"), FileError, "file: Cannot use pattern");
  }
  // It compiles, and is too large once it is run.
  const large = pythonPattern("x".repeat(100_000), "file");
  assertThrows(() => large("a"), FileError, "Cannot use pattern");
});

Deno.test("patternValues() gives the first pattern that fits the end of a path", () => {
  const valueOf = patternValues({
    "^model.layers.0.self_attn.q_proj": 1,
    "layers.1.mlp.up_proj": 2,
    "[qk]_proj|o_proj": 3,
    "q_proj": 4,
  }, "file");
  const prefix = "model.layers";
  assertEquals(valueOf(`${prefix}.0.self_attn.q_proj`), 1);
  assertEquals(valueOf(`${prefix}.1.self_attn.q_proj`), 3);
  assertEquals(valueOf(`${prefix}.1.self_attn.o_proj`), 3);
  assertEquals(valueOf(`${prefix}.1.mlp.up_proj`), 2);
  assertEquals(valueOf(`${prefix}.11.mlp.up_proj`), undefined);
  assertEquals(valueOf(`${prefix}.1.mlp.qq_proj`), undefined);
  assertThrows(() => patternValues({ "(": 1 }, "file"), FileError, 'pattern "("');
});
