import { assert, assertEquals, assertLess, assertNotEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import {
  foldKey,
  type Key,
  normal,
  seedKey,
  threefry,
  threshold,
  uniform,
} from "../../core/random.ts";
import { DeviceError, OptionError } from "../../core/errors.ts";
import { drawFunction } from "../../kernels/cpu/javascript/functions.ts";

const draw = drawFunction();
const word = fc.integer({ min: 0, max: 0xFFFFFFFF });

Deno.test("threefry() gives the published answers", () => {
  const ones = 0xFFFFFFFF;
  assertEquals(threefry([0, 0], 0, 0), [0x6B200159, 0x99BA4EFE]);
  assertEquals(threefry([ones, ones], ones, ones), [0x1CB996FC, 0xBB002BE7]);
  assertEquals(
    threefry([0x13198A2E, 0x03707344], 0x243F6A88, 0x85A308D3),
    [0xC4923A9C, 0x483DF7A0],
  );
});

Deno.test("draw() of the CPU is the word of threefry() that the position's last bit picks", () => {
  fc.assert(
    fc.property(word, word, word, word, (k0, k1, first, position) => {
      const block = threefry([k0, k1], first, position >>> 1);
      assertEquals(draw(k0, k1, first, position), block[position & 1]);
    }),
    { numRuns: 2000 },
  );
});

Deno.test("foldKey() refuses what is neither a word nor a path", () => {
  for (const by of [undefined, null, 1n, {}]) {
    assertThrows(
      () => foldKey([0, 0], by as unknown as string),
      OptionError,
      "Cannot derive a key",
    );
  }
});

Deno.test("seedKey() keeps all bits of a safe integer", () => {
  assertEquals(seedKey(0), [0, 0]);
  assertEquals(seedKey(2 ** 32 + 5), [1, 5]);
  assertEquals(seedKey(Number.MAX_SAFE_INTEGER), [2 ** 21 - 1, 0xFFFFFFFF]);
});

Deno.test("fold() gives keys that do not meet, for numbers, paths and their order", () => {
  const root = seedKey(7);
  const paths = Array.from({ length: 200 }, (_, i) => `layer.${i >> 2}/${"abcd"[i & 3]}`);
  const keys: Key[] = [root];
  for (let i = 0; i < 200; i++) keys.push(foldKey(root, i));
  for (const path of paths) keys.push(foldKey(root, path));
  keys.push(foldKey(foldKey(root, 1), 2), foldKey(foldKey(root, 2), 1), foldKey(root, "1"));
  for (const path of paths) keys.push(foldKey(foldKey(root, 3), path));
  assertEquals(new Set(keys.map(String)).size, keys.length);
  assertEquals(foldKey(root, "a"), foldKey(root, "a"));
  // The number that FNV-1a makes of "a".
  assertNotEquals(foldKey(root, "a"), foldKey(root, 0xE40C292C));
  assertNotEquals(foldKey(root, 1), foldKey(seedKey(8), 1));
});

Deno.test("fold() gives streams without correlation", () => {
  const [root, count] = [seedKey(1), 40_000];
  const streams = [
    foldKey(root, 1),
    foldKey(root, 2),
    foldKey(root, "1"),
    foldKey(foldKey(root, 1), 1),
  ]
    .map((key) => uniform(key, count));
  streams.forEach((a, i) =>
    streams.slice(i + 1).forEach((b) => {
      const product = a.reduce((sum, x, at) => sum + (x - 0.5) * (b[at]! - 0.5), 0) / count;
      // Five deviations of the mean of a product of two such numbers: 1/12 / sqrt(count).
      assertLess(Math.abs(product), 5 / 12 / Math.sqrt(count));
    })
  );
});

/** Mean of a power of the deviations from `center`. */
function moment(x: Float64Array, power: number, center: number): number {
  return x.reduce((sum, value) => sum + (value - center) ** power, 0) / x.length;
}

Deno.test("uniform() has the moments of the uniform distribution, in [0, 1)", () => {
  const count = 100_000;
  for (const seed of [1, 2, 3]) {
    const x = uniform(seedKey(seed), count);
    assert(x.every((value) => value >= 0 && value < 1));
    // Mean 1/2, variance 1/12, fourth moment 1/80; five deviations each.
    assertLess(Math.abs(moment(x, 1, 0) - 1 / 2), 5 * Math.sqrt(1 / 12 / count));
    assertLess(Math.abs(moment(x, 2, 0.5) - 1 / 12), 5 * Math.sqrt((1 / 80 - 1 / 144) / count));
    const bins = new Array<number>(16).fill(0);
    x.forEach((value) => bins[Math.floor(value * 16)]!++);
    const expected = count / 16;
    const chi = bins.reduce((sum, n) => sum + (n - expected) ** 2 / expected, 0);
    // 99.9999 % point of chi squared with 15 degrees of freedom: 55.4.
    assertLess(chi, 55.4);
  }
});

Deno.test("normal() has the moments of the normal distribution", () => {
  const count = 100_000;
  for (const seed of [1, 2, 3]) {
    const x = normal(seedKey(seed), count);
    assert(x.every(Number.isFinite));
    // Mean 0, variance 1, third moment 0, fourth 3, with variances 1, 2, 15 and 96.
    assertLess(Math.abs(moment(x, 1, 0)), 5 * Math.sqrt(1 / count));
    assertLess(Math.abs(moment(x, 2, 0) - 1), 5 * Math.sqrt(2 / count));
    assertLess(Math.abs(moment(x, 3, 0)), 5 * Math.sqrt(15 / count));
    assertLess(Math.abs(moment(x, 4, 0) - 3), 5 * Math.sqrt(96 / count));
  }
});

Deno.test("uniform() and normal() of a shorter count are the beginning of a longer one", () => {
  const key = seedKey(4);
  for (const make of [uniform, normal]) {
    const long = make(key, 11);
    for (let count = 0; count <= 11; count++) {
      assertEquals([...make(key, count)], [...long.subarray(0, count)]);
    }
  }
});

Deno.test("threshold() drops the share that is asked for", () => {
  assertEquals([threshold(0), threshold(0.5), threshold(0.25)], [0, 2 ** 31, 2 ** 30]);
  for (const rate of [0.01, 0.1, 0.3]) {
    const [key, count] = [seedKey(9), 100_000];
    let dropped = 0;
    for (let i = 0; i < count; i++) {
      if (draw(key[0], key[1], 3, i) < threshold(rate)) dropped++;
    }
    const deviation = Math.sqrt(rate * (1 - rate) / count);
    assertLess(Math.abs(dropped / count - rate), 5 * deviation);
  }
});

Deno.test("numbers that no memory holds are an error of the device", () => {
  for (const draw of [uniform, normal]) {
    assertThrows(() => draw([0, 1], 2 ** 50), DeviceError, "Cannot reserve");
  }
});
