import { assertEquals } from "@std/assert";
import { firstNonFinite, firstNonFiniteHalf } from "../../core/finite.ts";

Deno.test("firstNonFinite() finds the first NaN or infinity, and takes no finite number for one", () => {
  for (const type of [Float32Array, Float64Array]) {
    const largest = type === Float32Array ? 3.4028234663852886e38 : Number.MAX_VALUE;
    const values = type.of(0, -0, largest, -largest, 1e-45, 5e-324, -1);
    assertEquals(firstNonFinite(values), -1);
    for (const special of [NaN, Infinity, -Infinity]) {
      for (let at = 0; at < values.length; at++) {
        const changed = values.slice();
        changed[at] = special;
        changed[values.length - 1] = NaN;
        assertEquals(firstNonFinite(changed), at);
      }
    }
    assertEquals(firstNonFinite(new type(0)), -1);
  }
});

Deno.test("firstNonFiniteHalf() agrees with the numbers that all bits stand for", () => {
  const bits = Uint16Array.from({ length: 65536 }, (_, word) => word);
  const ofHalf = (word: number) => new Float16Array(Uint16Array.of(word).buffer)[0]!;
  const ofBrain = (word: number) => new Float32Array(Uint32Array.of(word << 16).buffer)[0]!;
  for (const [dtype, number] of [["f16", ofHalf], ["bf16", ofBrain]] as const) {
    for (const word of bits) {
      const found = firstNonFiniteHalf(Uint16Array.of(0, word), dtype);
      assertEquals(found, Number.isFinite(number(word)) ? -1 : 1);
    }
  }
});
