import { assertEquals } from "@std/assert";
import { crc32c, tfRecord } from "../../../train/files/tf_record.ts";

const hex = (bytes: Uint8Array) => bytes.toHex();

Deno.test("crc32c() has the values of RFC 3720, appendix B.4", () => {
  const rows: [Uint8Array, number][] = [
    [new Uint8Array(32), 0x8a9136aa],
    [new Uint8Array(32).fill(0xff), 0x62a8ab43],
    [Uint8Array.from({ length: 32 }, (_, i) => i), 0x46dd794e],
    [Uint8Array.from({ length: 32 }, (_, i) => 31 - i), 0x113fdb5c],
    [new TextEncoder().encode("123456789"), 0xe3069283],
    [new Uint8Array(0), 0],
  ];
  for (const [bytes, value] of rows) assertEquals(crc32c(bytes), value, hex(bytes));
});

Deno.test("tfRecord() frames a content as TensorFlow does, byte for byte", () => {
  // Written by the RecordWriter of the Python package tensorboard 2.21.
  const written = "0500000000000000eab2043e68656c6c6fbb1f1c19";
  assertEquals(hex(tfRecord(new TextEncoder().encode("hello"))), written);
});
