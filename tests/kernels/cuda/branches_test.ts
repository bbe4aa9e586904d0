// Work that comes again in branches: launches wait for those alone that they need. The interpreted card
// runs the last of all that could run first, so that one that waits for too little reads too early.
import { assert, assertEquals } from "@std/assert";
import { gradient } from "../../../core/gradient.ts";
import { add, mul, scale } from "../../../core/ops/elementwise.ts";
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

/** Two products of one that is rounded already in bf16, so that they wait for nothing else. */
function products(large: Tensor): CourseCase {
  return ({ x }) => {
    const whole = matmul(large, large);
    const [once, twice] = [matmul(whole, whole), matmul(transpose(whole), whole)];
    return { result: add(sum(x, 1), scale(mean(mul(once, twice)), 1e-9)) };
  };
}

/** A node of a graph. */
interface Node {
  /** Whether the library for products runs it. */
  readonly isForeign: boolean;
  /** How many nodes it waits for. */
  readonly waits: number;
  /** Whether the last node of the library's before it in its graph has ended then, if there is one. */
  readonly afterForeign: boolean;
}

/** Sums of seven steps, and the nodes of all graphs. */
async function sumsOf(options: InterpretedOptions, caseOf: (large: Tensor) => CourseCase) {
  const nodes: Node[] = [];
  let sums: number[] = [];
  await withInterpreted({ ...options, shortest: 4096 }, async (device, card) => {
    const { calls } = card.library;
    /** Nodes of the library's that have ended when a node runs, by handle; and the last of a graph. */
    const ended = new Map<number, Set<number>>();
    const last = new Map<number, number>();
    const noted = (name: "cuGraphAddKernelNode_v2" | "cuGraphAddChildGraphNode") => {
      const isForeign = name === "cuGraphAddChildGraphNode";
      return (...args: Parameters<typeof calls[typeof name]>) => {
        const code = calls[name](...args);
        const [out, graph, before, waits] = args as [Uint8Array, number, Uint8Array | null, number];
        const handles = (bytes: Uint8Array | null) =>
          bytes === null ? [] : [...new BigUint64Array(bytes.slice().buffer)].map(Number);
        const [handle] = handles(out) as [number];
        const found = new Set(handles(before).flatMap((each) => [...ended.get(each)!]));
        const latest = last.get(graph);
        nodes.push({ isForeign, waits, afterForeign: latest === undefined || found.has(latest) });
        if (isForeign) last.set(graph, handle);
        ended.set(handle, isForeign ? found.add(handle) : found);
        return code;
      };
    };
    const own: Partial<typeof calls> = {
      cuGraphAddKernelNode_v2: noted("cuGraphAddKernelNode_v2"),
      cuGraphAddChildGraphNode: noted("cuGraphAddChildGraphNode"),
    };
    const get = (_: unknown, name: keyof typeof calls) => own[name] ?? calls[name];
    Object.assign(card.library, { calls: new Proxy(calls, { get }) });
    const large = tensor(device, uniform(seedKey(9), 64 * 64), [64, 64]);
    const found = await course(device, caseOf(large), 7);
    assertEquals(found.computed, [0, 1, 2]);
    sums = found.sums;
  });
  return { sums, nodes };
}

for (const precision of ["float32", "bf16"] as const) {
  const options = { precision, blas: precision === "bf16" };
  Deno.test(`branches compute what launches one after the other do, in ${precision}`, async () => {
    const chain = await sumsOf(options, branching);
    const { sums, nodes } = await sumsOf({ ...options, parallel: true }, branching);
    assertEquals(sums, chain.sums);
    assertEquals(sums.length, 7 * courseSizes.count);
    assertEquals(new Set(chain.nodes.map(({ waits }) => waits)), new Set([0, 1]));
    assert(nodes.filter(({ waits }) => waits === 0).length > 2, "several begin at once");
    assert(nodes.some(({ waits }) => waits > 1), "branches meet");
  });
}

Deno.test("products of the library run one after the other, as they share its memory", async () => {
  const options = { precision: "bf16", blas: true } as const;
  const { sums, nodes } = await sumsOf({ ...options, parallel: true }, products);
  assertEquals(sums, (await sumsOf(options, products)).sums);
  const foreign = nodes.filter(({ isForeign }) => isForeign);
  assert(foreign.length > 1);
  assert(foreign.every(({ afterForeign }) => afterForeign));
});
