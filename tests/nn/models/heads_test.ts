import { assertEquals } from "@std/assert";
import { parameters } from "../../../nn/layers/module.ts";
import { isHead, trainHead } from "../../../nn/models/heads.ts";
import { classifier } from "../../../nn/models/registry.ts";
import { architectureNames, tinyConfig } from "../../support/tiny_models.ts";

const ofRoberta = [
  "classifier.dense.weight",
  "classifier.dense.bias",
  "classifier.out_proj.weight",
  "classifier.out_proj.bias",
];

const own: Record<typeof architectureNames[number], string[]> = {
  bert: ["classifier.weight", "classifier.bias"],
  roberta: ofRoberta,
  mpnet: ofRoberta,
  "deberta-v2": ["classifier.weight", "classifier.bias"],
  gpt2: ["score.weight"],
  llama: ["score.weight"],
  qwen2: ["score.weight"],
  qwen3: ["score.weight"],
  smollm3: ["score.weight"],
  mistral: ["score.weight"],
  gemma3_text: ["score.weight"],
  phi: ["score.weight"],
  phi3: ["score.weight"],
  modernbert: ["classifier.weight", "classifier.bias"],
};

for (const architecture of architectureNames) {
  Deno.test(`the head of ${architecture} is trained, and what was drawn beside it`, () => {
    const trained = (drawn: readonly string[]) => {
      const model = classifier(tinyConfig(architecture));
      trainHead(model, drawn);
      return [...parameters(model)].filter(([, { trainable }]) => trainable).map(([path]) => path);
    };
    assertEquals(trained([]), own[architecture]);
    const [first] = [...parameters(classifier(tinyConfig(architecture)))][0]!;
    assertEquals(trained([first]), [first, ...own[architecture]]);
  });
}

Deno.test("a head is told by the first part of a path", () => {
  for (const path of ["classifier.weight", "score.weight", "classifier.out_proj.bias"]) {
    assertEquals(isHead(path), true);
  }
  for (const path of ["bert.classifier.weight", "scores.weight", "classifier", "lm_head.weight"]) {
    assertEquals(isHead(path), false);
  }
});
