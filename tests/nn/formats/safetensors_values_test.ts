import { assert, assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { OptionError, ShapeError } from "../../../core/errors.ts";
import type { FileDtype } from "../../../nn/formats/safetensors.ts";
import {
  encodeFloats,
  type FloatDtype,
  toFloat32,
  toFloat64,
} from "../../../nn/formats/safetensors_values.ts";

Deno.test("toFloat32() decodes every half-precision number as DataView does", () => {
  const bits = Uint16Array.from({ length: 65536 }, (_, index) => index);
  const view = new DataView(bits.buffer);
  const values = toFloat32(new Uint8Array(bits.buffer), "F16");
  for (let index = 0; index < 65536; index++) {
    const expected = view.getFloat16(index * 2, true);
    assert(Object.is(values[index], expected), `bits ${index}`);
  }
});

Deno.test("toFloat32() and toFloat64() convert every dtype", () => {
  const cases: [FileDtype, ArrayBuffer, number[]][] = [
    ["F64", new Float64Array([1.5, -2]).buffer, [1.5, -2]],
    ["F32", new Float32Array([1.5, -2]).buffer, [1.5, -2]],
    ["F16", new Uint16Array([0x3e00, 0xc000, 0x7c00, 0x0001]).buffer, [
      1.5,
      -2,
      Infinity,
      2 ** -24,
    ]],
    ["BF16", new Uint16Array([0x3fc0, 0xc000, 0xff80]).buffer, [1.5, -2, -Infinity]],
    ["I64", new BigInt64Array([-3n, 2n ** 40n]).buffer, [-3, 2 ** 40]],
    ["I32", new Int32Array([-3, 70000]).buffer, [-3, 70000]],
    ["U8", new Uint8Array([0, 255]).buffer, [0, 255]],
    ["BOOL", new Uint8Array([0, 1]).buffer, [0, 1]],
  ];
  for (const [dtype, buffer, expected] of cases) {
    const shifted = new Uint8Array(buffer.byteLength + 1);
    shifted.set(new Uint8Array(buffer), 1);
    for (const bytes of [new Uint8Array(buffer), shifted.subarray(1)]) {
      assertEquals([...toFloat32(bytes, dtype)], expected);
      assertEquals([...toFloat64(bytes, dtype)], expected);
    }
  }
  assertEquals(toFloat64(new Uint8Array(new Float64Array([0.1]).buffer), "F64")[0], 0.1);
  assertThrows(() => toFloat32(new Uint8Array(5), "F32"), ShapeError, "found 5 bytes");
});

Deno.test("fromFloat() rounds to the nearest, ties to even, and keeps what is not a number", () => {
  const wide = (
    values: number[],
    dtype: "F16" | "BF16",
  ) => [...toFloat64(encodeFloats(new Float64Array(values), dtype), dtype)];
  const odd = [NaN, Infinity, -Infinity, 0, -0];
  assertEquals(wide(odd, "F16"), odd);
  assertEquals(wide(odd, "BF16"), odd);
  // BF16 has 8 bits: neighbours of 256 lie 2 apart, so 257 and 259 are ties.
  assertEquals(wide([256, 257, 258, 259, 260.9, -257], "BF16"), [256, 256, 258, 260, 260, -256]);
  // F16 has 11 bits: neighbours of 2048 lie 2 apart.
  assertEquals(wide([2049, 2051, 65504, 2 ** -24, 2 ** -26], "F16"), [
    ...[2048, 2052, 65504, 2 ** -24, 0],
  ]);
  const overflows = [[65520, "F16", "65504"], [3.4e38, "BF16", "3.3895e+38"], [
    1e39,
    "F32",
    "3.4028e+38",
  ]];
  for (const [number, dtype, most] of overflows as [number, FloatDtype, string][]) {
    for (const value of [number, -number]) {
      const message = `Cannot convert to ${dtype} as at most ${most} is required: found ${value}`;
      assertThrows(() => encodeFloats(Float64Array.of(1, value), dtype), OptionError, message);
    }
  }
  assertEquals(wide([65519], "F16"), [65504]);
  assertEquals(wide([3.395e38], "BF16"), [3.3895313892515355e38]);
  fc.assert(fc.property(fc.float32Array(), (values) => {
    const bits = new Uint32Array(values.buffer);
    assertEquals(encodeFloats(values, "F32"), new Uint8Array(values.buffer));
    fc.pre(values.every((x) => !Number.isFinite(x) || Math.abs(x) < 3.3961e38));
    const halves = new Uint16Array(encodeFloats(values, "BF16").slice().buffer);
    halves.forEach((half, i) => {
      if (Number.isNaN(values[i])) return assertEquals(half, 0x7fc0);
      assert(Math.abs((half * 2 ** 16) - bits[i]!) <= 2 ** 15);
    });
  }));
});
