// A backend that fails at any one of its calls: whatever was made by then is given back.
import { assert, assertEquals, assertRejects, assertStrictEquals, assertThrows } from "@std/assert";
import type { Backend } from "../../core/backend.ts";
import { checkpoint } from "../../core/checkpoint.ts";
import { Device } from "../../core/device.ts";
import { DeviceError } from "../../core/errors.ts";
import { gradient } from "../../core/gradient.ts";
import { tensorFromParts } from "../../core/memory.ts";
import { mul, scale } from "../../core/ops/elementwise.ts";
import { gather } from "../../core/ops/gather.ts";
import { crossEntropy } from "../../core/ops/losses.ts";
import { matmul } from "../../core/ops/matmul.ts";
import { layerNorm } from "../../core/ops/norm.ts";
import { sum } from "../../core/ops/reduce.ts";
import { concatenate, slice } from "../../core/ops/slice.ts";
import { topK } from "../../core/ops/top_k.ts";
import { transpose } from "../../core/ops/view.ts";
import { quantisedTensor } from "../../core/quantised.ts";
import { type Tensor, tensor } from "../../core/tensor.ts";
import { openCpu } from "../../kernels/cpu/backend.ts";
import { cut, weights } from "../support/quantised_cases.ts";

/** Calls by which work is done; `release` cannot fail. */
const working = ["allocate", "write", "run"] as const;

/** A backend of the CPU whose call of some number, from 1, fails. */
class FailingBackend {
  readonly cpu = openCpu();
  /** Calls of each name that were made since `failAt` was called. */
  calls = 0;
  failure: { readonly name: string; readonly call: number; readonly error: Error } | undefined;

  readonly backend: Backend = new Proxy(this.cpu, {
    get: (target, name: string) => {
      const member = Reflect.get(target, name, target);
      if (typeof member !== "function") return member;
      return (...given: unknown[]) => {
        if (name === this.failure?.name && ++this.calls === this.failure.call) {
          throw this.failure.error;
        }
        return Reflect.apply(member, target, given);
      };
    },
  });
}

/** Every kind of operation: with several results, with copies between, and in the backward pass. */
function work(table: Tensor, codes: Tensor): void {
  const { device } = table;
  const rows = gather(table, tensor(device, [2, 0, 1, 2], undefined, "u32"));
  const bias = tensor(device, [0.5, 0.25, 1, 2]);
  const { gradients } = gradient(() => {
    const normed = checkpoint([rows], (rows) => layerNorm(rows, bias, bias, 1e-5));
    const joined = concatenate([slice(normed, 1, 0, 2), slice(scale(normed, 2), 1, 1, 3)], 1);
    const logits = matmul(matmul(joined, transpose(table)), codes);
    const labels = tensor(device, [0, 1, 2, 1], undefined, "u32");
    return sum(mul(crossEntropy(logits, labels, 0.1), sum(logits, -1)));
  }, [table, bias]);
  topK(gradients[0]!, 2);
}

for (const dtype of ["f32", "f64"] as const) {
  for (const name of working) {
    Deno.test(`what is made before ${name}() fails is given back, of ${dtype}`, async () => {
      const failing = new FailingBackend();
      await using device = new Device(failing.backend, dtype);
      const { statistics } = failing.cpu;
      using _outer = device.scope("outer");
      const table = tensor(device, [1, 2, 3, 4, 5, 6, 7, 8, 9, 1, 2, 3], [3, 4]);
      const codes = await quantisedTensor(device, [3, 5], "nf4", cut(weights(15)));
      const before = { ...statistics };
      const inScope = () => device.inside("work", () => work(table, codes));
      let call = 0;
      const error = new DeviceError("no more");
      for (;;) {
        failing.calls = 0;
        failing.failure = { name, call: ++call, error };
        if (isDone(inScope, error)) break;
        const { buffers, bytes } = statistics;
        assertEquals([buffers, bytes], [before.buffers, before.bytes], `call ${call}`);
      }
      assert(call > 3, `${call} calls`);
    });
  }
}

/** Whether it ends well; it fails with the error alone. */
function isDone(run: () => void, error: Error): boolean {
  try {
    run();
    return true;
  } catch (found) {
    assertStrictEquals(found, error);
    return false;
  }
}

Deno.test("a tensor whose numbers do not arrive is given back, in a scope or without one", async () => {
  const failing = new FailingBackend();
  await using device = new Device(failing.backend);
  const { statistics } = failing.cpu;
  failing.failure = { name: "write", call: 1, error: new DeviceError("no more") };
  assertThrows(() => tensor(device, [1, 2, 3]), DeviceError, "no more");
  assertEquals(statistics.buffers, 0);
  failing.calls = -1;
  const parts = [new Float32Array(2), new Float32Array(2)];
  await assertRejects(() => tensorFromParts(device, [4], "f32", parts), DeviceError, "no more");
  assertEquals(statistics.buffers, 0);
  const absent = (async function* () {
    yield new Float32Array(2);
    throw new DeviceError("no such part");
  })();
  await assertRejects(() => tensorFromParts(device, [4], "f32", absent), DeviceError, "such part");
  assertEquals(statistics.buffers, 0);
});
