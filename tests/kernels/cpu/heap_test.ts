import { assert, assertEquals } from "@std/assert";
import { Heap } from "../../../kernels/cpu/wasm/threads/heap.ts";

const first = 1024;

for (const shared of [false, true]) {
  const kind = shared ? "shared " : "";
  Deno.test(`the ${kind}memory of a closed heap is that of the next, and begins with zeros`, () => {
    const other = Heap.open(!shared, first)!;
    other.close(true);
    const heap = Heap.open(shared, first)!;
    const start = heap.allocate(100)!;
    new Uint8Array(heap.memory.buffer, 0, start + 100).fill(7);
    heap.close(true);
    const next = Heap.open(shared, first)!;
    assert(next.memory === heap.memory);
    assertEquals(new Uint8Array(next.memory.buffer, 0, first), new Uint8Array(first));
    assertEquals(next.allocate(100), start);
    next.close(true);
    assertEquals([heap.type.shared, heap.memory === other.memory], [shared, false]);
  });
}

Deno.test("a heap that is closed twice is given to one alone", () => {
  const heap = Heap.open(false, first)!;
  heap.close(true);
  heap.close(true);
  const [one, other] = [Heap.open(false, first)!, Heap.open(false, first)!];
  assert(one.memory !== other.memory);
  one.close(true);
  other.close(true);
});

Deno.test("a heap that used much is not kept, though it gave all of it back", () => {
  const heap = Heap.open(false, first)!;
  const bytes = 2 ** 25;
  heap.release(heap.allocate(bytes)!, bytes);
  heap.close(true);
  assert(Heap.open(false, first)!.memory !== heap.memory);
});

Deno.test("the memory that other threads have is never left to another heap", () => {
  const heap = Heap.open(true, first)!;
  heap.close(false);
  for (const shared of [true, false]) {
    const next = Heap.open(shared, first)!;
    assertEquals([next.type.shared, next.memory === heap.memory], [shared, false]);
  }
});

Deno.test("a shared memory grows with what it holds, and what was written stays in view", () => {
  const heap = Heap.open(true, first)!;
  const { buffer } = heap.memory;
  assert(buffer.byteLength <= 2 ** 22);
  const view = new Uint8Array(buffer, heap.allocate(100)!, 100).fill(7);
  for (const bytes of [2 ** 20, 2 ** 26, 2 ** 30]) {
    const address = heap.allocate(bytes)!;
    const { byteLength } = heap.memory.buffer;
    assert(byteLength >= address + bytes && byteLength <= 1.3 * (address + bytes) + 2 ** 22);
    const whole = new Uint8Array(heap.memory.buffer);
    whole[view.byteOffset]!++;
    whole[address + bytes - 1] = 1;
  }
  assertEquals([view[0], view[1]], [10, 7]);
  assertEquals(heap.allocate(2 ** 32), undefined);
});
