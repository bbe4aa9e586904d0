import {
  assert,
  assertEquals,
  assertNotEquals,
  assertStrictEquals,
  assertThrows,
} from "@std/assert";
import type { Device } from "../../../core/device.ts";
import { OptionError } from "../../../core/errors.ts";
import { gradient } from "../../../core/gradient.ts";
import { sum } from "../../../core/ops/reduce.ts";
import { seedKey } from "../../../core/random.ts";
import { sizeOf } from "../../../core/shape.ts";
import { toBatch } from "../../../nn/layers/batch.ts";
import type { ForwardContext } from "../../../nn/layers/forward_context.ts";
import { Linear } from "../../../nn/layers/linear.ts";
import { type Module, parameters } from "../../../nn/layers/module.ts";
import { applyLora, layerOf, type LoraOptions } from "../../../nn/lora/apply.ts";
import { loraLayers, LoraLinear } from "../../../nn/lora/lora.ts";
import { mergeLora, unmergeLora } from "../../../nn/lora/merge.ts";
import { parseConfig } from "../../../nn/models/config.ts";
import { initialize } from "../../../nn/models/initialize.ts";
import type { ModelConfig } from "../../../nn/models/model.ts";
import { architectureOf, classifier, languageModel } from "../../../nn/models/registry.ts";
import { assertClose, randomTensor } from "../../support/differences.ts";
import {
  architectureNames,
  randomModel,
  tinyConfig,
  tinyExamples,
} from "../../support/tiny_models.ts";
import { withDevice } from "../../support/with_device.ts";

/** Numbers in the low-rank updates. */
function updateSize(model: Module): number {
  return loraLayers(model).reduce(
    (total, [, { parts }]) => total + parts.reduce((n, { down, up }) => n + down.size + up.size, 0),
    0,
  );
}

function countOf(config: ModelConfig, rank: number): number {
  const model = config.causal ? languageModel(config) : classifier(config);
  applyLora(model, { targets: architectureOf(config).targets, rank, alpha: 16 });
  const trainable = [...parameters(model)].filter(([, parameter]) => parameter.trainable);
  assert(trainable.every(([path]) => path.includes("lora_")));
  assertEquals(trainable.reduce((total, [, { size }]) => total + size, 0), updateSize(model));
  return updateSize(model);
}

// Layers x targets x rank x (inputs + outputs), from configurations alone.
Deno.test("LoRA of RoBERTa-large at rank 8 trains 786,432 numbers", () => {
  const config = parseConfig({
    model_type: "roberta",
    hidden_size: 1024,
    num_hidden_layers: 24,
    num_attention_heads: 16,
    intermediate_size: 4096,
    vocab_size: 50265,
    max_position_embeddings: 514,
    type_vocab_size: 1,
    pad_token_id: 1,
  });
  assertEquals(countOf(config, 8), 24 * 2 * 8 * (1024 + 1024));
  assertEquals(countOf(config, 8), 786_432);
});

Deno.test("LoRA of GPT-2 medium at rank 4 trains 393,216 numbers", () => {
  const sizes = { n_embd: 1024, n_layer: 24, n_head: 16, n_positions: 1024, vocab_size: 50257 };
  const config = parseConfig({ model_type: "gpt2", ...sizes });
  assertEquals(countOf(config, 4), 24 * 2 * 4 * (1024 + 1024));
  assertEquals(countOf(config, 4), 393_216);
});

Deno.test("LoRA of LLaMA-2-7B at rank 8 trains 4,194,304 numbers", () => {
  const config = parseConfig({
    model_type: "llama",
    hidden_size: 4096,
    num_hidden_layers: 32,
    num_attention_heads: 32,
    intermediate_size: 11008,
    vocab_size: 32000,
    max_position_embeddings: 4096,
  });
  assertEquals(countOf(config, 8), 32 * 2 * 8 * (4096 + 4096));
  assertEquals(countOf(config, 8), 4_194_304);
});

/** Logits of two tiny examples. */
async function logitsOf(device: Device, model: ReturnType<typeof classifier>): Promise<number[]> {
  using _scope = device.scope("logits");
  const batch = toBatch(device, tinyExamples([5, 3]));
  return [...await model.forward({ batch }).logits.read()];
}

/** Fills the updates: as they start, or with random B. */
function fillUpdates(model: Module, device: Device, start: boolean): void {
  for (const [path, layer] of loraLayers(model)) {
    for (const { name, down, up } of layer.parts) {
      initialize(down, `${path}.${name}.A`, device, seedKey(3));
      if (start) initialize(up, `${path}.${name}.B`, device, seedKey(3));
      else up.value = randomTensor(device, path.length, up.shape);
    }
  }
}

