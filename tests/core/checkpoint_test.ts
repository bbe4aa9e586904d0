import { assert, assertEquals, assertThrows } from "@std/assert";
import { checkpoint } from "../../core/checkpoint.ts";
import type { Device } from "../../core/device.ts";
import { GradientError, ShapeError } from "../../core/errors.ts";
import { gradient } from "../../core/gradient.ts";
import { add, exp, mul, sigmoid, square, tanh } from "../../core/ops/elementwise.ts";
import { matmul } from "../../core/ops/matmul.ts";
import { sum } from "../../core/ops/reduce.ts";
import { softmax } from "../../core/ops/softmax.ts";
import { reshape, transpose } from "../../core/ops/view.ts";
import { noGrad, untracked } from "../../core/tape.ts";
import { type Tensor, tensor } from "../../core/tensor.ts";
import { assertClose, randomTensor } from "../support/differences.ts";
import { withDevice } from "../support/with_device.ts";

/** Runs a function at once, as a checkpoint does without a gradient. */
type Run = typeof checkpoint;
const plainly: Run = (inputs, fn) => fn(...inputs);

/** Losses of two tensors of `[4, 6]` and a weight of `[6, 6]`. */
const losses: Record<string, (run: Run, x: Tensor, y: Tensor, w: Tensor) => Tensor> = {
  "one input and one output": (run, x) => sum(run([x], (x) => tanh(exp(x)))),
  "several inputs, some read twice": (run, x, y) =>
    sum(mul(run([x, y, x], (a, b, c) => softmax(add(mul(a, b), square(c)))), x)),
  "several outputs, of which one is not read": (run, x, y) => {
    const [a, b] = run([x, y], (x, y) => [tanh(mul(x, y)), softmax(x), exp(y)] as const);
    return sum(mul(a, b));
  },
  "one output twice": (run, x) => {
    const [a, b] = run([x], (x) => {
      const y = tanh(x);
      return [y, y] as const;
    });
    return sum(mul(a, square(b)));
  },
  "its own input as output": (run, x) => sum(mul(run([x], (x) => x), tanh(x))),
  "an input that needs no gradient": (run, x, y) =>
    sum(run([noGrad(x), y], (x, y) => mul(softmax(x), y))),
  "a parameter that it captures": (run, x, _, w) =>
    sum(run([x], (x) => tanh(matmul(tanh(matmul(x, w)), w)))),
  "a parameter that others read too": (run, x, y, w) => {
    const a = tanh(matmul(x, w));
    const b = run([a], (a) => sigmoid(matmul(mul(a, y), transpose(w))));
    return sum(mul(matmul(run([b], (b) => softmax(matmul(b, w))), w), a));
  },
  "checkpoints in one another": (run, x, y, w) =>
    sum(run([x], (x) => {
      const inner = run([x, y], (x, y) => tanh(mul(matmul(x, w), run([y], exp))));
      return mul(softmax(inner), x);
    })),
  "noGrad and untracked regions": (run, x, y, w) =>
    sum(run([x, y], (x, y) => {
      const scores = matmul(x, w);
      const fixed = untracked(() => softmax(scores));
      return mul(mul(tanh(scores), fixed), noGrad(reshape(exp(y), [4, 6])));
    })),
  "a gradient inside it": (run, x, y) =>
    sum(run([x, y], (x, y) => {
      const { gradients } = gradient(() => sum(run([x], (x) => tanh(mul(square(x), y)))), [x]);
      return mul(gradients[0]!, y);
    })),
};

/** Loss and gradients by all three tensors. */
async function measured(device: Device, run: Run, name: string): Promise<number[][]> {
  const [x, y] = [randomTensor(device, 1, [4, 6]), randomTensor(device, 2, [4, 6])];
  const w = randomTensor(device, 3, [6, 6]);
  const { result, gradients } = gradient(() => losses[name]!(run, x, y, w), [x, y, w]);
  const all = [result, ...gradients].map(async (t) => t === undefined ? [] : [...await t.read()]);
  return await Promise.all(all);
}

