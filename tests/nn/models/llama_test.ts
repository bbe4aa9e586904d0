// Biases and the output layer of LLaMA, as its configuration has them.
import { assertEquals, assertNotEquals } from "@std/assert";
import { tensor } from "../../../core/tensor.ts";
import { toBatch } from "../../../nn/layers/batch.ts";
import { parameters } from "../../../nn/layers/module.ts";
import { randomModel, tinyConfig, tinyExamples } from "../../support/tiny_models.ts";
import { withDevice } from "../../support/with_device.ts";

const projections = ["q_proj", "k_proj", "v_proj", "o_proj"];
const feedForward = ["gate_proj", "up_proj", "down_proj"];

for (const [attention_bias, mlp_bias] of [[true, false], [false, true], [true, true]] as const) {
  Deno.test(`biases of attention (${attention_bias}) and feed-forward (${mlp_bias}) are those of all their layers`, () =>
    withDevice("f64", async (device) => {
      const config = tinyConfig("llama", { attention_bias, mlp_bias });
      const model = randomModel(device, config, "language");
      const expected = [...attention_bias ? projections : [], ...mlp_bias ? feedForward : []];
      const biases = [...parameters(model)].filter(([path]) => path.endsWith(".bias"));
      const names = new Set(biases.map(([path]) => path.split(".").at(-2)));
      assertEquals([...names].sort(), expected.sort());
      assertEquals(biases.length, expected.length * config.layers);
      const batch = toBatch(device, tinyExamples([6, 4]));
      const logitsOf = async () => {
        using _scope = device.scope("logits");
        return [...await model.forward({ batch }).logits.read()];
      };
      const before = await logitsOf();
      for (const [path, parameter] of biases) {
        const { value, shape, size } = parameter;
        // A key's bias adds the same to all scores of a query, but for the rotation.
        parameter.value = tensor(device, new Float64Array(size), shape);
        assertNotEquals(await logitsOf(), before, path);
        parameter.value = value;
      }
    }));
}

Deno.test("the output layer is the token embedding where a configuration says so, or its family", () =>
  withDevice("f32", (device) => {
    const tiedOf = (architecture: "gpt2" | "llama", change: Record<string, unknown>) => {
      const model = randomModel(device, tinyConfig(architecture, change), "language");
      const own = [...parameters(model)].some(([path]) => path === "lm_head.weight");
      assertEquals(model.tied === undefined, own);
      return !own;
    };
    for (const tie_word_embeddings of [true, false]) {
      assertEquals(tiedOf("gpt2", { tie_word_embeddings }), tie_word_embeddings);
      assertEquals(tiedOf("llama", { tie_word_embeddings }), tie_word_embeddings);
    }
    assertEquals([tiedOf("gpt2", {}), tiedOf("llama", {})], [true, false]);
  }));
