// Which results are stored in bf16, that they are read and seen as what they are, and what they save.
import { assert, assertEquals, assertThrows } from "@std/assert";
import { ShapeError } from "../../../core/errors.ts";
import { checkpoint } from "../../../core/checkpoint.ts";
import type { Device } from "../../../core/device.ts";
import { gradient } from "../../../core/gradient.ts";
import { add, gelu, mul, scale, square } from "../../../core/ops/elementwise.ts";
import { gather, scatterAdd } from "../../../core/ops/gather.ts";
import { crossEntropy } from "../../../core/ops/losses.ts";
import { matmul, matmulAdd } from "../../../core/ops/matmul.ts";
import { layerNorm } from "../../../core/ops/norm.ts";
import { sum } from "../../../core/ops/reduce.ts";
import { sumRow } from "../../../core/ops/rowwise.ts";
import { concatenate, slice, split } from "../../../core/ops/slice.ts";
import { topK } from "../../../core/ops/top_k.ts";
import { contiguous, flip, permute, reshape, transpose } from "../../../core/ops/view.ts";
import { seedKey, uniform } from "../../../core/random.ts";
import { sizeOf } from "../../../core/shape.ts";
import { type Tensor, tensor } from "../../../core/tensor.ts";
import { toBatch } from "../../../nn/layers/batch.ts";
import { parameters } from "../../../nn/layers/module.ts";
import { applyLora } from "../../../nn/lora/apply.ts";
import { initialize } from "../../../nn/models/initialize.ts";
import { AdamW } from "../../../nn/optim/adamw.ts";
import { Trainable } from "../../../nn/optim/trainable.ts";
import { trainStep } from "../../../nn/optim/train_step.ts";
import { withInterpreted } from "../../support/interpreted_device.ts";
import { floatOf, toBfloat } from "../../support/ptx/arithmetic.ts";
import { type Course, trainTiny } from "../../support/tiny_training.ts";
import { randomModel, tinyConfig } from "../../support/tiny_models.ts";
import { withDevice } from "../../support/with_device.ts";

const bf16 = { precision: "bf16" } as const;
const round = (x: number) => floatOf(toBfloat(x) << 16);

function make(device: Device, seed: number, ...shape: number[]): Tensor {
  const data = uniform(seedKey(seed), sizeOf(shape)).map((u) => Math.fround(u - 0.5));
  return tensor(device, data, shape);
}

Deno.test("products and what is computed of them are activations; sums and floats are not", async () => {
  await withInterpreted(bf16, (device) => {
    const [x, w, row] = [make(device, 1, 6, 8), make(device, 2, 8, 16), make(device, 3, 16)];
    const y = matmul(x, w);
    const labels = tensor(device, [0, 1, 2, 3, 4, 5], [6], "u32");
    const halves: Record<string, Tensor> = {
      product: y,
      fused: matmulAdd(x, w, row),
      sum: add(y, row),
      norm: layerNorm(y, row, row, 1e-5),
      copy: contiguous(transpose(y)),
      join: concatenate([make(device, 4, 6, 16), y], 1),
      rows: gather(y, tensor(device, [1, 1], [2], "u32")),
    };
    const floats: Record<string, Tensor> = {
      "one column": matmul(x, slice(w, 1, 0, 1)),
      "one element a row": sumRow(y),
      "all": sum(y),
      "a loss": crossEntropy(y, labels),
      "floats alone": add(x, x),
      "rows of floats": gather(x, tensor(device, [1], [1], "u32")),
    };
    for (const [name, t] of Object.entries(halves)) assertEquals(t.dtype, "bf16", name);
    for (const [name, t] of Object.entries(floats)) assertEquals(t.dtype, "f32", name);
  });
});

Deno.test("a gradient is stored as the value it belongs to is", async () => {
  await withInterpreted(bf16, (device) => {
    const [x, w, row] = [make(device, 1, 6, 8), make(device, 2, 8, 16), make(device, 3, 16)];
    const whole = make(device, 4, 6, 16);
    const half = contiguous(matmul(x, w));
    const parameters = [x, w, row, whole, half];
    const { gradients } = gradient(() => {
      const y = add(mul(gelu(matmulAdd(x, w, row)), whole), half);
      return sum(square(add(mul(y, whole), scale(half, 2))));
    }, parameters);
    assertEquals(gradients.map((g) => g!.dtype), ["f32", "f32", "f32", "f32", "bf16"]);
  });
  // Parts of a gradient are added as the value's type has them, too.
  await withInterpreted(bf16, async (device) => {
    const x = tensor(device, [1, 1], [2]);
    const large = tensor(device, Uint16Array.of(0x4380, 0x4380), [2], "bf16");
    const one = tensor(device, Uint16Array.of(0x3f80, 0x3f80), [2], "bf16");
    const sums = [
      () => add(mul(x, large), mul(x, one)),
      () => add(mul(add(x, one), large), mul(add(x, one), one)),
    ];
    for (const run of sums) {
      const { gradients } = gradient(() => sum(run()), [x]);
      assertEquals([...await gradients[0]!.read()], [257, 257]);
    }
  });
});

