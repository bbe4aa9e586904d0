import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { ShapeError } from "../../core/errors.ts";
import { asStrided, empty, tensorFromParts } from "../../core/memory.ts";
import { tensor } from "../../core/tensor.ts";
import { withDevice } from "../support/with_device.ts";

Deno.test("empty() reserves room of the shape and type that is asked for", () =>
  withDevice("f64", (device) => {
    const before = device.backend.statistics.bytes;
    using floats = empty(device, [3, 2]);
    using words = empty(device, [5], "u32");
    assertEquals([floats.shape, floats.dtype], [[3, 2], "f64"]);
    assertEquals([words.shape, words.dtype], [[5], "u32"]);
    assertEquals(device.backend.statistics.bytes - before, 6 * 8 + 5 * 4);
  }));

Deno.test("tensorFromParts() asks for a part after the one before it was used up", () =>
  withDevice("f64", async (device) => {
    // One buffer serves all parts: a part that was not copied at once would be overwritten.
    const shared = new Float64Array(2);
    async function* parts() {
      for (const start of [1, 3, 5]) {
        shared.set([start, start + 1]);
        await Promise.resolve();
        yield shared;
      }
    }
    using x = await tensorFromParts(device, [2, 3], "f64", parts());
    assertEquals([...await x.read()], [1, 2, 3, 4, 5, 6]);
    using halves = await tensorFromParts(device, [3], "bf16", [
      new Uint16Array([0x3F80]),
      Promise.resolve(new Uint16Array([0x4000, 0xC040])),
    ]);
    assertEquals([...await halves.read()], [1, 2, -3]);
  }));

Deno.test("tensorFromParts() refuses too few and too many bytes and gives the memory back", () =>
  withDevice("f64", async (device) => {
    const { buffers } = device.backend.statistics;
    for (const lengths of [[], [3], [2, 3], [4, 1, 1]]) {
      const parts = lengths.map((length) => new Float64Array(length));
      const found = 8 * lengths.reduce((sum, length) => sum + length, 0);
      await assertRejects(
        () => tensorFromParts(device, [2, 2], "f64", parts, "encoder.weight"),
        ShapeError,
        `Cannot fill tensor encoder.weight as 32 bytes are required: found ${found}`,
      );
      assertEquals(device.backend.statistics.buffers, buffers);
    }
  }));

Deno.test("asStrided() shows the memory of a tensor, also what the tensor does not", () =>
  withDevice("f64", async (device) => {
    const x = tensor(device, [0, 1, 2, 3, 4, 5], [2, 3]);
    assertEquals([...await asStrided(x, [3, 2]).read()], [0, 1, 2, 3, 4, 5]);
    assertEquals([...await asStrided(x, [3, 2], [1, 3]).read()], [0, 3, 1, 4, 2, 5]);
    assertEquals([...await asStrided(x, [2, 2], [3, 0], 2).read()], [2, 2, 5, 5]);
    assertEquals([...await asStrided(x, [3], [-2], 5).read()], [5, 3, 1]);
    const row = asStrided(x, [2], [1], 4);
    assertEquals([...await asStrided(row, [6]).read()], [0, 1, 2, 3, 4, 5]);
  }));

Deno.test("asStrided() refuses elements outside the memory", () =>
  withDevice("f64", (device) => {
    const x = tensor(device, [0, 1, 2, 3, 4, 5]);
    assertThrows(
      () => asStrided(x, [2, 3], [3, 1], 1),
      ShapeError,
      "Cannot view memory of 6 elements as [2,3] with strides [3,1] as all elements must lie " +
        "within it: found 1 to 6",
    );
    assertThrows(() => asStrided(x, [3], [-1], 1), ShapeError, "found -1 to 1");
  }));
