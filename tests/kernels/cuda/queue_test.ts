// Launches go out in segments; those that come again are graphs.
import { assert, assertEquals } from "@std/assert";
import type { Bound } from "../../../core/backend.ts";
import { type Float, input, scalar } from "../../../core/expr.ts";
import { rowProgram } from "../../../core/program.ts";
import { assertSame } from "../../support/op_results.ts";
import type { Device } from "../../../core/device.ts";
import { add, mul, scale } from "../../../core/ops/elementwise.ts";
import { matmul } from "../../../core/ops/matmul.ts";
import { sumRow } from "../../../core/ops/rowwise.ts";
import { softmax } from "../../../core/ops/softmax.ts";
import { seedKey, uniform } from "../../../core/random.ts";
import { type Tensor, tensor } from "../../../core/tensor.ts";
import type { DriverFunction } from "../../../kernels/cuda/driver/ffi.ts";
import { withInterpreted } from "../../support/interpreted_device.ts";
import type { InterpretedBackend } from "../../support/ptx/interpreted_driver.ts";

const [created, nodes, set, launched, plain]: readonly DriverFunction[] = [
  "cuGraphInstantiateWithFlags",
  "cuGraphAddKernelNode_v2",
  "cuGraphExecKernelNodeSetParams_v2",
  "cuGraphLaunch",
  "cuLaunchKernel",
];

/** Calls of the functions while something runs. */
async function callsOf(card: InterpretedBackend, run: () => Promise<unknown>): Promise<number[]> {
  const count = () =>
    [created, nodes, set, launched, plain].map((name) => card.counts.get(name!) ?? 0);
  const before = count();
  await run();
  return count().map((calls, i) => calls - before[i]!);
}

const square = (device: Device) =>
  tensor(device, uniform(seedKey(1), 12 * 12).map(Math.fround), [12, 12]);

/** Five launches, of which one has a number that the caller chooses. */
async function chain(device: Device, x: Tensor, factor: number): Promise<number[]> {
  using _scope = device.scope("chain");
  const y = add(mul(x, x), scale(x, factor));
  return [...await sumRow(softmax(matmul(y, x))).read()];
}

Deno.test("segments become graphs when they come again, and nodes are set where they changed", async () => {
  const results: number[][] = [];
  await withInterpreted({}, async (device, card) => {
    const x = square(device);
    const run = (factor: number) => async () => results.push(await chain(device, x, factor));
    // Graphs made, nodes added, nodes set, graphs launched, plain launches.
    assertEquals(await callsOf(card, run(0.5)), [0, 0, 0, 0, 6]);
    assertEquals(await callsOf(card, run(0.5)), [1, 6, 0, 1, 0]);
    assertEquals(await callsOf(card, run(0.5)), [0, 0, 0, 1, 0]);
    assertEquals(await callsOf(card, run(0.25)), [0, 0, 1, 1, 0]);
    assertEquals(await callsOf(card, run(0.25)), [0, 0, 0, 1, 0]);
    assertEquals(card.backend.launches, { launches: 30, inGraphs: 24 });
  });
  await withInterpreted({ graphs: false }, async (device, card) => {
    const x = square(device);
    const run = async () => {
      for (const [i, factor] of [0.5, 0.5, 0.5, 0.25, 0.25].entries()) {
        assertSame(results[i]!, await chain(device, x, factor), `run ${i}`);
      }
    };
    assertEquals(await callsOf(card, run), [0, 0, 0, 0, 30]);
  });
});

Deno.test("other launches between two runs of a segment set no node", async () => {
  await withInterpreted({}, async (device, card) => {
    const x = square(device);
    for (let i = 0; i < 2; i++) await chain(device, x, 0.5);
    // Parameters of these lie where those of the segment lay.
    {
      using _scope = device.scope("others");
      const other = tensor(device, uniform(seedKey(3), 35).map(Math.fround), [5, 7]);
      const results = [add(x, 123), matmul(x, x), softmax(scale(other, -3))];
      await Promise.all(results.map((t) => t.read()));
    }
    const calls = await callsOf(card, () => chain(device, x, 0.5));
    assertEquals(calls, [0, 0, 0, 1, 0]);
  });
});

Deno.test("addresses that changed are set in the nodes that have them", async () => {
  await withInterpreted({}, async (device, card) => {
    const [x, y] = [square(device), scale(square(device), 2)];
    const expected = await chain(device, y, 0.5);
    for (let i = 0; i < 3; i++) await chain(device, x, 0.5);
    let actual: number[] = [];
    const calls = await callsOf(card, async () => actual = await chain(device, y, 0.5));
    assertEquals(calls, [0, 0, 3, 1, 0]);
    assertEquals(actual, expected);
  });
});

