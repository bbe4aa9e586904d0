import { assert, assertEquals, assertThrows } from "@std/assert";
import type { Device } from "../../core/device.ts";
import type { Dtype } from "../../core/dtype.ts";
import { ShapeError } from "../../core/errors.ts";
import * as comparisons from "../../core/ops/compare.ts";
import { gather, scatterAdd } from "../../core/ops/gather.ts";
import { comparedCrossEntropy, crossEntropy } from "../../core/ops/losses.ts";
import { rotaryRows, rotaryTables, rotate } from "../../core/ops/rotary.ts";
import { softmax } from "../../core/ops/softmax.ts";
import { seedKey, uniform } from "../../core/random.ts";
import { sizeOf } from "../../core/shape.ts";
import { type Tensor, tensor } from "../../core/tensor.ts";
import { dropHidden } from "../../nn/dropout/drop_hidden.ts";
import { addEmbeddingNoise } from "../../nn/dropout/embedding_noise.ts";
import { dropoutPlan } from "../../nn/dropout/methods.ts";
import { attentionWeights } from "../../nn/layers/attention_weights.ts";
import type { OpRow } from "../support/op_row.ts";
import { opTable } from "../support/op_table.ts";
import { rotaryOf } from "../support/rotary.ts";
import { withDevice } from "../support/with_device.ts";

/** Functions that move or select elements of any type: words come out as words. */
const movers = new Set([
  "concatenate",
  "contiguous",
  "randomBernoulli",
  "expand",
  "expandDims",
  "flip",
  "permute",
  "reshape",
  "slice",
  "squeeze",
  "stack",
  "transpose",
]);
/** Functions that compare words with words, and select among them. */
const comparing = new Set(Object.keys(comparisons));

const base = (row: OpRow) => row.name.split(",")[0]!;

function numbers({ shapes, range: [low, high] = [-2, 2] }: OpRow): Float64Array[] {
  return shapes.map((shape, i) =>
    uniform(seedKey(i), sizeOf(shape)).map((u) => low + u * (high - low))
  );
}

/** The inputs of a row, all floats but those that `dtypes` names. */
function inputs(device: Device, row: OpRow, dtypes: Readonly<Record<number, Dtype>>): Tensor[] {
  return numbers(row).map((data, i) => {
    const shape = row.shapes[i]!;
    const dtype = dtypes[i] ?? device.float;
    return tensor(device, dtype === "u32" ? data.map((_, j) => j % 3) : data, shape, dtype);
  });
}

for (const row of opTable) {
  Deno.test(`${row.name}() takes no words for floats`, () =>
    withDevice("f32", async (device) => {
      const all = Object.fromEntries(row.shapes.map((_, i) => [i, "u32"] as const));
      if (movers.has(base(row))) {
        const moved = row.run(device, inputs(device, row, all));
        const expected = row.run(
          device,
          inputs(device, row, all).map((words) =>
            tensor(device, Array.from(words.value.storage.words!), words.shape)
          ),
        );
        assertEquals(moved.dtype, "u32");
        assertEquals([...await moved.read()], [...await expected.read()]);
      }
      for (const i of row.shapes.keys()) {
        if (movers.has(base(row)) && row.shapes.length === 1) continue;
        // Where some functions take words, all must be: then what is not is at fault.
        const { message } = assertThrows(
          () => row.run(device, inputs(device, row, { [i]: "u32" })),
          ShapeError,
        );
        const pair = movers.has(base(row)) || comparing.has(base(row));
        const fault = pair ? /u32: found f32|found u32|an integer from 0 to/ : /found u32/;
        assert(fault.test(message), message);
      }
    }));

  if (row.shapes.length > 1) {
    Deno.test(`${row.name}() takes no floats of two widths`, () =>
      withDevice("f64", (device) => {
        for (const i of row.shapes.keys()) {
          const run = () => row.run(device, inputs(device, row, { [i]: "f32" }));
          const { message } = assertThrows(run, ShapeError);
          assert(/f64.*found f32|f32.*found f64/.test(message), message);
        }
      }));
  }
}

/** Calls with floats where words are required, by function, and the argument that is at fault. */
const wordArguments: Readonly<
  Record<
    string,
    readonly [string, (device: Device, floats: (shape: number[]) => Tensor) => unknown]
  >