for (const architecture of architectureNames) {
  const config = tinyConfig(architecture);
  const options: LoraOptions = { targets: architectureOf(config).targets, rank: 3, alpha: 6 };

  Deno.test(`LoRA of ${architecture} starts as the base model, bit for bit`, () =>
    withDevice("f32", async (device) => {
      const model = randomModel(device, config, "classifier");
      const base = await logitsOf(device, model);
      const perLayer = architecture === "gpt2" ? 1 : options.targets.length;
      assertEquals(applyLora(model, options).length, 2 * perLayer);
      fillUpdates(model, device, true);
      assertEquals(await logitsOf(device, model), base);
      fillUpdates(model, device, false);
      assertNotEquals(await logitsOf(device, model), base);
    }));

  Deno.test(`merging LoRA into ${architecture} changes nothing, unmerging restores every bit`, () =>
    withDevice("f64", async (device) => {
      const model = randomModel(device, config, "classifier");
      applyLora(model, options);
      fillUpdates(model, device, false);
      const apart = await logitsOf(device, model);
      const weights = loraLayers(model).map(([, { base }]) => base.weight.value);
      const before = await Promise.all(weights.map((weight) => weight.read()));
      const { buffers } = device.backend.statistics;
      mergeLora(model);
      assertClose(await logitsOf(device, model), apart, 1e-12);
      const [path, layer] = loraLayers(model)[0]!;
      assertNotEquals(await layer.base.weight.value.read(), before[0]);
      assertThrows(
        () => layer.merge(),
        OptionError,
        `Cannot merge ${path} twice: unmerge it first`,
      );
      unmergeLora(model);
      unmergeLora(model);
      assertEquals(device.backend.statistics.buffers, buffers);
      for (const [i, [, { base }]] of loraLayers(model).entries()) {
        assertStrictEquals(base.weight.value, weights[i]);
        assertEquals(await base.weight.value.read(), before[i]);
      }
      assertEquals(await logitsOf(device, model), apart);
    }));

  Deno.test(`adapt() shares the base weights of ${architecture}`, () =>
    withDevice("f32", (device) => {
      const model = randomModel(device, config, "classifier");
      const storages = new Map(
        [...parameters(model)].map(([path, p]) => [path, p.value.value.storage]),
      );
      const { buffers, bytes } = device.backend.statistics;
      applyLora(model, options);
      const after = [...parameters(model)].filter(([path]) => !path.includes("lora_"));
      assertEquals(after.map(([path]) => path), [...storages.keys()]);
      for (const [path, p] of after) {
        assertStrictEquals(p.value.value.storage, storages.get(path));
        assertEquals(p.trainable, false);
      }
      const { buffers: now, bytes: nowBytes } = device.backend.statistics;
      assertEquals([now, nowBytes], [buffers, bytes]);
    }));
}

/** A filled GPT-2 layer of 6 inputs and 12 outputs. */
function fusedLayer(device: Device): Linear {
  const base = new Linear(6, 12, { transposed: true });
  base.weight.value = randomTensor(device, 1, [6, 12]);
  base.bias!.value = randomTensor(device, 2, [12]);
  return base;
}

const context = {} as ForwardContext;
const place = { path: "h.0.attn.c_attn", layer: 0, layers: 1 };

Deno.test("LoraLinear is W x + s B A x, with alpha / rank or alpha / sqrt(rank)", () =>
  withDevice("f64", async (device) => {
    for (const rslora of [false, true]) {
      const config = tinyConfig("bert");
      const model = randomModel(device, config, "classifier");
      applyLora(model, {
        targets: ["layer.1.attention.self.key"],
        rank: 4,
        alpha: 6,
        rslora,
      });
      fillUpdates(model, device, false);
      const [[path, layer]] = loraLayers(model) as [[string, LoraLinear]];
      assertEquals(path, "bert.encoder.layer.1.attention.self.key");
      assertEquals([layer.scaling, layerOf(path)], [rslora ? 6 / 2 : 6 / 4, 1]);
      const x = randomTensor(device, 5, [1, 8]);
      const [a, b] = [
        await layer.parts[0]!.down.value.read(),
        await layer.parts[0]!.up.value.read(),
      ];
      const input = [...await x.read()];
      const expected = [...await layer.base.forward(x).read()].map((y, out) => {
        let update = 0;
        for (let r = 0; r < 4; r++) {
          for (let i = 0; i < 8; i++) update += b[out * 4 + r]! * a[r * 8 + i]! * input[i]!;
        }
        return y + layer.scaling * update;
      });
      assertClose(await layer.forward(x, context).read(), expected, 1e-13);
    }
  }));

Deno.test("LoRA at its start gives B a gradient and A the gradient zero", () =>
  withDevice("f64", async (device) => {
    const layer = new LoraLinear(fusedLayer(device), { place, rank: 2, scaling: 1 });
    const [{ down, up }] = layer.parts as [LoraLinear["parts"][0]];
    initialize(down, "A", device, seedKey(1));
    initialize(up, "B", device, seedKey(1));
    const bound = 1 / Math.sqrt(6);
    const a = await down.value.read();
    assert(a.every((x) => Math.abs(x) <= bound) && a.some((x) => Math.abs(x) > bound / 2));
    const x = randomTensor(device, 3, [4, 6]);
    const { gradients, unused } = gradient(() => sum(layer.forward(x, context)), [
      down.value,
      up.value,
    ]);
    assertEquals(unused, []);
    assertEquals(sizeOf(gradients[0]!.shape), 12);
    assert([...await gradients[0]!.read()].every((g) => g === 0));
    assert([...await gradients[1]!.read()].some((g) => g !== 0));
  }));

Deno.test("applyLora() refuses unknown targets and unusable ranks and factors", () => {
  const model = () => classifier(tinyConfig("bert"));
  const refuse = (options: Partial<LoraOptions>, text: string) =>
    assertThrows(
      () => applyLora(model(), { targets: ["query"], rank: 2, alpha: 4, ...options }),
      OptionError,
      text,
    );
  refuse(
    { targets: ["query", "q_proj"] },
    "Cannot find target module q_proj: linear layers here end in query, key, value, dense, classifier",
  );
  refuse({ targets: ["uery"] }, "Cannot find target module uery");
  for (const rank of [0, -1, 1.5, NaN]) refuse({ rank }, `Cannot adapt with rank ${rank}`);
  for (const alpha of [0, -1, NaN, Infinity]) refuse({ alpha }, `Cannot adapt with alpha ${alpha}`);
});
