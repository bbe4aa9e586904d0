import { assert, assertEquals } from "@std/assert";
import { Heap } from "../../../kernels/cpu/wasm/threads/heap.ts";

const first = 1024;

Deno.test("the memory of a closed heap is that of the next, and begins with zeros", () => {
  const heap = Heap.open(false, first)!;
  const start = heap.allocate(100)!;
  new Uint8Array(heap.memory.buffer, 0, start + 100).fill(7);
  heap.close();
  const next = Heap.open(false, first)!;
  assert(next.memory === heap.memory);
  assertEquals(new Uint8Array(next.memory.buffer, 0, first), new Uint8Array(first));
  assertEquals(next.allocate(100), start);
  next.close();
});

Deno.test("a heap that is closed twice is given to one alone", () => {
  const heap = Heap.open(false, first)!;
  heap.close();
  heap.close();
  const [one, other] = [Heap.open(false, first)!, Heap.open(false, first)!];
  assert(one.memory !== other.memory);
  one.close();
  other.close();
});

Deno.test("a heap that used much is not kept, though it gave all of it back", () => {
  const heap = Heap.open(false, first)!;
  const bytes = 2 ** 25;
  heap.release(heap.allocate(bytes)!, bytes);
  heap.close();
  assert(Heap.open(false, first)!.memory !== heap.memory);
});

Deno.test("the memory that threads share is never left to another heap", () => {
  const heap = Heap.open(true, first)!;
  heap.close();
  for (const shared of [true, false]) {
    const next = Heap.open(shared, first)!;
    assertEquals([next.type.shared, next.memory === heap.memory], [shared, false]);
  }
});