> = {
  gather: ["rows", (_, f) => gather(f([4, 2]), f([3]))],
  scatterAdd: ["rows", (_, f) => scatterAdd(f([3, 2]), f([3]), 4)],
  where: ["mask", (_, f) => comparisons.where(f([3]), f([3]), f([3]))],
  softmax: ["mask", (_, f) => softmax(f([2, 3]), -1, f([2, 3]))],
  crossEntropy: ["labels", (_, f) => crossEntropy(f([2, 3]), f([2]))],
  comparedCrossEntropy: [
    "labels",
    (_, f) => comparedCrossEntropy(f([2, 3]), f([2, 3]), f([2]), { smoothing: 0, both: true }),
  ],
  rotate: [
    "rows",
    (d, f) =>
      rotate(
        f([1, 1, 2, 4]),
        rotaryRows(rotaryTables(d, 4, rotaryOf([1, Math.sqrt(0.1)])), f([1, 2])),
      ),
  ],
  drop: ["examples", (_, f) => dropHidden(f([2, 3, 4]), siteOf("element", f([2]), f([2])))],
  dropSpan: ["lengths", (d, f) => {
    return dropHidden(f([2, 3, 4]), siteOf("span", tensor(d, [0, 2], [2], "u32"), f([2])));
  }],
  embeddingNoise: ["lengths", (d, f) =>
    addEmbeddingNoise(f([2, 3, 4]), {
      plan: dropoutPlan("lora", false, { neftuneAlpha: 5 }),
      key: seedKey(1),
      examples: tensor(d, [0, 2], [2], "u32"),
      lengths: f([2]),
    })],
  attentionWeights: ["mask", (_, f) =>
    attentionWeights(f([1, 1, 1, 2, 2]), {
      scale: 1,
      causal: false,
      mask: f([1, 2]),
      maximum: 2,
    })],
};

/** Rows that make their words themselves, of floats. */
const madeInside = new Set(["argmax", "randomBernoulli", "topK", ...comparing]);

function siteOf(structure: "element" | "span", examples: Tensor, lengths: Tensor) {
  const plan = dropoutPlan("hiddencut", false, { structure, rate: 0.5 });
  const key = seedKey(1);
  return { site: plan.sites[0]!, key, dropout: { plan, key, examples, lengths } };
}

Deno.test("every operation that reads words is asked what it makes of floats there", () =>
  withDevice("f32", (device) => {
    const reading = new Set<string>();
    const { backend } = device;
    const run = backend.run.bind(backend);
    for (const row of opTable) {
      backend.run = (program, binding) => {
        if (!movers.has(base(row)) && binding.inputs.some(({ dtype }) => dtype === "u32")) {
          reading.add(base(row));
        }
        run(program, binding);
      };
      row.run(device, inputs(device, row, {}));
    }
    const missing = [...reading].filter((name) => !(name in wordArguments || madeInside.has(name)));
    assertEquals(missing, []);
    assert(Object.keys(wordArguments).every((name) => reading.has(name)), [...reading].join());
  }));

for (const [name, [argument, call]] of Object.entries(wordArguments)) {
  Deno.test(`${name}() takes no floats for words`, () =>
    withDevice("f32", (device) => {
      const floats = (shape: number[]) => tensor(device, new Float32Array(sizeOf(shape)), shape);
      const error = assertThrows(() => call(device, floats), ShapeError);
      assert(error.message.includes(`as ${argument} requires u32: found f32`), error.message);
    }));
}

for (const dtype of ["bf16", "f16"] as const) {
  Deno.test(`every operation reads ${dtype} as floats, or refuses it`, () =>
    withDevice("f32", async (device) => {
      for (const row of opTable) {
        for (const i of row.shapes.keys()) {
          using _scope = device.scope("half");
          // Numbers that both formats hold: 0.5, 0.75, 1, 1.25; 1 is 0x3f80 and 0x3c00.
          const bits = (j: number) =>
            dtype === "bf16"
              ? [0x3f00, 0x3f40, 0x3f80, 0x3fa0][j % 4]!
              : [0x3800, 0x3a00, 0x3c00, 0x3d00][j % 4]!;
          const others = inputs(device, row, {});
          const shape = row.shapes[i]!;
          const places = Array.from({ length: sizeOf(shape) }, (_, j) => j);
          const half = others.with(i, tensor(device, places.map(bits), shape, dtype));
          const values = places.map((j) => 0.5 + j % 4 / 4);
          const whole = others.with(i, tensor(device, values, shape));
          let found: Tensor;
          try {
            found = row.run(device, half);
          } catch (error) {
            assert(
              error instanceof ShapeError && error.message.includes(`found ${dtype}`),
              row.name,
            );
            assertEquals(base(row), "scatterAdd");
            continue;
          }
          const expected = await row.run(device, whole).read();
          (await found.read()).forEach((x, j) => {
            assert(Math.abs(x - expected[j]!) <= 1e-5 * Math.max(1, Math.abs(x)), row.name);
          });
        }
      }
    }));
}