for (const name of Object.keys(losses)) {
  for (const float of ["f32", "f64"] as const) {
    Deno.test(`checkpoint() of ${name} changes no bit in ${float}`, () =>
      withDevice(float, async (device) => {
        const found = await measured(device, checkpoint, name);
        assertEquals(found, await measured(device, plainly, name));
        assert(found.slice(1).some((g) => g.some((slope) => slope !== 0)));
      }));
  }

  Deno.test(`checkpoint() of ${name} has the same second derivative`, () =>
    withDevice("f64", async (device) => {
      const found: number[][][] = [];
      for (const run of [checkpoint, plainly]) {
        const [x, y] = [randomTensor(device, 1, [4, 6]), randomTensor(device, 2, [4, 6])];
        const w = randomTensor(device, 3, [6, 6]);
        const outer = gradient(() => {
          const { gradients } = gradient(() => losses[name]!(run, x, y, w), [x, y, w]);
          return gradients.flatMap((g) => g === undefined ? [] : [sum(square(g))]).reduce(add);
        }, [x, y, w]);
        found.push(
          await Promise.all(outer.gradients.map(async (g) => g ? [...await g.read()] : [])),
        );
      }
      // What is computed twice is also differentiated twice: its sums have another order.
      found[0]!.forEach((slopes, i) => assertClose(slopes, found[1]![i]!, 1e-12, 1e-12));
    }));
}

/** Bytes that a chain of functions needs at most, and the programs that it runs. */
async function chain(run: Run, links: number): Promise<{ bytes: number; programs: number }> {
  let [bytes, programs] = [0, 0];
  await withDevice("f64", (device) => {
    const { statistics } = device.backend;
    const x = randomTensor(device, 1, [64, 64]);
    const [held, before] = [statistics.bytes, statistics.runs];
    gradient(() => {
      let y = x;
      for (let i = 0; i < links; i++) {
        y = run([y], (y) => {
          using scope = device.scope("link");
          return scope.keep(tanh(softmax(sigmoid(tanh(exp(square(y)))))));
        });
      }
      return sum(y);
    }, [x]);
    [bytes, programs] = [(statistics.peakBytes - held) / 2 ** 15, statistics.runs - before];
  });
  return { bytes, programs };
}

Deno.test("checkpoint() keeps one tensor a link of a chain, and frees what it computes again", async () => {
  const grown = async (run: Run) => (await chain(run, 12)).bytes - (await chain(run, 4)).bytes;
  // Eight links more: their inputs alone; or all that each makes but the square, which exp reads no more.
  assertEquals(await grown(checkpoint), 8);
  assertEquals(await grown(plainly), 8 * 5);
});

Deno.test("checkpoint() runs again what the gradient reads, and no more", async () => {
  const counted = async (run: Run) =>
    (await chain(run, 12)).programs - (await chain(run, 4)).programs;
  const [again, once] = [await counted(checkpoint), await counted(plainly)];
  // The derivative of tanh reads its result, so all six run again.
  assertEquals(again - once, 8 * 6);
  await withDevice("f64", (device) => {
    const { statistics } = device.backend;
    const [x, w] = [randomTensor(device, 1, [4, 4]), randomTensor(device, 2, [4, 4])];
    const programs = (run: Run) => {
      const before = statistics.runs;
      gradient(() => sum(run([x], (x) => add(matmul(tanh(x), noGrad(w)), x))), [x]);
      return statistics.runs - before;
    };
    // The product by a fixed matrix and the sum read nothing of their results.
    assertEquals(programs(checkpoint) - programs(plainly), 1);
  });
});

