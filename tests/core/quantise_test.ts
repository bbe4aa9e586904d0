import { assert, assertAlmostEquals, assertEquals, assertRejects, assertThrows } from "@std/assert";
import fc from "fast-check";
import { quantisedFormats } from "../../core/dtype.ts";
import { ShapeError } from "../../core/errors.ts";
import { transpose } from "../../core/ops/view.ts";
import { quantisedBytes } from "../../core/quantisation.ts";
import { quantisedParts } from "../../core/quantise.ts";
import { quantisedTensor } from "../../core/quantised.ts";
import { storedBytes } from "../../core/storage.ts";
import golden from "../golden/bitsandbytes/nf4.json" with { type: "json" };
import { codesAndScales, cut, memoryOf, numbersOf, weights } from "../support/quantised_cases.ts";
import { withDevice } from "../support/with_device.ts";

/** What `make.py` quantised. */
function goldenNumbers(): Float32Array {
  return Float32Array.from({ length: golden.count }, (_, i) => {
    const unit = Number(BigInt(i) * 2654435761n % 2n ** 32n) / 2 ** 32 - 0.5;
    return i >= 64 && i < 128 ? 0 : unit * unit * unit * (1 + Math.floor(i / 64) % 7);
  });
}

function bytesOf(text: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
}

Deno.test("nf4 has the codes, the codes of scales and the levels of bitsandbytes", async () => {
  const words = await memoryOf("nf4", goldenNumbers());
  const { codes, scaleCodes } = codesAndScales("nf4", words, golden.count);
  const theirs = [...bytesOf(golden.codes)].flatMap((byte) => [byte >> 4, byte & 15]);
  assertEquals(codes, theirs.slice(0, golden.count));
  assertEquals(scaleCodes, [...bytesOf(golden.scaleCodes)]);
  const floats = new Float32Array(words.buffer);
  assertEquals(floats.subarray(-256), new Float32Array(bytesOf(golden.levels).buffer));
  const blocks = Math.ceil(golden.count / 64);
  const groups = Math.ceil(blocks / 256);
  const behind = 64 * (Math.ceil(blocks / 8) + groups);
  const theirLargest = new Float32Array(bytesOf(golden.largest).buffer);
  // torch sums the mean in another order.
  floats.subarray(behind, behind + groups).forEach((x, i) => {
    assertAlmostEquals(x, theirLargest[i]!, 2 ** -23);
  });
  assertAlmostEquals(floats[behind + groups]!, golden.mean, 2 ** -23);
});

Deno.test("a number in nf4 is off by at most half of the widest gap, and a little for the scale", async () => {
  const numbers = weights(40_000);
  const found = numbersOf("nf4", await memoryOf("nf4", numbers), numbers.length);
  for (let at = 0; at < numbers.length; at += 64) {
    const block = numbers.subarray(at, at + 64);
    const largest = block.reduce((most, x) => Math.max(most, Math.abs(x)), 0);
    block.forEach((x, i) =>
      assert(Math.abs(found[at + i]! - x) <= 0.153 * largest + 0.003, `${x}`)
    );
  }
});

Deno.test("a number in int8 is off by at most half of a step of its block", async () => {
  const numbers = weights(5000);
  const words = await memoryOf("int8", numbers);
  const { scales } = codesAndScales("int8", words, numbers.length);
  numbersOf("int8", words, numbers.length).forEach((x, i) => {
    assert(Math.abs(x - numbers[i]!) <= 0.5001 * scales[i >> 6]!, `${i}: ${x} for ${numbers[i]}`);
  });
  const block = Float32Array.from({ length: 64 }, (_, i) => i === 5 ? -127 : i);
  assertEquals(numbersOf("int8", await memoryOf("int8", block), 64), block);
});

for (const dtype of quantisedFormats) {
  Deno.test(`the largest floats, the smallest and none at all stay finite in ${dtype}`, async () => {
    const most = 3.4028234663852886e38;
    for (const scale of [most, 1e-40, 1e-45, 0]) {
      const numbers = Float32Array.from({ length: 130 }, (_, i) => scale * [1, -1, 0.5][i % 3]!);
      const found = numbersOf(dtype, await memoryOf(dtype, numbers), numbers.length);
      await withDevice("f32", async (device) => {
        using _scope = device.scope("codes");
        const read = await (await quantisedTensor(device, [130], dtype, cut(numbers))).read();
        assertEquals(read, found);
        read.forEach((x, i) =>
          assert(Math.abs(x - numbers[i]!) <= scale / 6 + 1e-38, `${x} at ${i}`)
        );
      });
    }
  });

  Deno.test(`the memory in ${dtype} is the same however the numbers are cut`, () =>
    fc.assert(
      fc.asyncProperty(fc.integer({ min: 0, max: 1500 }), fc.integer({ min: 1, max: 700 }), async (
        count,
        size,
      ) => {
        const numbers = weights(count);
        const collected: number[] = [];
        for await (const part of quantisedParts(dtype, cut(numbers, size))) {
          collected.push(...part);
        }
        assertEquals(Uint32Array.from(collected), await memoryOf(dtype, numbers));
        assertEquals(4 * collected.length, quantisedBytes(dtype, count));
      }),
      { numRuns: 30 },
    ));
}

Deno.test("a matrix takes 0.516 bytes a number in nf4, and 1.0625 in int8, with a kilobyte beside", () => {
  const count = 4096 * 11008;
  assertEquals(quantisedBytes("nf4", count), count / 2 + count / 64 + count / 4096 + 4 * 269);
  assertEquals(quantisedBytes("int8", count), count + count / 16 + 16);
});

Deno.test("a tensor in fewer bits tells its type, and no program runs on its codes", async () => {
  await withDevice("f32", async (device) => {
    using _scope = device.scope("codes");
    const numbers = weights(64 * 40);
    const matrix = await quantisedTensor(device, [64, 40], "nf4", cut(numbers));
    assertEquals(`${transpose(matrix)}`, "Tensor nf4[40, 64] on cpu");
    assertEquals(matrix.value.storage.buffer.bytes, storedBytes("nf4", 64 * 40));
    assertThrows(() => matrix.value.bound(), TypeError, "Cannot run a program on the codes of nf4");
  });
});

Deno.test("a matrix in fewer bits is the same numbers where floats have 64 bits", async () => {
  const numbers = weights(64 * 40);
  for (const dtype of quantisedFormats) {
    const expected = numbersOf(dtype, await memoryOf(dtype, numbers), numbers.length);
    await withDevice("f64", async (device) => {
      using _scope = device.scope("codes");
      const matrix = await quantisedTensor(device, [64, 40], dtype, cut(numbers));
      assertEquals(await matrix.read(), Float64Array.from(expected));
    });
  }
});

Deno.test("quantisedTensor() refuses other numbers than the shape requires", async () => {
  await withDevice("f32", async (device) => {
    const made = (count: number) =>
      quantisedTensor(device, [64, 40], "nf4", cut(weights(count)), "w");
    await assertRejects(
      () => made(64 * 39),
      ShapeError,
      "Cannot fill tensor w as 2560 numbers are required: found 2496",
    );
    await assertRejects(() => made(64 * 48), ShapeError, "found 3072");
  });
});
