// Threads that compile programs: whatever they do or leave, each program is compiled once.
import { assert, assertEquals, assertNotEquals, assertRejects } from "@std/assert";
import { Device } from "../../../core/device.ts";
import { DeviceError } from "../../../core/errors.ts";
import { add, mul } from "../../../core/ops/elementwise.ts";
import { sumRow } from "../../../core/ops/rowwise.ts";
import { tensor } from "../../../core/tensor.ts";
import { Compilers, compilersOf, type Compiling } from "../../../kernels/cuda/driver/compilers.ts";
import { withInterpreted } from "../../support/interpreted_device.ts";
import { interpretedCuda } from "../../support/ptx/interpreted_driver.ts";

/**
 * A driver in a worker: handles are 2^33 and the text's length, what begins with `!` is refused, and
 * `?` breaks the worker.
 */
const host = `{
  dlopen: (path, symbols) => ({
    symbols: {
      cuLibraryLoadData: (out, text, ...none) => {
        if (path !== "driver" || none.join() !== "0,0,0,0,0,0") return 1;
        if (text[0] === 63) throw new Error("broken");
        const handle = 2n ** 33n + BigInt(text.length);
        new DataView(out.buffer).setBigUint64(0, handle, true);
        return text[0] === 33 ? 218 : 0;
      },
    },
    close() {},
  }),
}`;

const started = (path: string, threads = 1) => {
  const compilers = new Compilers({ path, threads, host });
  compilers.took(1000);
  return compilers;
};

const textOf = (length: number, first = 47) => new Uint8Array(length).fill(first);
const delay = (milliseconds: number) => new Promise((ok) => setTimeout(ok, milliseconds));

/** Posts a text again and again until a thread has compiled it. */
async function loaded(compilers: Compilers, text: Uint8Array) {
  for (;;) {
    const number = compilers.post(text)!;
    await delay(5);
    const program = compilers.take(number);
    if (program !== undefined) return program;
  }
}

Deno.test("threads begin once a program has taken long", () => {
  const compilers = new Compilers({ path: "driver", threads: 1, host });
  compilers.took(5);
  assertEquals(compilers.post(textOf(3)), undefined);
  compilers.took(50);
  compilers.took(5);
  assertEquals(compilers.post(textOf(3)), 0);
  compilers.close();
  assertEquals(compilersOf({ path: "driver", threads: 0 }), undefined);
});

Deno.test("a thread hands over what it has loaded, and the driver's refusals", async () => {
  const compilers = started("driver", 3);
  for (const length of [1, 70, 30_000]) {
    assertEquals(await loaded(compilers, textOf(length)), { code: 0, handle: 2 ** 33 + length });
  }
  assertEquals((await loaded(compilers, textOf(9, 33))).code, 218);
  assertEquals((await loaded(compilers, textOf(9, 63))).code, 999);
  assertEquals(compilers.close(), []);
  const refused = started("another");
  assertEquals((await loaded(refused, textOf(4))).code, 1);
  refused.close();
});

Deno.test("programs that nobody took are told at the end", async () => {
  const compilers = started("driver");
  compilers.post(textOf(123));
  // The one thread takes the first text first.
  await loaded(compilers, textOf(5));
  assertEquals(compilers.close(), [2 ** 33 + 123]);
});

Deno.test("what no thread has begun is the caller's, as all is where threads fail", async () => {
  const failing = new Compilers({ path: "driver", threads: 2, host: "undefined" });
  failing.took(1000);
  const numbers = Array.from({ length: 5 }, () => failing.post(textOf(7))!);
  await delay(100);
  assertEquals(numbers.map((number) => failing.take(number)), Array(5).fill(undefined));
  assertEquals(failing.close(), []);
});

Deno.test("there is room for so many texts, those after them are the host's", () => {
  const compilers = started("driver", 0);
  assertEquals(compilers.post(textOf(2 ** 24)), 0);
  assertEquals(compilers.post(textOf(1)), undefined);
  compilers.close();
});

/** Programs that are never begun by a thread, or refused where `code` says so. */
function pretended(code?: number): Compiling & { readonly posted: number[] } {
  const posted: number[] = [];
  return {
    posted,
    took: () => {},
    post: () => posted.push(posted.length) - 1,
    take: () => code === undefined ? undefined : { code, handle: 0 },
    close: () => [],
  };
}

const results = async (device: Device) => {
  using _scope = device.scope("results");
  let x = tensor(device, [[1, 2, 3], [4, 5, 6]]);
  for (let i = 0; i < 40; i++) x = add(mul(x, 0.5), 1);
  return [...await sumRow(x).read()];
};

Deno.test("launches wait together for programs, and have the results of those compiled at once", async () => {
  let expected: number[] = [];
  await withInterpreted({}, async (device) => {
    expected = await results(device);
  });
  const compilers = pretended();
  await withInterpreted({ compilers }, async (device, { counts }) => {
    using _scope = device.scope("waiting");
    const count = () =>
      (["cuLaunchKernel", "cuLibraryLoadData"] as const).map((name) => counts.get(name) ?? 0);
    let x = tensor(device, [1, 2]);
    for (let i = 0; i < 40; i++) x = add(x, 1);
    assertEquals(count(), [0, 0]);
    assertEquals([...await x.read()], [41, 42]);
    assertEquals(count(), [40, 1]);
    for (let i = 0; i < 16; i++) x = add(x, 1);
    assertEquals(count(), [56, 1]);
    assertEquals(await results(device), expected);
  });
  assert(compilers.posted.length > 2);
});

Deno.test("a text that a thread's driver refuses is told at the launch, each time", async () => {
  const { backend } = interpretedCuda("float32", { compilers: pretended(218) });
  const device = new Device(backend);
  const message = "cuLibraryLoadData failed: the text of a program is invalid (CUDA error 218)";
  for (let i = 0; i < 2; i++) await assertRejects(() => results(device), DeviceError, message);
  assertNotEquals(backend.launches.launches, 0);
  await device[Symbol.asyncDispose]();
});
