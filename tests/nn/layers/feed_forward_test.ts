import { assertEquals } from "@std/assert";
import { tensor } from "../../../core/tensor.ts";
import {
  activated,
  type Activation,
  activationNames,
  downProject,
  gated,
} from "../../../nn/layers/feed_forward.ts";
import type { ForwardContext } from "../../../nn/layers/forward_context.ts";
import { Linear, type Projection } from "../../../nn/layers/linear.ts";
import { LoraLinear } from "../../../nn/lora/lora.ts";
import type { Device } from "../../../core/device.ts";
import { assertClose, numbers, randomTensor } from "../../support/differences.ts";
import { withDevice } from "../../support/with_device.ts";

const context = {} as ForwardContext;
const place = { path: "layer.0", layer: 0, layers: 1 };
const [rows, inputs, outputs] = [6, 5, 4];

/** The error function, by its series; exact for small numbers. */
function erf(x: number): number {
  let [term, sum] = [x, x];
  for (let n = 1; n < 80; n++) {
    term *= -x * x / n;
    sum += term / (2 * n + 1);
  }
  return 2 / Math.sqrt(Math.PI) * sum;
}

const formulas: Record<Activation, (x: number) => number> = {
  gelu: (x) => x / 2 * (1 + erf(x / Math.SQRT2)),
  gelu_new: (x) => x / 2 * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3))),
  silu: (x) => x / (1 + Math.exp(-x)),
  relu: (x) => Math.max(0, x),
};

const names: Record<string, Activation> = {
  gelu: "gelu",
  gelu_new: "gelu_new",
  gelu_pytorch_tanh: "gelu_new",
  silu: "silu",
  swish: "silu",
  relu: "relu",
};

const data = numbers(1, rows * inputs, -1, 1);
const weight = numbers(2, outputs * inputs, -1, 1);
const bias = numbers(3, outputs, -1, 1);

/** A layer, plain or adapted by an update of zero, with or without a bias. */
function layerOf(device: Device, adapted: boolean, biased: boolean): Projection {
  const base = new Linear(inputs, outputs, { bias: biased });
  base.weight.value = tensor(device, weight, [outputs, inputs]);
  if (base.bias !== undefined) base.bias.value = tensor(device, bias, [outputs]);
  if (!adapted) return base;
  const layer = new LoraLinear(base, { place, rank: 1, scaling: 1 });
  const [{ down, up }] = layer.parts as [typeof layer.parts[number]];
  down.value = randomTensor(device, 4, [1, inputs]);
  up.value = tensor(device, new Float64Array(outputs), [outputs, 1]);
  return layer;
}

/** `W x + b`. */
function product(biased: boolean): number[] {
  return Array.from({ length: rows * outputs }, (_, at) => {
    const [row, out] = [Math.floor(at / outputs), at % outputs];
    let sum = biased ? bias[out]! : 0;
    for (let i = 0; i < inputs; i++) sum += weight[out * inputs + i]! * data[row * inputs + i]!;
    return sum;
  });
}

Deno.test("every spelling of an activation means one of the formulas", () => {
  assertEquals(activationNames, names);
});

for (const adapted of [false, true]) {
  const what = adapted ? "an adapted layer" : "a plain layer";
  Deno.test(`${what} and its activation, or gate, are their formulas`, () =>
    withDevice("f64", async (device) => {
      const batch = { ...context, batch: { size: rows } } as ForwardContext;
      for (const biased of [false, true]) {
        const layer = layerOf(device, adapted, biased);
        const x = tensor(device, data, [rows, inputs]);
        const gate = randomTensor(device, 6, [rows, outputs]);
        const gates = await gate.read();
        for (const name of Object.keys(formulas) as Activation[]) {
          const f = formulas[name];
          const expected = product(biased);
          assertClose(
            await activated(name, layer, x, batch).read(),
            expected.map(f),
            1e-13,
          );
          assertClose(
            await gated(name, gate, layer, x, batch).read(),
            expected.map((value, i) => value * f(gates[i]!)),
            1e-13,
          );
        }
      }
    }));

  Deno.test(`${what} adds what stands beside it, with and without a bias`, () =>
    withDevice("f64", async (device) => {
      const batch = { ...context, batch: { size: rows } } as ForwardContext;
      for (const biased of [false, true]) {
        const layer = layerOf(device, adapted, biased);
        const x = tensor(device, data, [rows, inputs]);
        const residual = randomTensor(device, 7, [rows, outputs]);
        const beside = await residual.read();
        const expected = product(biased).map((value, i) => value + beside[i]!);
        assertClose(await layer.forward(x, batch, residual).read(), expected, 1e-13);
        assertClose(await downProject(layer, x, residual, batch, place).read(), expected, 1e-13);
        assertClose(await layer.forward(x, batch).read(), product(biased), 1e-13);
      }
    }));
}
