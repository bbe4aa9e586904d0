import { assert, assertEquals, assertThrows } from "@std/assert";
import { OptionError } from "../../../core/errors.ts";
import { parameters } from "../../../nn/layers/module.ts";
import { applyLora } from "../../../nn/lora/apply.ts";
import {
  architectureOf,
  architectures,
  classifier,
  languageModel,
} from "../../../nn/models/registry.ts";
import { architectureNames, tinyConfig } from "../../support/tiny_models.ts";

Deno.test("every architecture of the registry has a tiny model, and a name of its own", () => {
  assertEquals(architectures.map(({ name }) => name), [...architectureNames]);
});

for (const name of architectureNames) {
  const config = tinyConfig(name);
  const { prefix, targets, causal, languageModel: make } = architectureOf(config);
  const models = make === undefined
    ? [classifier(config)]
    : [classifier(config), languageModel(config)];

  Deno.test(`models of ${name} hold the model without its head under the prefix`, () => {
    for (const model of models) {
      const paths = [...parameters(model)].map(([path]) => path);
      const others = paths.filter((path) => !path.startsWith(`${prefix}.`));
      assert(others.length < paths.length);
      assert(
        others.every((path) => /^(classifier|score|lm_head|head|pooler)\./.test(path)),
        `${others}`,
      );
    }
  });

  Deno.test(`the usual targets of ${name} adapt a layer in each of its layers`, () => {
    for (const model of models) {
      const adapted = applyLora(model, { targets, rank: 2, alpha: 2 });
      assertEquals(new Set(adapted.map((path) => /\.(\d+)\./.exec(path)?.[1])).size, config.layers);
      assertThrows(
        () => applyLora(model, { targets: ["nothing"], rank: 2, alpha: 2 }),
        OptionError,
      );
    }
  });

  Deno.test(`a configuration of ${name} says whether tokens see later ones`, () => {
    assertEquals(config.causal, causal);
    assertEquals(causal, make !== undefined);
  });
}

Deno.test("architectureOf() and languageModel() name what is there", () => {
  const config = tinyConfig("bert");
  assertThrows(
    () => architectureOf({ ...config, architecture: "t5" }),
    OptionError,
    "Cannot use architecture t5: one of bert, roberta, mpnet, deberta-v2, modernbert, gpt2, llama, qwen2, qwen3, smollm3, mistral, gemma3_text, phi, phi3 is required",
  );
  assertThrows(
    () => languageModel(config),
    OptionError,
    "Cannot use bert as a language model: gpt2, llama, qwen2, qwen3, smollm3, mistral, gemma3_text, phi or phi3 is required",
  );
});
