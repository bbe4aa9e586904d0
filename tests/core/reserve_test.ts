import { assertStrictEquals, assertThrows } from "@std/assert";
import { DeviceError, IndexError } from "../../core/errors.ts";
import { reserve } from "../../core/reserve.ts";

Deno.test("reserve() tells of memory that an engine cannot make, and hands other errors on", () => {
  assertThrows(
    () => reserve(2 ** 52, () => new ArrayBuffer(2 ** 52)),
    DeviceError,
    "Cannot reserve 4503599627370496 bytes of memory: found too little",
  );
  const other = new IndexError("Cannot do it");
  const thrown = assertThrows(() =>
    reserve(8, () => {
      throw other;
    })
  );
  assertStrictEquals(thrown, other);
  const made = new ArrayBuffer(8);
  assertStrictEquals(reserve(8, () => made), made);
});
