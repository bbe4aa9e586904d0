// What the driver refuses or stops becomes a DeviceError that says so.
import { assert, assertEquals, assertMatch, assertRejects, assertThrows } from "@std/assert";
import type { Bound } from "../../../core/backend.ts";
import { Device } from "../../../core/device.ts";
import { DeviceError } from "../../../core/errors.ts";
import { type Float, input } from "../../../core/expr.ts";
import { add } from "../../../core/ops/elementwise.ts";
import { rowProgram } from "../../../core/program.ts";
import { tensor } from "../../../core/tensor.ts";
import { cardsOf, Driver, meaningOf } from "../../../kernels/cuda/driver/driver.ts";
import { Modules, mostParameters } from "../../../kernels/cuda/queue/modules.ts";
import { plainProduct } from "../../../kernels/plan/split_k.ts";
import { withInterpreted } from "../../support/interpreted_device.ts";
import {
  type InterpretedBackend,
  interpretedCard,
  interpretedCuda,
  interpretedDriver,
} from "../../support/ptx/interpreted_driver.ts";

const copy = rowProgram(["f32"], [input(0, "f32", 3).add(1)]);

/** Queues a program that reads as many elements behind a buffer as are given. */
function readBehind({ backend }: InterpretedBackend, offset: number): void {
  const buffer = backend.allocate(64);
  const bound = (offset: number): Bound => ({ buffer, dtype: "f32", offset, strides: [1] });
  const [inputs, outputs] = [[bound(offset)], [bound(0)]];
  backend.run(copy, { space: [16], inputs, outputs, indices: [], scalars: [] });
}

const fault =
  "Cannot go on with an interpreted card as a program that was queued failed: a program " +
  "reached memory that is not its own (CUDA error 700)";

Deno.test("a program that leaves its memory ends the context, which every later call tells", async () => {
  const card = interpretedCuda();
  const device = new Device(card.backend);
  using _scope = device.scope("test");
  const x = tensor(device, [1, 2]);
  readBehind(card, 2 ** 26);
  const told = [
    () => x.read(),
    async () => await add(x, 1).read(),
    () => x.read(),
    () => Promise.resolve().then(() => card.backend.allocate(2 ** 26)),
    () =>
      Promise.resolve().then(() =>
        card.backend.write(card.backend.allocate(8), 0, new Uint8Array(8))
      ),
  ];
  for (const call of told) assertEquals((await assertRejects(call, DeviceError)).message, fault);
  await device[Symbol.asyncDispose]();
});

Deno.test("a fault of a program in a graph is told too, and reads that wait all fail", async () => {
  const card = interpretedCuda();
  const { backend } = card;
  const buffer = backend.allocate(4);
  for (const offset of [0, 0, 2 ** 26]) {
    for (let i = 0; i < 4; i++) readBehind(card, i === 2 ? offset : 0);
    const reads = [backend.read(buffer, 0, 4), backend.read(buffer, 0, 4)];
    const settled = await Promise.allSettled(reads);
    const expected = offset === 0 ? "fulfilled" : "rejected";
    assertEquals(settled.map(({ status }) => status), [expected, expected]);
    const first = settled[0]!;
    if (first.status === "rejected") assertEquals(first.reason.message, fault);
  }
  assertEquals(card.counts.get("cuGraphLaunch"), 2);
  await backend[Symbol.asyncDispose]();
});

Deno.test("an address that is not aligned is told as such", async () => {
  const card = interpretedCuda();
  const buffer = card.backend.allocate(64);
  const bound: Bound = { buffer, dtype: "f32", offset: 0.5, strides: [1] };
  card.backend.run(copy, {
    space: [3],
    inputs: [bound],
    outputs: [{ ...bound, offset: 0 }],
    indices: [],
    scalars: [],
  });
  const message = "a program reached memory at a misaligned address (CUDA error 716)";
  await assertRejects(() => card.backend.read(buffer, 0, 4), DeviceError, message);
});

Deno.test("codes that end the context are told again, others are not", () => {
  for (
    const [code, ends] of [
      [1, false],
      [2, false],
      [4, true],
      [201, true],
      [214, true],
      [700, true],
      [719, true],
      // A capture that broke.
      [901, false],
    ] as const
  ) {
    const { library, failures } = interpretedDriver();
    const driver = new Driver(library, interpretedCard);
    failures.set("cuCtxSetCurrent", code);
    const message = `Cannot go on with an interpreted card as cuCtxSetCurrent failed: ${
      meaningOf(code)
    }`;
    assertThrows(() => driver.call("cuCtxSetCurrent", 0), DeviceError, message);
    failures.clear();
    if (ends) assertThrows(() => driver.call("cuInit", 0), DeviceError, message);
    else driver.call("cuInit", 0);
  }
  assertEquals(meaningOf(123_456), "the driver refused (CUDA error 123456)");
});