Deno.test("checkpoint() records nothing where no input and no captured tensor is watched", () =>
  withDevice("f64", (device) => {
    const [x, other] = [tensor(device, [1, 2]), tensor(device, [3, 4])];
    let runs = 0;
    const counted = (x: Tensor) => {
      runs++;
      return exp(x);
    };
    gradient(() => sum(mul(x, checkpoint([other], counted))), [x]);
    gradient(() => sum(mul(x, untracked(() => checkpoint([x], counted)))), [x]);
    checkpoint([x], counted);
    assertEquals(runs, 3);
    gradient(() => sum(mul(x, checkpoint([x], counted))), [x]);
    assertEquals(runs, 5);
    // A checkpoint that the loss does not read is not run again.
    gradient(() => {
      checkpoint([x], counted);
      return sum(x);
    }, [x]);
    assertEquals(runs, 6);
  }));

Deno.test("checkpoint() keeps nothing where no output is watched", () =>
  withDevice("f64", (device) => {
    const { statistics } = device.backend;
    const [x, other] = [tensor(device, [1, 2]), tensor(device, [3, 4])];
    gradient(() => {
      const before = statistics.buffers;
      const made = exp(other);
      checkpoint([made], (made) => noGrad(mul(made, x)))[Symbol.dispose]();
      made[Symbol.dispose]();
      assertEquals(statistics.buffers, before);
      return sum(x);
    }, [x]);
  }));

Deno.test("checkpoint() belongs to the scope around it, without a gradient too", () =>
  withDevice("f64", async (device) => {
    const { statistics } = device.backend;
    const x = tensor(device, [0, 1]);
    const before = statistics.buffers;
    const y = checkpoint([x], (x) => exp(exp(x)));
    assertEquals(statistics.buffers, before + 1);
    assertEquals([...await y.read()], [Math.E, Math.exp(Math.E)]);
  }));

Deno.test("checkpoint() works on forks", () =>
  withDevice("f64", async (device) => {
    const x = tensor(device, [0, 1]);
    const fork = device.fork();
    using _scope = fork.scope("fork");
    const y = tensor(fork, [2, 3]);
    const { gradients } = gradient(
      () => sum(checkpoint([x, y], (x, y) => mul(exp(x), y))),
      [x],
      fork,
    );
    assertEquals([...await gradients[0]!.read()], [2, 3 * Math.E]);
  }));

Deno.test("checkpoint() names what it cannot run again", () =>
  withDevice("f64", (device) => {
    const [x, y] = [tensor(device, [1, 2]), tensor(device, [3, 4])];
    const captures = () => {
      const made = exp(x);
      return sum(checkpoint([x], (x) => mul(square(x), made)));
    };
    assertThrows(
      () => gradient(captures, [x]),
      GradientError,
      "Cannot run a checkpoint again as tensors made inside gradient must be its inputs",
    );
    for (const other of [(x: Tensor) => tanh(x), (x: Tensor) => exp(exp(x)), (x: Tensor) => x]) {
      let runs = 0;
      assertThrows(
        () => gradient(() => sum(checkpoint([x], (x) => runs++ === 0 ? exp(x) : other(x))), [x]),
        GradientError,
        "Cannot run a checkpoint again as it must apply the operations of its first run",
      );
    }
    const fails = (x: Tensor) => {
      exp(x);
      throw new RangeError("mine");
    };
    assertThrows(() => gradient(() => checkpoint([x], fails), [x]), RangeError, "mine");
    let runs = 0;
    const later = (x: Tensor) => runs++ === 0 ? exp(x) : fails(x);
    assertThrows(
      () => gradient(() => sum(mul(checkpoint([x], later), y)), [x]),
      RangeError,
      "mine",
    );
    assertEquals(device.innermost?.name, "test");
    // And what comes after is not disturbed.
    gradient(() => sum(checkpoint([x], exp)), [x]);
  }));

Deno.test("checkpoint() refuses a function that returns no tensors", () =>
  withDevice("f64", (device) => {
    const x = tensor(device, [1, 2]);
    for (const wrong of [undefined, 5, [x, 5], Promise.resolve(x)]) {
      const fn = (() => wrong) as unknown as () => Tensor;
      assertThrows(() => checkpoint([x], fn), ShapeError, "checkpoint");
    }
    assertThrows(() => checkpoint([], () => x), TypeError, "Cannot choose a device");
  }));
