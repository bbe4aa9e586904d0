// Memory of the card, and copies from and to it.
import { assert, assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import type { Bound, Buffer } from "../../../core/backend.ts";
import { DeviceError } from "../../../core/errors.ts";
import { input } from "../../../core/expr.ts";
import { add } from "../../../core/ops/elementwise.ts";
import { full, zeros } from "../../../core/ops/create.ts";
import { rowProgram } from "../../../core/program.ts";
import { tensor } from "../../../core/tensor.ts";
import { type CardBuffer, CardMemory } from "../../../kernels/cuda/memory/card_memory.ts";
import { Ranges, roundedBytes } from "../../../kernels/cuda/memory/ranges.ts";
import { withInterpreted } from "../../support/interpreted_device.ts";

const mebibyte = 2 ** 20;

Deno.test("ranges never overlap, the lowest that fits is given out, and neighbours join", () => {
  const steps = fc.array(fc.tuple(fc.boolean(), fc.integer({ min: 1, max: 9 })), { maxLength: 80 });
  fc.assert(fc.property(steps, (list) => {
    const ranges = new Ranges();
    ranges.grow(100);
    const taken: { start: number; size: number }[] = [];
    const isFree = (start: number, size: number) =>
      start + size <= 100 &&
      taken.every((t) => start + size <= t.start || start >= t.start + t.size);
    for (const [gives, size] of list) {
      if (gives && taken.length > 0) {
        const [{ start, size: own }] = taken.splice(size % taken.length, 1) as [typeof taken[0]];
        ranges.give(start, own);
        continue;
      }
      const lowest = Array.from({ length: 100 }, (_, i) => i).find((start) => isFree(start, size));
      const start = ranges.take(size);
      assertEquals(start, lowest);
      if (start !== undefined) taken.push({ start, size });
    }
    const last = Math.max(0, ...taken.map(({ start, size }) => start + size));
    assertEquals(ranges.tail, 100 - last);
    for (const { start, size } of taken) ranges.give(start, size);
    assertEquals([ranges.tail, ranges.take(100)], [100, 0]);
  }));
});

Deno.test("a range of no bytes has room, and all begin at multiples of 512", () => {
  assertEquals([0, 1, 512, 513].map(roundedBytes), [512, 512, 512, 1024]);
});

Deno.test("small buffers lie together, and leave room for large ones where none is left", async () => {
  await withInterpreted({}, (_, { backend }) => {
    const take = (bytes: number) => backend.allocate(bytes) as CardBuffer;
    const large = take(2 ** 20);
    const small = Array.from({ length: 600 }, () => take(4096));
    const next = take(2 ** 20);
    const places = small.map(({ address }) => Math.floor((address - large.address) / 2 ** 20));
    assertEquals(new Set(places), new Set([1, 2, 3]));
    assertEquals(new Set(small.map(({ address }) => address)).size, 600);
    assertEquals(next.address - large.address, 4 * 2 ** 20);
    for (const buffer of small) backend.release(buffer);
    const whole = take(3 * 2 ** 20);
    assertEquals(whole.address - large.address, 2 ** 20);
    for (const buffer of [large, next, whole]) backend.release(buffer);
  });
});

Deno.test("memory that is given back is used again, at the lowest address that fits", async () => {
  await withInterpreted({}, (_, { backend, counts }) => {
    const take = (bytes: number) => backend.allocate(bytes) as CardBuffer;
    const [a, b, c] = [take(10_000), take(50_000), take(8000)];
    assert(a.address < b.address && b.address < c.address && c.address % 512 === 0);
    backend.release(b);
    backend.release(a);
    const whole = take(60_000);
    assertEquals(whole.address, a.address);
    const after = take(6000);
    assert(after.address > c.address);
    for (const buffer of [whole, after, c]) backend.release(buffer);
    assertEquals(counts.get("cuMemCreate"), 1);
    assertEquals(backend.heldBytes, 32 * mebibyte);
  });
});

Deno.test("memory grows by what the end lacks, at least 32 MiB where the card has them", async () => {
  await withInterpreted({}, (_, { backend, state }) => {
    const first = backend.allocate(20 * mebibyte);
    assertEquals(backend.heldBytes, 32 * mebibyte);
    // 12 MiB are free at the end: 38 are needed.
    const second = backend.allocate(50 * mebibyte) as CardBuffer;
    assertEquals(backend.heldBytes, 70 * mebibyte);
    assertEquals(second.address - (first as CardBuffer).address, 20 * mebibyte);
    state.limit = 90 * mebibyte;
    // No 32 MiB are left, but what is needed is.
    const third = backend.allocate(15 * mebibyte);
    assertEquals(backend.heldBytes, 86 * mebibyte);
    for (const buffer of [first, second, third]) backend.release(buffer);
  });
});

Deno.test("work that comes again has its memory where it had it, until others need the room", async () => {
  await withInterpreted({}, (_, { backend }) => {
    const memory = new CardMemory(backend.driver);
    const first = memory.takeAgain(20 * mebibyte);
    memory.take(mebibyte);
    assertEquals(memory.takeAgain(10 * mebibyte), first);
    // 11 MiB are free at the end.
    const other = memory.take(12 * mebibyte);
    assertEquals([other.address, memory.heldBytes], [first.address, 32 * mebibyte]);
    const next = memory.takeAgain(8 * mebibyte);
    assertEquals(next.address, first.address + 12 * mebibyte);
    assertEquals(memory.takeAgain(11 * mebibyte).address, first.address + 21 * mebibyte);
    assertEquals(memory.take(8 * mebibyte).address, next.address);
    assertEquals(memory.heldBytes, 32 * mebibyte);
    memory.close();
  });
});

Deno.test("a card without memory left is named with bytes, shape and what it has", async () => {
  await withInterpreted({}, async (device, { backend, state }) => {
    state.limit = 40 * mebibyte;
    const kept = zeros(device, [1024, 1024]);
    const error = assertThrows(() => zeros(device, [4096, 4096]), DeviceError);
    assertEquals(
      error.message,
      "Cannot hold a tensor of 67108864 bytes (shape [4096,4096]) as an interpreted card has " +
        "8388608 of 268435456 bytes free, and 33554432 are held here",
    );
    assertThrows(() => backend.allocate(2 ** 30), DeviceError, "a tensor of 1073741824 bytes as");
    // The device goes on.
    assertEquals((await add(kept, 1).read())[0], 1);
  });
});

Deno.test("an error of the driver's other than full memory is told as it is", async () => {
  await withInterpreted({}, (_, { backend, failures }) => {
    failures.set("cuMemCreate", 999);
    assertThrows(
      () => backend.allocate(10),
      DeviceError,
      "cuMemCreate failed: the reason is unknown",
    );
    failures.clear();
  });
});

Deno.test("reads larger than the pinned memory come whole, several at once in order", async () => {
  await withInterpreted({}, async (device, { counts }) => {
    const large = Float32Array.from({ length: 2.5 * mebibyte }, (_, i) => i % 9973);
    const x = tensor(device, large);
    const small = full(device, [3], 7);
    const [first, second, third] = await Promise.all([x.read(), small.read(), add(x, 1).read()]);
    assertEquals([...second], [7, 7, 7]);
    assert(first.every((value, i) => value === i % 9973));
    assert(third.every((value, i) => value === i % 9973 + 1));
    // 10 MiB in pieces of 4, twice, and the small one.
    assertEquals(counts.get("cuMemcpyDtoHAsync_v2"), 7);
    assertEquals([...await zeros(device, [0]).read()], []);
  });
});

Deno.test("what is written may change at once, and comes after what was queued", async () => {
  const addOne = rowProgram(["f32"], [input(0, "f32", 3).add(1)]);
  await withInterpreted({}, async (_, { backend }) => {
    const [from, to] = [backend.allocate(8), backend.allocate(8)];
    const bound = (buffer: Buffer): Bound => ({ buffer, dtype: "f32", offset: 0, strides: [1] });
    const [inputs, outputs] = [[bound(from)], [bound(to)]];
    const source = Float32Array.of(1, 2);
    backend.write(from, 0, source);
    backend.run(addOne, { space: [2], inputs, outputs, indices: [], scalars: [] });
    source.fill(7);
    backend.write(from, 4, source.subarray(0, 1));
    source.fill(0);
    backend.write(from, 0, source.subarray(0, 0));
    const read = async (
      buffer: Buffer,
      at: number,
      bytes: number,
    ) => [...new Float32Array(await backend.read(buffer, at, bytes))];
    assertEquals(await read(to, 0, 8), [2, 3]);
    assertEquals(await read(from, 0, 8), [1, 7]);
    assertEquals(await read(from, 4, 4), [7]);
    for (const buffer of [from, to]) backend.release(buffer);
  });
});
