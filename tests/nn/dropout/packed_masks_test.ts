// Masks of examples that share rows are those of the examples one a row, bit for bit.
import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import type { Device } from "../../../core/device.ts";
import { full } from "../../../core/ops/create.ts";
import { seedKey } from "../../../core/random.ts";
import type { Tensor } from "../../../core/tensor.ts";
import { dropHidden } from "../../../nn/dropout/drop_hidden.ts";
import { addEmbeddingNoise } from "../../../nn/dropout/embedding_noise.ts";
import { type Site, structures } from "../../../nn/dropout/plan.ts";
import { type ActiveSite, layerPlace, siteAt } from "../../../nn/dropout/site.ts";
import { attentionWeights } from "../../../nn/layers/attention_weights.ts";
import { type Batch, toBatch } from "../../../nn/layers/batch.ts";
import { visibleTokens } from "../../../nn/layers/visible_tokens.ts";
import { tinyExamples } from "../../support/tiny_models.ts";
import { webGpuTest } from "../../support/webgpu_device.ts";
import { withDevice } from "../../support/with_device.ts";

const maximum = 16;
const features = 5;

/** What a mask makes of a batch, `[rows, tokens, …]`: per example, its own tokens alone. */
type Use = (device: Device, batch: Batch, active: ActiveSite) => Tensor;

const hidden: Use = (device, { size, width }, active) =>
  dropHidden(full(device, [size, width, features], 1), active);
const visible: Use = (_, batch, active) => visibleTokens(batch, active)!;
const noisy: Use = (device, { size, width }, { dropout }) =>
  addEmbeddingNoise(full(device, [size, width, features], 0), dropout);

/** Numbers of each example's tokens, in the order of examples. */
async function byExample(x: Tensor, batch: Batch): Promise<number[][]> {
  const values = [...await x.read()];
  const perToken = values.length / (batch.size * batch.width);
  const ends = await batch.last.read();
  return batch.texts!.map(({ length }, b) => {
    const end = ends[b]! + 1;
    return values.slice((end - length) * perToken, end * perToken);
  });
}

/** Which keys each query of an example keeps, by weights of equal scores: example, head, query, key. */
const kept = (causal: boolean) => async (device: Device, batch: Batch, active: ActiveSite) => {
  const [heads, { size, width, mask, offsets }] = [3, batch];
  const scores = full(device, [size, heads, 1, width, width], 0);
  const options = { scale: 1, causal, mask, offsets, maximum };
  const dropping = { [active.site.position]: active };
  const weights = await attentionWeights(scores, { ...options, ...dropping }).read();
  const ends = await batch.last.read();
  return batch.texts!.map(({ length }, b) => {
    const [row, end] = [Math.floor(ends[b]! / width), ends[b]! % width + 1];
    return Array.from({ length: heads * length * length }, (_, i) => {
      const [key, query] = [i % length, Math.floor(i / length) % length];
      const head = row * heads + Math.floor(i / length ** 2);
      const from = end - length;
      return weights[(head * width + from + query) * width + from + key]!;
    });
  });
};

/** The same of each example, one a row and packed. */
async function bothWays<T>(
  device: Device,
  site: Site,
  tokens: readonly number[],
  use: (device: Device, batch: Batch, active: ActiveSite) => Promise<T>,
): Promise<{ packed: T; alone: T }> {
  using _scope = device.scope("both ways");
  const run = (pack: boolean) => {
    const numbers = tokens.map((_, i) => 3 * i + 1);
    const width = pack ? maximum : undefined;
    const batch = toBatch(device, tinyExamples(tokens), { numbers, pack, ...(width && { width }) });
    const { examples, lengths, offsets } = batch;
    const compensation = { kind: "none", weight: 1, branches: 1 } as const;
    const plan = { sites: [site], compensation, neftuneAlpha: 3 };
    const dropout = { plan, key: seedKey(5), examples: examples![1], lengths, offsets };
    return use(device, batch, siteAt({ dropout }, site.position, layerPlace(0, 1))!);
  };
  return { packed: await run(true), alone: await run(false) };
}

const siteOf = (position: Site["position"], structure: Site["structure"], more = {}): Site => {
  return { position, structure, rate: 0.4, layers: "all", ...more };
};
const through = (use: Use) => (device: Device, batch: Batch, active: ActiveSite) =>
  byExample(use(device, batch, active), batch);

/** Every kind of mask, and who uses it. */
const cases = [
  ...structures.flatMap((structure) =>
    [true, false].map((perExample) => ({
      site: siteOf("hidden", structure, { perExample }),
      use: through(hidden),
    }))
  ),
  ...(["column", "span"] as const).flatMap((structure) =>
    [true, false].map((perExample) => ({
      site: siteOf("input", structure, { perExample }),
      use: through(visible),
    }))
  ),
  { site: siteOf("hidden", "element"), use: through(noisy) },
  ...(["logits", "weights"] as const).flatMap((position) =>
    (["element", "column", "span"] as const).flatMap((structure) =>
      [true, false].flatMap((causal) =>
        [{}, { perHead: false }].map((more) => ({
          site: siteOf(position, structure, more),
          use: kept(causal),
        }))
      )
    )
  ),
];

/** Whether something is kept and something dropped. */
const isMixed = (values: readonly number[][]) => new Set(values.flat()).size > 1;

Deno.test("masks of packed examples are those of the examples alone, bit for bit", () =>
  withDevice("f32", (device) => {
    const lengths = fc.array(fc.integer({ min: 1, max: maximum }), { minLength: 1, maxLength: 6 });
    return fc.assert(
      fc.asyncProperty(lengths, async (tokens) => {
        for (const { site, use } of cases) {
          const { packed, alone } = await bothWays(device, site, tokens, use);
          assertEquals(packed, alone);
        }
      }),
      { numRuns: 15, examples: [[[1]], [[maximum]], [[maximum, 1, 2]]] },
    );
  }));

webGpuTest("masks of packed examples are those of the examples alone on WebGPU", async (device) => {
  for (const { site, use } of cases) {
    const { packed, alone } = await bothWays(device, site, [9, 4, 7, 5, 2], use);
    assertEquals(packed, alone);
    assert(isMixed(alone), `${site.position} ${site.structure}`);
  }
});