Deno.test("bf16 is read as floats, through every view and copy", async () => {
  await withInterpreted(bf16, async (device) => {
    const [rows, columns] = [6, 16];
    const one = Array.from({ length: 64 }, (_, i) => i % 9 === 0 ? 1 : 0);
    const x = make(device, 1, rows, 8);
    const y = matmul(x, tensor(device, one, [8, 8]));
    const exact = Array.from(await x.read(), round);
    const both = [...exact.keys()].flatMap((i) => i % 8 === 0 ? exact.slice(i, i + 8) : []);
    assertEquals([...await y.read()], both);
    const joined = concatenate([y, y], 1);
    const at = (r: number, c: number) => exact[r * 8 + c % 8]!;
    const all = (r: number, c: number, f: (i: number, j: number) => number) =>
      Array.from({ length: r * c }, (_, i) => f(Math.floor(i / c), i % c));
    const seen: Record<string, readonly [Tensor, number[]]> = {
      "joined": [joined, all(rows, columns, at)],
      "transposed": [transpose(joined), all(columns, rows, (i, j) => at(j, i))],
      "a copy of it": [contiguous(transpose(joined)), all(columns, rows, (i, j) => at(j, i))],
      "a slice": [slice(joined, 1, 3, 10), all(rows, 7, (i, j) => at(i, j + 3))],
      "backwards": [flip(joined, 1), all(rows, columns, (i, j) => at(i, columns - 1 - j))],
      "a part": [split(joined, 0, 3)[1]!, all(2, columns, (i, j) => at(i + 2, j))],
      "in another shape": [
        contiguous(permute(reshape(joined, [3, 2, columns]), [1, 0, 2])),
        all(rows, columns, (i, j) => at((i % 3) * 2 + Math.floor(i / 3), j)),
      ],
      "rows": [
        gather(joined, tensor(device, [5, 0], [2], "u32")),
        all(2, columns, (i, j) => at(i === 0 ? 5 : 0, j)),
      ],
      "sums of rows": [
        scatterAdd(joined, tensor(device, [1, 0, 1, 2, 2, 2], [6], "u32"), 3),
        all(3, columns, (i, j) =>
          round(
            i === 0 ? at(1, j) : i === 1 ? at(0, j) + at(2, j) : at(3, j) + at(4, j) + at(5, j),
          )),
      ],
    };
    for (const [name, [t, expected]] of Object.entries(seen)) {
      assertEquals(t.dtype, "bf16", name);
      assertEquals([...await t.read()], expected, name);
    }
    const top = await topK(joined, 2).read();
    all(rows, 1, (r) => Math.max(...exact.slice(8 * r, 8 * r + 8))).forEach((most, r) => {
      assertEquals([...top.subarray(4 * r, 4 * r + 2)], [most, most]);
      const column = exact.slice(8 * r, 8 * r + 8).indexOf(most);
      assertEquals([...top.subarray(4 * r + 2, 4 * r + 4)], [column, column + 8]);
    });
  });
});

Deno.test("halves that no program writes are not added by rows", async () => {
  await withInterpreted({}, (device) => {
    const x = tensor(device, new Uint16Array(8), [2, 4], "bf16");
    const rows = tensor(device, [0, 1], [2], "u32");
    assertThrows(
      () => scatterAdd(x, rows, 2),
      ShapeError,
      "values requires f32 or f64: found bf16",
    );
  });
});

Deno.test("columns of the largest elements are exact where rows are long", async () => {
  await withInterpreted(bf16, async (device) => {
    const bits = new Uint16Array(1024);
    // Of the equal ones the lower column comes first: bf16 does not tell 1000 from 1001.
    [517, 1001, 1000].forEach((column, i) => bits[column] = 0x3f80 + Math.min(i, 1));
    const found = await topK(tensor(device, bits, [1, 1024], "bf16"), 3).read();
    assertEquals([...found.subarray(3)], [1000, 1001, 517]);
  });
});

