import { assert, assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { OptionError } from "../../../core/errors.ts";
import { normalCdf, normalQuantile } from "../../../train/statistics/normal.ts";

Deno.test("normalCdf() ends at 0 and 1, and hands NaN on", () => {
  const ends = [-Infinity, -1e300, -40, 0, 40, Infinity, NaN].map(normalCdf);
  assertEquals(ends, [0, 0, 0, 0.5, 1, 1, NaN]);
});

Deno.test("normalCdf() is the integral of the density, by Simpson's rule", () => {
  const density = (z: number) => Math.exp(-z * z / 2) / Math.sqrt(2 * Math.PI);
  for (let z = -6; z < 6; z += 0.5) {
    const mass = [0, 1, 2, 3, 4, 5, 6, 7].reduce((sum, k) => {
      const [a, h] = [z + k / 16, 1 / 16];
      return sum + h / 6 * (density(a) + 4 * density(a + h / 2) + density(a + h));
    }, 0);
    assert(Math.abs(normalCdf(z + 0.5) - normalCdf(z) - mass) < 1e-8, `at ${z}`);
  }
});

Deno.test("normalQuantile() undoes normalCdf(), far into the tail", () =>
  fc.assert(
    fc.property(fc.double({ min: -37, max: 0, noNaN: true }), (z) => {
      // Both are exact to 1e-15, and a relative error of the share is 1.26 of it in z at most.
      const error = Math.abs(normalQuantile(normalCdf(z)) - z);
      assert(error <= 2.3e-15 * Math.max(1, -z), `${z}: ${error}`);
    }),
    { numRuns: 2000 },
  ));

Deno.test("normalQuantile() is odd around one half, and rises", () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 2 ** 20 - 1 }), (k) => {
      const p = k / 2 ** 20;
      assertEquals(normalQuantile(1 - p) + normalQuantile(p), 0);
      assert(normalQuantile(p + 2 ** -21) > normalQuantile(p));
    }),
    { numRuns: 1000 },
  );
});

Deno.test("normalQuantile() of 0, 1 and the least double; what is no share is refused", () => {
  assertEquals([0, 0.5, 1].map((p) => normalQuantile(p) + 0), [-Infinity, 0, Infinity]);
  assert(Math.abs(normalQuantile(5e-324) + 38.46740561714434) < 1e-13);
  for (const p of [-1e-9, 1.5, NaN]) {
    assertThrows(() => normalQuantile(p), OptionError, `found ${p}`);
  }
});
