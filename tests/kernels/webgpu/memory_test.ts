// The pool of GPU memory and the maps by integers, on a device that only counts.
import { assert, assertEquals, assertThrows } from "@std/assert";
import { DeviceError } from "../../../core/errors.ts";
import { seedKey, uniform } from "../../../core/random.ts";
import { IntegerKey, IntegerMap } from "../../../kernels/plan/integer_map.ts";
import {
  type BufferMaker,
  type GpuBuffer,
  Pool,
  type Slab,
} from "../../../kernels/webgpu/memory/buffer_pool.ts";

/** A pool whose slabs are counted: `held` is the bytes of all that were not destroyed. */
function countingPool(budget: number) {
  const counts = { held: 0, made: 0 };
  const createBuffer = ({ size }: { size: number }) => {
    counts.held += size;
    counts.made++;
    return {};
  };
  const destroy = ({ size }: Slab) => void (counts.held -= size);
  const device = { maxBufferSize: 2 ** 20, createBuffer } as unknown as BufferMaker;
  const pool = new Pool(device, 2 ** 18, budget, destroy);
  return { pool, counts };
}

Deno.test("Pool hands out the same slabs in the same order, step after step", () => {
  const { pool, counts } = countingPool(0);
  const step = () => {
    const [a, b, c] = [pool.take(1000), pool.take(1000), pool.take(5000)];
    pool.give(b!);
    const d = pool.take(900);
    const ids = [a, b, c, d].map((buffer) => buffer!.slab.id);
    for (const buffer of [c, d, a]) pool.give(buffer!);
    return ids;
  };
  const first = step();
  assertEquals(first, [0, 1, 2, 1]);
  assertEquals(step(), first);
  assertEquals(step(), first);
  assertEquals(counts.made, 3);
});

Deno.test("Pool never holds more than the budget beyond the most that was in use", () => {
  const budget = 10_000;
  const { pool, counts } = countingPool(budget);
  const numbers = uniform(seedKey(1), 4000);
  const live: GpuBuffer[] = [];
  let [used, peak, spare] = [0, 0, 0];
  for (let i = 0; i < 4000; i += 2) {
    // Phases of small, then large buffers: what one leaves must make room for the other.
    const bytes = Math.floor((i % 800 < 400 ? 2000 : 20_000) * (0.1 + numbers[i]!));
    if (numbers[i + 1]! < 0.5 || live.length === 0) {
      const buffer = pool.take(bytes);
      assert(buffer.slab.size >= bytes);
      live.push(buffer);
      used += buffer.slab.size;
      peak = Math.max(peak, used);
    } else {
      const [buffer] = live.splice(Math.floor(numbers[i]! * live.length), 1);
      pool.give(buffer!);
      used -= buffer!.slab.size;
    }
    assert(counts.held <= peak + budget, `${counts.held} bytes at step ${i}`);
    spare = Math.max(spare, counts.held - used);
  }
  assert(spare > budget, "what waits for reuse is not destroyed before it must");
});

Deno.test("Pool never makes larger than a binding what fits one, and refuses what fits no buffer", () => {
  const { pool } = countingPool(0);
  assertEquals(pool.take(2 ** 18 - 4).slab.size, 2 ** 18);
  assert(pool.take(2 ** 18 + 4).slab.size > 2 ** 18);
  assertEquals(pool.take(2 ** 20 - 4).slab.size, 2 ** 20);
  assertThrows(() => pool.take(2 ** 20 + 4), DeviceError, "Cannot hold a tensor");
});

Deno.test("IntegerMap agrees with a map by text on lists that are much alike", () => {
  const map = new IntegerMap<number>(2 ** 14);
  const expected = new Map<string, number>();
  const key = new IntegerKey();
  const numbers = uniform(seedKey(2), 40_000);
  const look = (at: number) => {
    key.clear();
    const list: number[] = [];
    for (let i = 0; i < 1 + at % 5; i++) {
      const value = Math.floor(numbers[at + i]! * 4) * 2 ** (at % 3 * 14) - 2;
      list.push(value);
      key.add(value);
    }
    return list;
  };
  for (let at = 0; at < 39_990; at += 5) {
    const text = String(look(at));
    assertEquals(map.get(key), expected.get(text));
    if (!expected.has(text)) {
      expected.set(text, at);
      map.set(key, at);
    }
  }
  map.drop((list) => list.includes(0));
  for (let at = 0; at < 39_990; at += 7) {
    const list = look(at);
    assertEquals(map.get(key), list.includes(0) ? undefined : expected.get(String(list)));
  }
});

Deno.test("IntegerMap forgets rather than grows beyond its limit", () => {
  const map = new IntegerMap<number>(10);
  const key = new IntegerKey();
  let found = 0;
  for (const round of [0, 1]) {
    for (let i = 0; i < 25; i++) {
      key.clear();
      key.add(i);
      if (map.get(key) !== undefined) found++;
      else map.set(key, round);
    }
  }
  assert(found <= 10, `${found} of 25 were still known`);
});