Deno.test("long rows of odd lengths are padded, and nothing but the memory shows it", async () => {
  const [rows, width] = [5, 1029];
  const results = async (device: Device): Promise<number[][]> => {
    using _scope = device.scope("padded");
    const [x, w] = [make(device, 1, rows, 8), make(device, 2, 8, width)];
    const labels = tensor(device, [0, 1028, 3, 4, 700], [rows], "u32");
    const { result, gradients } = gradient(() => {
      const logits = checkpoint([x], (x) => matmul(x, w));
      const loss = sum(crossEntropy(logits, labels));
      return { loss, logits };
    }, [x, w]);
    const { logits } = result;
    const views = [
      logits,
      transpose(logits),
      contiguous(logits),
      reshape(logits, [rows * width]),
      slice(logits, 0, 1, 3),
      gelu(logits),
      layerNorm(logits, make(device, 4, width), make(device, 5, width), 1e-5),
      concatenate([logits, logits], 0),
    ];
    const all = [...views, result.loss, ...gradients.map((g) => g!)];
    return await Promise.all(all.map(async (t) => [...await t.read()]));
  };
  let expected: number[][] = [];
  await withDevice("f32", async (cpu) => {
    expected = await results(cpu);
  });
  await withInterpreted(bf16, async (device) => {
    const { value } = matmul(make(device, 1, rows, 8), make(device, 2, 8, width));
    assertEquals([value.strides, value.storage.length], [[1032, 1], rows * 1032]);
    const actual = await results(device);
    expected.forEach((values, r) => {
      const largest = values.reduce((most, x) => Math.max(most, Math.abs(x)), 0);
      assertEquals(actual[r]!.length, values.length);
      values.forEach((x, i) => {
        assert(Math.abs(actual[r]![i]! - x) <= 2 ** -6 * largest, `${r}[${i}]`);
      });
    });
  });
});

// Each of two layers rounds about 15 activations on its way, as many gradients, and the weights of 6
// products twice: independent errors of 2^-9 on average, relative, add up to 84^(1/2) 2^-9. Norms and
// attention enlarge differences, here less than four times.
const drift = 4 * Math.sqrt(84) * 2 ** -9;

for (const architecture of ["bert", "llama"] as const) {
  Deno.test(`steps on ${architecture} in bf16 are near the CPU's, as rounding lets them`, async () => {
    let expected: Course = { losses: [], gradients: [] };
    await withDevice("f32", async (cpu) => {
      expected = await trainTiny(cpu, architecture, 3);
    });
    await withInterpreted(bf16, async (device) => {
      const actual = await trainTiny(device, architecture, 3);
      const norm = (list: readonly number[]) => Math.sqrt(list.reduce((s, x) => s + x * x, 0));
      const off = norm(actual.gradients.map((g, i) => g - expected.gradients[i]!));
      const relative = off / norm(expected.gradients);
      assert(relative > 0 && relative < drift, `gradients: ${relative}`);
      expected.losses.forEach((x, i) => {
        const error = Math.abs(actual.losses[i]! - x);
        assert(error < drift * x, `step ${i}: ${actual.losses[i]} for ${x}`);
      });
    });
  });
}

/** Bytes that a step on 16 texts of 16 tokens takes beside what it begins with. */
async function peakOf(precision: "float32" | "bf16"): Promise<number> {
  let taken = 0;
  await withInterpreted({ precision }, async (device, { backend }) => {
    const config = tinyConfig("gpt2", { hidden_size: 32, n_embd: 32, vocab_size: 64, n_inner: 64 });
    const model = randomModel(device, config, "language");
    applyLora(model, { targets: ["c_attn"], rank: 2, alpha: 4 });
    for (const [path, parameter] of parameters(model)) {
      if (!parameter.filled) initialize(parameter, path, device, seedKey(4));
    }
    const optimiser = new AdamW(await Trainable.of(model, device));
    const { bytes } = backend.statistics;
    using _step = device.scope("step");
    const ids = Array.from({ length: 16 }, (_, i) => i + 1);
    const examples = Array.from({ length: 16 }, () => ({ ids, predictFrom: 1 }));
    const batch = toBatch(device, examples, { numbers: [...examples.keys()] });
    await trainStep({ model, optimiser }, [batch], seedKey(1), { lr: 1e-3 }).loss.item();
    taken = backend.statistics.peakBytes - bytes;
  });
  return taken;
}

Deno.test("a step with activations in bf16 takes about half the memory", async () => {
  const share = await peakOf("bf16") / await peakOf("float32");
  assert(share > 0.4 && share < 0.6, `${share}`);
});
