// What a backend owes that stores activations in bf16: each operation of the table on bf16 and its
// gradients, within what rounding allows.
import { assert, assertEquals } from "@std/assert";
import { Device } from "../../core/device.ts";
import { quantisedFormats } from "../../core/dtype.ts";
import { matmul } from "../../core/ops/matmul.ts";
import { sizeOf } from "../../core/shape.ts";
import { tensor } from "../../core/tensor.ts";
import { openCpu } from "../../kernels/cpu/backend.ts";
import type { Open } from "./conformance.ts";
import { type Held, resultsOf } from "./op_results.ts";
import { opTable } from "./op_table.ts";
import { checkQuantised } from "./quantised_cases.ts";

/** Largest error of a number that is rounded to bf16, relative to it. */
export const unit = 2 ** -8;

/**
 * Largest error of a tensor's elements, in units of its largest one: its own rounding, and that of what
 * it is made of. Gradients of attention are differences of numbers as large as the weights, which are
 * rounded, by cotangents up to 1/2, which are too.
 */
function allowedError(name: string, largest: number, largestResult: number): number {
  const subtracted = name.startsWith("attentionWeights") ? 2 * largestResult : 0;
  return unit * (3 * largest + subtracted);
}

/** Registers the checks; `open` is absent where this machine has no such backend. */
export function activationConformance(
  name: string,
  open: Open | undefined,
  options: Pick<Deno.TestDefinition, "sanitizeOps" | "sanitizeResources"> = {},
): void {
  Deno.test({
    ...options,
    name: `long rows of activations are padded by ${name}`,
    ignore: open === undefined,
    async fn() {
      await using device = new Device(await open!());
      padded(device);
    },
  });
  Deno.test({
    ...options,
    name: `a matrix in fewer bits is one of its numbers in bf16, to the bit, by ${name}`,
    ignore: open === undefined,
    async fn() {
      await using device = new Device(await open!());
      for (const dtype of quantisedFormats) await checkQuantised(device, dtype);
    },
  });
  for (const [held, oracles] of [["bf16", "rounded"], ["floats", "floats"]] as const) {
    Deno.test({
      ...options,
      name:
        `every operation on ${held} and its gradient is f64's but for rounding to bf16 by ${name}`,
      ignore: open === undefined,
      fn: (test) => compare(test, open!, held, oracles),
    });
  }
}

/** Long rows that no eight elements fill begin at multiples of 16 bytes. */
function padded(device: Device): void {
  using _scope = device.scope("padded");
  const zeros = (shape: readonly number[]) =>
    tensor(device, new Uint16Array(sizeOf(shape)), shape, "bf16");
  for (const [width, pitch] of [[1024, 1024], [1025, 1032], [1028, 1032], [1000, 1000]] as const) {
    const { strides } = matmul(zeros([3, 8]), zeros([8, width])).value;
    assertEquals([...strides], [pitch, 1]);
  }
}

async function compare(test: Deno.TestContext, open: Open, held: Held, oracles: Held) {
  await using oracle = new Device(openCpu({ kernels: "javascript" }), "f64");
  await using device = new Device(await open());
  for (const row of opTable) {
    await test.step(`${row.name}()`, async () => {
      const expected = await resultsOf(row, oracle, oracles);
      const actual = await resultsOf(row, device, held);
      const largest = expected.map((values) =>
        values.reduce((most, x) => Math.max(most, Math.abs(x)), 0)
      );
      expected.forEach((values, r) => {
        const allowed = 1e-6 + allowedError(row.name, largest[r]!, r === 0 ? 0 : largest[0]!);
        values.forEach((x, i) => {
          const error = Math.abs(actual[r]![i]! - x);
          assert(error <= allowed, `${r}[${i}]: ${actual[r]![i]} for ${x}, ${allowed} allowed`);
        });
      });
      assertEquals(device.backend.statistics.buffers, 0, "buffers left");
    });
  }
}
