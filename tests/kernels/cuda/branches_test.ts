// Work that comes again in branches: launches wait for those alone that they need. The interpreted card
// runs the last of all that could run first, so that one that waits for too little reads too early.
import { assert, assertEquals } from "@std/assert";
import { gradient } from "../../../core/gradient.ts";
import { add, mul } from "../../../core/ops/elementwise.ts";
import { gather } from "../../../core/ops/gather.ts";
import { matmul } from "../../../core/ops/matmul.ts";
import { mean, sum } from "../../../core/ops/reduce.ts";
import { softmax } from "../../../core/ops/softmax.ts";
import { transpose } from "../../../core/ops/view.ts";
import { seedKey, uniform } from "../../../core/random.ts";
import { type Tensor, tensor } from "../../../core/tensor.ts";
import { course, type CourseCase, courseSizes } from "../../support/captured_course.ts";
import { type InterpretedOptions, withInterpreted } from "../../support/interpreted_device.ts";

/** Products of the same rows and what follows each, rows of a table, gradients, and large products. */
function branching(large: Tensor): CourseCase {
  return ({ x, rows, weight }) => {
    const read = gather(weight, rows);
    const { gradients: [slope] } = gradient(() => {
      const left = softmax(matmul(x, transpose(read)));
      const right = mul(x, read);
      return sum(add(matmul(left, x), mul(right, right)));
    }, [x]);
    const [once, twice] = [matmul(large, large), matmul(transpose(large), large)];
    return { result: add(sum(add(slope!, mul(x, read)), 1), mean(mul(once, twice))) };
  };
}

/** Sums of seven steps, and how many nodes each kernel node of a graph waited for. */
async function sumsOf(options: InterpretedOptions) {
  const waits: number[] = [];
  let sums: number[] = [];
  await withInterpreted({ ...options, shortest: 4096 }, async (device, card) => {
    const { calls } = card.library;
    const noted: Partial<typeof calls> = {
      cuGraphAddKernelNode_v2: (...args) => {
        waits.push(args[3] as number);
        return calls.cuGraphAddKernelNode_v2(...args);
      },
    };
    const get = (_: unknown, name: keyof typeof calls) => noted[name] ?? calls[name];
    Object.assign(card.library, { calls: new Proxy(calls, { get }) });
    const large = tensor(device, uniform(seedKey(9), 64 * 64), [64, 64]);
    const found = await course(device, branching(large), 7);
    assertEquals(found.computed, [0, 1, 2]);
    sums = found.sums;
  });
  return { sums, waits };
}

for (const precision of ["float32", "bf16"] as const) {
  Deno.test(`branches compute what launches one after the other do, in ${precision}`, async () => {
    const options = { precision, blas: precision === "bf16" };
    const chain = await sumsOf(options);
    const parallel = await sumsOf({ ...options, parallel: true });
    assertEquals(parallel.sums, chain.sums);
    assertEquals(parallel.sums.length, 7 * courseSizes.count);
    assertEquals(new Set(chain.waits), new Set([0, 1]));
    assert(parallel.waits.filter((count) => count === 0).length > 2, "several begin at once");
    assert(parallel.waits.some((count) => count > 1), "branches meet");
  });
}
