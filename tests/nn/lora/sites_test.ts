// Which of an update's numbers the positions lora, rank and update drop, part by part.
import { assertEquals, assertNotEquals } from "@std/assert";
import type { Device } from "../../../core/device.ts";
import { foldKey, seedKey, threefry } from "../../../core/random.ts";
import type { Position, Site } from "../../../nn/dropout/plan.ts";
import { toBatch } from "../../../nn/layers/batch.ts";
import type { ForwardContext } from "../../../nn/layers/forward_context.ts";
import { Linear } from "../../../nn/layers/linear.ts";
import { FusedQkvLora, type Third } from "../../../nn/lora/fused_qkv.ts";
import { LoraLinear } from "../../../nn/lora/lora.ts";
import { assertClose, randomTensor } from "../../support/differences.ts";
import { tinyExamples } from "../../support/tiny_models.ts";
import { withDevice } from "../../support/with_device.ts";

const [inputs, size, rank, scaling, rate] = [4, 3, 2, 1.5, 0.5];
const lengths = [5, 3];
const tokens = 5;
const exampleNumbers = [2, 9];
const key = seedKey(8);
const path = "h.0.attn.c_attn";
const place = { path, layer: 0, layers: 1 };
const order: readonly Third[] = ["q", "k", "v"];

/** A layer with random numbers: whole, or in thirds. */
function layerOf(device: Device, thirds: readonly Third[]): LoraLinear {
  const base = new Linear(inputs, 3 * size, { transposed: true });
  base.weight.value = randomTensor(device, 1, [inputs, 3 * size]);
  base.bias!.value = randomTensor(device, 2, [3 * size]);
  const layer = thirds.length === 0
    ? new LoraLinear(base, { place, rank, scaling })
    : new FusedQkvLora(base, { place, rank, scaling }, thirds);
  layer.parts.forEach(({ down, up }, i) => {
    down.value = randomTensor(device, 10 + i, down.shape);
    up.value = randomTensor(device, 20 + i, up.shape);
  });
  return layer;
}

/** Factor of an element at a position of a layer or part: 0, or that of survivors. */
function factorOf(dropping: readonly Position[], position: Position, at: string, b: number) {
  const own = foldKey(key, `${at}/${position}`);
  return (place: number): number => {
    if (!dropping.includes(position)) return 1;
    const word = threefry(own, 2 * exampleNumbers[b]!, place >>> 1)[place & 1]!;
    return word < rate * 2 ** 32 ? 0 : 1 / (1 - rate);
  };
}

/** `W x + b + beside`, plus `s B A x` of each part with what is dropped, number by number. */
async function expectedOf(
  layer: LoraLinear,
  x: ArrayLike<number>,
  beside: ArrayLike<number>,
  dropping: readonly Position[],
) {
  const [weight, bias] = [
    await layer.base.weight.value.read(),
    await layer.base.bias!.value.read(),
  ];
  const parts = await Promise.all(layer.parts.map(async ({ name, start, size, down, up }) => {
    return { name, start, size, down: await down.value.read(), up: await up.value.read() };
  }));
  const result: number[] = [];
  for (let row = 0; row < 2 * tokens; row++) {
    const [b, t] = [Math.floor(row / tokens), row % tokens];
    const own = Array.from({ length: inputs }, (_, i) => x[row * inputs + i]!);
    const out = Array.from({ length: 3 * size }, (_, o) => {
      return own.reduce((sum, value, i) => sum + value * weight[i * 3 * size + o]!, bias[o]!) +
        beside[row * 3 * size + o]!;
    });
    const before = factorOf(dropping, "lora", path, b);
    for (const part of parts) {
      const at = part.name === "" ? path : `${path}.${part.name}`;
      const [within, after] = [
        factorOf(dropping, "rank", at, b),
        factorOf(dropping, "update", at, b),
      ];
      const inner = Array.from({ length: rank }, (_, r) => {
        const product = own.reduce((sum, value, i) => {
          return sum + value * before(t * inputs + i) * part.down[r * inputs + i]!;
        }, 0);
        return product * scaling * within(t * rank + r);
      });
      for (let o = 0; o < part.size; o++) {
        const update = inner.reduce((sum, value, r) => sum + value * part.up[o * rank + r]!, 0);
        out[part.start + o]! += update * after(t * part.size + o);
      }
    }
    result.push(...out);
  }
  return result;
}

const choices: readonly (readonly Position[])[] = [
  [],
  ["lora"],
  ["rank"],
  ["update"],
  ["lora", "rank", "update"],
];

Deno.test("lora, rank and update drop from the update alone, each part by masks of its own", () =>
  withDevice("f64", async (device) => {
    const batch = toBatch(device, tinyExamples(lengths), { numbers: exampleNumbers });
    const x = randomTensor(device, 3, [2, tokens, inputs]);
    const beside = randomTensor(device, 4, [2, tokens, 3 * size]);
    for (const thirds of [[], ["q", "v"], ["k"], order] as const) {
      const layer = layerOf(device, thirds);
      for (const dropping of choices) {
        const sites = dropping.map((position): Site => {
          return { position, structure: "element", rate, layers: "all" };
        });
        const plan = { sites, compensation: { kind: "none", weight: 1, branches: 1 } } as const;
        const [examples] = batch.examples!;
        const context: ForwardContext = {
          batch,
          dropout: { plan, key, examples, lengths: batch.lengths },
        };
        const found = await layer.forward(x, context, beside).read();
        const expected = await expectedOf(layer, await x.read(), await beside.read(), dropping);
        assertClose(found, expected, 1e-13);
        if (dropping.length === 0) continue;
        // Nothing is dropped at inference, nor where the update is a part of the weight.
        const plain = await layer.forward(x, { batch }, beside).read();
        assertNotEquals(found, plain);
        layer.merge();
        assertClose(await layer.forward(x, context, beside).read(), plain, 1e-13);
        layer.unmerge();
        assertEquals(await layer.forward(x, context, beside).read(), found);
      }
    }
  }));
