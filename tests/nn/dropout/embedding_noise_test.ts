import { assertEquals, assertNotEquals, assertThrows } from "@std/assert";
import type { Device } from "../../../core/device.ts";
import { OptionError } from "../../../core/errors.ts";
import { gradient } from "../../../core/gradient.ts";
import { zeros } from "../../../core/ops/create.ts";
import { crossEntropy } from "../../../core/ops/losses.ts";
import { sum } from "../../../core/ops/reduce.ts";
import { foldKey, seedKey, threefry } from "../../../core/random.ts";
import { tensor } from "../../../core/tensor.ts";
import { addEmbeddingNoise } from "../../../nn/dropout/embedding_noise.ts";
import { dropoutPlan } from "../../../nn/dropout/methods.ts";
import { toBatch } from "../../../nn/layers/batch.ts";
import { parameters } from "../../../nn/layers/module.ts";
import type { Model } from "../../../nn/models/model.ts";
import { objective } from "../../../nn/objective/objective.ts";
import { assertClose } from "../../support/differences.ts";
import { released } from "../../support/released_regularisers.ts";
import { architectureNames, randomModel, tinyConfig } from "../../support/tiny_models.ts";
import { withDevice } from "../../support/with_device.ts";

const key = seedKey(3);
const alpha = 5;

const smaller = (a: number, b: number) => Math.min(a, b);
const greater = (a: number, b: number) => Math.max(a, b);

/** The noise of one example as its rule says, `[tokens, width]`, from threefry() on the host. */
function noiseOf(counter: number, tokens: number, width: number, strength = alpha): Float64Array {
  const folded = foldKey(key, "embeddings/noise");
  return Float64Array.from({ length: tokens * width }, (_, i) => {
    const word = threefry(folded, counter, i >>> 1)[i & 1]!;
    const unit = (2 * (word >>> 9) + 1) / 2 ** 23 - 1;
    return unit * strength / Math.sqrt(tokens * width);
  });
}

function dropoutOf(device: Device, strength: number, counters: number[], lengths: number[]) {
  const words = (data: number[]) => tensor(device, data, undefined, "u32");
  const plan = dropoutPlan("lora", false, { neftuneAlpha: strength });
  return { plan, key, examples: words(counters), lengths: words(lengths) };
}

Deno.test("noise on the word embeddings is that of NEFTune's own training, pads apart", () =>
  withDevice("f64", async (device) => {
    const [lengths, counters, tokens, width] = [[5, 2], [6, 9], 5, 4] as const;
    const x = zeros(device, [2, tokens, width]);
    const noisy = await addEmbeddingNoise(x, dropoutOf(device, alpha, [...counters], [...lengths]))
      .read();
    lengths.forEach((length, b) => {
      const example = noisy.slice(b * tokens * width, (b + 1) * tokens * width);
      const real = length * width;
      assertClose(example.slice(0, real), noiseOf(counters[b]!, length, width), 1e-15);
      assertEquals([...example.slice(real)], Array(tokens * width - real).fill(0));
    });
  }));

Deno.test("the largest noise is that of transformers' hook, whose text has no padding", () =>
  withDevice("f32", async (device) => {
    for (const { tokens, width, alpha: strength, bounds } of released.neftune) {
      const [low, high] = bounds[0]!;
      const x = zeros(device, [200, tokens, width]);
      const counters = Array.from({ length: 200 }, (_, n) => 2 * n);
      const dropout = dropoutOf(device, strength, counters, counters.map(() => tokens));
      const noise = Float64Array.from(await addEmbeddingNoise(x, dropout).read());
      const [least, most] = [noise.reduce(smaller, 0), noise.reduce(greater, 0)];
      // 16,800 and more draws come within a thousandth of the bounds, and never beyond.
      assertClose([least, most], [low!, high!], 0, 1e-3);
      assertEquals([least >= low!, most <= high!], [true, true]);
    }
  }));

/** Texts of which each token is another one: its row of the table can hold its noise. */
const texts = [[2, 3, 4, 5, 6], [7, 8], [9, 10, 11, 12, 13, 14, 15]];

/** The parameter that the words of a model are rows of. */
function tableOf(model: Model) {
  return [...parameters(model)].find(([path]) =>
    /(word_embeddings|tok_embeddings|wte|embed_tokens)\.weight$/.test(path)
  )![1];
}

for (const architecture of architectureNames) {
  Deno.test(`noise in ${architecture} is as if the word embeddings had it`, () =>
    withDevice("f64", async (device) => {
      const model = randomModel(device, tinyConfig(architecture), "classifier");
      const table = tableOf(model);
      const examples = texts.map((ids, i) => ({ ids, label: i }));
      const plan = dropoutPlan("lora", false, { neftuneAlpha: alpha });
      const measure = async (noise: boolean, width?: number) => {
        const numbers = [4, 0, 2];
        const batch = toBatch(device, examples, { numbers, ...(width && { width }) });
        const { result, gradients } = gradient(() => {
          if (noise) return objective(model, batch, { plan, key, normaliser: 1 });
          const { logits } = model.forward({ batch });
          return { loss: sum(crossEntropy(logits, batch.labels!)) };
        }, [table.value]);
        return [await result.loss.item(), ...await gradients[0]!.read()];
      };
      const [clean, noisy, wide] = [
        await measure(false),
        await measure(true),
        await measure(true, 9),
      ];
      const values = await table.value.read();
      const size = table.shape[1]!;
      // As the module of embeddings gives it, which multiplies in Gemma 3.
      const factor = architecture === "gemma3_text" ? Math.sqrt(size) : 1;
      texts.forEach((ids, b) => {
        const added = noiseOf(2 * [4, 0, 2][b]!, ids.length, size);
        ids.forEach((id, t) => {
          for (let i = 0; i < size; i++) values[id * size + i]! += added[t * size + i]! / factor;
        });
      });
      table.value = tensor(device, values, table.shape);
      assertClose(noisy, await measure(false), 1e-12);
      assertClose(wide, noisy, 1e-12);
      assertNotEquals(noisy[0], clean[0]);
    }));
}

Deno.test("a pass without dropout, and an alpha of 0, add nothing", () =>
  withDevice("f64", (device) => {
    const x = zeros(device, [1, 3, 4]);
    assertEquals(addEmbeddingNoise(x, undefined), x);
    assertEquals(addEmbeddingNoise(x, dropoutOf(device, 0, [0], [3])), x);
  }));

Deno.test("an alpha that is no strength is refused, in plans of the caller's own too", () =>
  withDevice("f64", (device) => {
    const sentence =
      "Cannot add noise as neftuneAlpha requires a finite number of at least 0: found";
    const x = zeros(device, [1, 3, 4]);
    for (const neftuneAlpha of [-1, NaN, Infinity]) {
      assertThrows(() => dropoutPlan("lora", false, { neftuneAlpha }), OptionError, sentence);
      const dropout = dropoutOf(device, 0, [0], [3]);
      const plan = { ...dropout.plan, neftuneAlpha };
      assertThrows(() => addEmbeddingNoise(x, { ...dropout, plan }), OptionError, sentence);
    }
  }));