Deno.test("a launch that the driver refuses is named", async () => {
  await withInterpreted({}, async (device, { failures }) => {
    const x = tensor(device, [1, 2]);
    failures.set("cuLaunchKernel", 1);
    const error = await assertRejects(async () => await add(x, 1).read(), DeviceError);
    assertMatch(
      error.message,
      /as the launch of row program row:\S+ failed: a value is invalid \(CUDA error 1\)$/,
    );
    failures.clear();
    assertEquals([...await add(x, 1).read()], [2, 3]);
  });
});

Deno.test("a device that is closed is told", async () => {
  const card = interpretedCuda();
  await card.backend[Symbol.asyncDispose]();
  assertThrows(() => card.backend.allocate(2 ** 27), DeviceError, "as its device is closed");
});

Deno.test("a program with too many parameters or too much shared memory is refused by its bytes", async () => {
  await withInterpreted({ facts: { sharedBytes: 1000 } }, (_, { backend }) => {
    const buffer = backend.allocate(64);
    const bound: Bound = { buffer, dtype: "f32", offset: 0, strides: [4, 1] };
    const operands = { inputs: [bound, bound], outputs: [bound] };
    assertThrows(
      () => backend.run(plainProduct, { space: [4, 4, 4], ...operands, indices: [], scalars: [] }),
      DeviceError,
      `Cannot run product ${plainProduct.key} of [4,4,4] as it needs 5120 bytes of shared memory: ` +
        "an interpreted card has 1000",
    );
    backend.release(buffer);
  });
  await withInterpreted({}, (_, { backend }) => {
    const slots = Array.from({ length: 400 }, (_, slot) => slot);
    const total = slots.reduce<Float>(
      (sum, slot) => sum.add(input(slot, "f32", 3)),
      input(0, "f32", 3),
    );
    const program = rowProgram(slots.map(() => "f32" as const), [total]);
    const buffer = backend.allocate(64);
    const bound: Bound = { buffer, dtype: "f32", offset: 0, strides: [1] };
    const binding = { space: [16], outputs: [bound], indices: [], scalars: [] };
    assertThrows(
      () => backend.run(program, { ...binding, inputs: slots.map(() => bound) }),
      DeviceError,
      `as it has 4820 bytes of parameters: a launch takes ${mostParameters}`,
    );
    backend.release(buffer);
  });
});

Deno.test("a text that the driver refuses is told, and an equal one is compiled once", () => {
  const { library, counts } = interpretedDriver();
  const modules = new Modules(new Driver(library, interpretedCard));
  const facts = { threads: 32, sharedBytes: 0, parameterBytes: 4 };
  const message = "cuLibraryLoadData failed: the text of a program is invalid (CUDA error 218)";
  const wrong = () => ({ ...facts, code: "no PTX" });
  assertThrows(() => modules.compile("wrong", "a program", wrong), DeviceError, message);
  const code = `.version 7.0
.target sm_80
.address_size 64
.visible .entry program(.param .align 8 .b8 p[4])
.reqntid 32, 1, 1
{
ret;
}
`;
  const first = modules.compile("right", "a program", () => ({ ...facts, code }));
  const second = modules.compile("right", "a program", () => {
    throw new Error("rendered twice");
  });
  assertEquals([first, counts.get("cuLibraryLoadData")], [second, 2]);
});

Deno.test("facts of the cards are what the driver says of them", () => {
  const { library, failures } = interpretedDriver({ ...interpretedCard, capability: 86 });
  assertEquals(cardsOf(library), [{ ...interpretedCard, capability: 86 }]);
  failures.set("cuDeviceGetCount", 100);
  assertThrows(
    () => cardsOf(library),
    DeviceError,
    "Cannot use CUDA as cuDeviceGetCount failed: no card is there (CUDA error 100)",
  );
});

Deno.test("a card is given back once what is being read has come, and not before", async () => {
  const { backend, library, state } = interpretedCuda();
  let end = () => {};
  Object.assign(library, {
    wait: (stream: number) =>
      new Promise<number>((resolve) =>
        end = () => resolve(library.calls.cuStreamSynchronize(stream))
      ),
  });
  const device = new Device(backend);
  using _scope = device.scope("held");
  const read = tensor(device, [3, 5]).read();
  await new Promise((resume) => setTimeout(resume));
  const closed = device[Symbol.asyncDispose]();
  await new Promise((resume) => setTimeout(resume));
  assert(state.open.has("library"), "closed under a read");
  end();
  assertEquals([...await read], [3, 5]);
  await closed;
  assertEquals([...state.open], []);
});

Deno.test("a card that is abandoned is left as it is", async () => {
  const { backend, state, counts } = interpretedCuda();
  backend.abandon();
  await backend[Symbol.asyncDispose]();
  assert(state.open.has("library"));
  assertEquals(counts.get("cuStreamSynchronize"), undefined);
});