Deno.test("few launches stay plain however often they come", async () => {
  await withInterpreted({}, async (device, card) => {
    const x = square(device);
    for (let i = 0; i < 4; i++) {
      const calls = await callsOf(card, () => scale(scale(scale(x, 2), 3), 4).read());
      assertEquals(calls, [0, 0, 0, 0, 3]);
    }
  });
});

Deno.test("segments grow from 16 to 127 launches, and what is left goes out with the read", async () => {
  await withInterpreted({}, async (device, card) => {
    const long = async () => {
      using _scope = device.scope("long");
      let x = tensor(device, [1, 2, 3]);
      for (let i = 0; i < 600; i++) x = add(x, 1);
      assertEquals([...await x.read()], [601, 602, 603]);
    };
    // Segments of 16, 32, 64, 127, 127, 127 and 107: those of 127 are one, but for addresses.
    assertEquals(await callsOf(card, long), [1, 127, 127, 2, 112 + 127 + 107]);
    assertEquals(await callsOf(card, long), [4, 112 + 107, 3 * 127, 7, 0]);
    assertEquals(await callsOf(card, long), [0, 0, 3 * 127, 7, 0]);
  });
});

Deno.test("layers of 4, 8, 16 and 32 equal launches are graphs whose addresses stay", async () => {
  for (const length of [4, 8, 16, 32]) {
    await withInterpreted({}, async (device, card) => {
      const x = tensor(device, [1, 2, 3]);
      const layers = async () => {
        using _scope = device.scope("layers");
        // What a layer makes is kept: the next one lies elsewhere.
        let y = x;
        for (let i = 0; i < 512; i++) y = i % length === 0 ? mul(y, 0.5) : add(y, 1);
        await y.read();
      };
      for (let i = 0; i < 3; i++) await layers();
      const [made, nodes, set] = await callsOf(card, layers);
      assertEquals([made, nodes, set], [0, 0, 0]);
    });
  }
});

Deno.test("graphs beyond the most that are kept are forgotten and given back", async () => {
  await withInterpreted({}, async (device, card) => {
    const x = square(device);
    for (let i = 0; i < 300; i++) {
      // Every third comes once and is no graph.
      for (let again = 0; again < (i % 3 === 0 ? 1 : 2); again++) {
        using _scope = device.scope("one of many");
        let y = x;
        // The order of four to twelve launches of two kinds is a number in binary.
        for (let bit = 0; bit < 9; bit++) y = (i >> bit) & 1 ? mul(y, y) : add(y, 1);
        await y.read();
      }
    }
    const [made, ended] = [card.counts.get(created!)!, card.counts.get("cuGraphExecDestroy")!];
    assertEquals([made, ended], [200, 170]);
    assertEquals(card.counts.get("cuGraphDestroy"), 170);
  });
});

Deno.test("segments have room for launches of many parameters", async () => {
  await withInterpreted({}, async (_, { backend }) => {
    const slots = Array.from({ length: 150 }, (_, slot) => slot);
    const first: Float = input(0, "f32", 3);
    const total = slots.slice(1).reduce((sum, slot) => sum.add(input(slot, "f32", 3)), first);
    const program = rowProgram(slots.map(() => "f32" as const), [total.mul(scalar(0, "f32"))]);
    const buffers = Array.from({ length: 101 }, () => backend.allocate(16));
    const bound = (i: number): Bound => ({
      buffer: buffers[i]!,
      dtype: "f32",
      offset: 0,
      strides: [1],
    });
    backend.write(buffers[0]!, 0, Float32Array.of(1, 2, 3, 4));
    for (let i = 0; i < 100; i++) {
      const [inputs, outputs] = [slots.map(() => bound(i)), [bound(i + 1)]];
      const scalars = [i % 2 === 0 ? 2 / 150 : 0.5 / 150];
      backend.run(program, { space: [4], inputs, outputs, indices: [], scalars });
    }
    const [one, two, three, four] = new Float32Array(await backend.read(buffers[100]!, 0, 16));
    [one, two, three, four].forEach((x, i) => assert(Math.abs(x! - i - 1) < 1e-3, `${x}`));
    for (const buffer of buffers) backend.release(buffer);
  });
});
