import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import fc from "fast-check";
import { FileError, OptionError, ShapeError } from "../../../core/errors.ts";
import {
  type FileDtype,
  headerLength,
  parseHeader,
  type SafetensorsHeader,
} from "../../../nn/formats/safetensors.ts";
import { shared, sharedTest } from "../../support/shared.ts";
import {
  encodeSafetensors,
  streamSafetensors,
  type TensorData,
} from "../../../nn/formats/safetensors_write.ts";

const sizes: Record<FileDtype, number> = {
  F64: 8,
  F32: 4,
  F16: 2,
  BF16: 2,
  I64: 8,
  I32: 4,
  U8: 1,
  BOOL: 1,
};

const bytesOf = (text: string) => new TextEncoder().encode(text);

function parseFile(file: Uint8Array): SafetensorsHeader & { readonly data: Uint8Array } {
  const length = headerLength(file.subarray(0, 8), file.length, "model");
  const data = file.subarray(8 + length);
  return { ...parseHeader(file.subarray(8, 8 + length), data.length, "model"), data };
}

const parseText = (text: string, dataLength: number) =>
  parseHeader(bytesOf(text), dataLength, "model");

const tensor = (dtype: string, shape: unknown, begin: unknown, end: unknown) =>
  `{"dtype":"${dtype}","shape":${JSON.stringify(shape)},"data_offsets":[${begin},${end}]}`;

const anyTensor: fc.Arbitrary<TensorData> = fc.record({
  name: fc.string({ unit: "binary" }).filter((name) => name !== "__metadata__"),
  dtype: fc.constantFrom(...(Object.keys(sizes) as FileDtype[])),
  shape: fc.array(fc.nat(4), { maxLength: 4 }),
  fill: fc.nat(255),
}).map(({ fill, ...rest }) => {
  const count = rest.shape.reduce((product, size) => product * size, 1);
  return { ...rest, bytes: new Uint8Array(count * sizes[rest.dtype]).fill(fill) };
});
const anyTensors = fc.uniqueArray(anyTensor, { selector: ({ name }) => name });

Deno.test("encodeSafetensors() and parseHeader() round-trip any tensors and metadata", () => {
  const anyMetadata = fc.dictionary(fc.string(), fc.string());
  fc.assert(fc.property(anyTensors, fc.option(anyMetadata), (tensors, metadata) => {
    const file = encodeSafetensors(tensors, metadata ?? undefined);
    const { tensors: entries, metadata: texts, data } = parseFile(file);
    assertEquals(entries.size, tensors.length);
    assertEquals(new Map(Object.entries(metadata ?? {})), new Map(texts));
    for (const { name, dtype, shape, bytes } of tensors) {
      const entry = entries.get(name);
      assert(entry !== undefined);
      assertEquals([entry.dtype, entry.shape], [dtype, shape]);
      assertEquals(data.slice(entry.begin, entry.end), bytes);
      assertEquals((file.length - data.length + entry.begin) % sizes[dtype], 0);
    }
  }));
});

Deno.test("encodeSafetensors() orders by dtype, then by the UTF-8 bytes of the name", () => {
  const names: [string, FileDtype][] = [["b", "F32"], ["\u{1F600}", "F32"], ["\uFFFD", "F32"]];
  names.push(["z", "I64"], ["10", "F32"], ["9", "F32"], ["a", "BOOL"], ["m", "F16"], ["k", "BF16"]);
  const file = encodeSafetensors(
    names.map(([name, dtype]) => ({ name, dtype, shape: [], bytes: new Uint8Array(sizes[dtype]) })),
    { format: "pt" },
  );
  const text = new TextDecoder().decode(file);
  assert(
    text.slice(8).startsWith('{"__metadata__":{"format":"pt"},"z":{"dtype":"I64","shape":[],'),
  );
  const order = [...parseFile(file).tensors.keys()];
  assertEquals(order, ["z", "10", "9", "b", "\uFFFD", "\u{1F600}", "k", "m", "a"]);
});

Deno.test("encodeSafetensors() writes the bytes of a file computed by hand", () => {
  const bytes = new Uint8Array(new Float32Array([1]).buffer);
  const file = encodeSafetensors([{ name: "x", dtype: "F32", shape: [1], bytes }]);
  const header = '{"x":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}  ';
  assertEquals(header.length, 56);
  assertEquals([...file], [56, 0, 0, 0, 0, 0, 0, 0, ...bytesOf(header), 0, 0, 0x80, 0x3f]);
});

Deno.test("encodeSafetensors() refuses wrong lengths, wrong shapes, duplicate and reserved names", () => {
  const one: TensorData = { name: "x", dtype: "F32", shape: [2], bytes: new Uint8Array(8) };
  assertThrows(() => encodeSafetensors([{ ...one, shape: [3] }]), ShapeError, "12 bytes: found 8");
  assertThrows(() => encodeSafetensors([{ ...one, shape: [-2] }]), ShapeError);
  assertThrows(() => encodeSafetensors([one, one]), OptionError, "found x");
  assertThrows(() => encodeSafetensors([{ ...one, name: "__metadata__" }]), OptionError);
});

Deno.test("streamSafetensors() gives the bytes of encodeSafetensors(), whatever the parts", async () => {
  await fc.assert(
    fc.asyncProperty(anyTensors, fc.integer({ min: 1, max: 9 }), async (tensors, size) => {
      const parts = tensors.map(({ bytes, ...info }) => ({
        ...info,
        *parts() {
          for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
        },
      }));
      const streamed = [];
      for await (const part of streamSafetensors(parts, { format: "pt" })) streamed.push(...part);
      assertEquals(new Uint8Array(streamed), encodeSafetensors(tensors, { format: "pt" }));
    }),
  );
  const short = { name: "x", dtype: "F32", shape: [2], parts: () => [new Uint8Array(4)] } as const;
  const run = () => Array.fromAsync(streamSafetensors([short]));
  await assertRejects(run, ShapeError, "requires 8 bytes: found 4");
});

Deno.test("headerLength() refuses short files, large headers and lengths beyond the file", () => {
  const start = (length: bigint) => new Uint8Array(new BigUint64Array([length]).buffer);
  assertEquals(headerLength(start(16n), 24, "model"), 16);
  assertThrows(() => headerLength(new Uint8Array(7), 7, "model"), FileError, "found 7");
  assertThrows(
    () => headerLength(start(17n), 24, "model"),
    FileError,
    "25 bytes of file: found 24",
  );
  assertThrows(() => headerLength(start(100_000_001n), 2 ** 40, "model"), FileError, "at most");
  assertThrows(() => headerLength(start(2n ** 64n - 1n), 24, "a.st"), FileError, "a.st: Cannot");
});

Deno.test("parseHeader() refuses what is not a JSON object in UTF-8", () => {
  const broken = (text: string, message: string) =>
    assertThrows(() => parseText(text, 0), FileError, message);
  assertThrows(() => parseHeader(new Uint8Array([0x7b, 0xff]), 0, "model"), FileError, "UTF-8");
  broken("", '"{" at its start');
  broken(' {"a":1}', '"{" at its start: found " "');
  broken("\uFEFF{}", '"{" at its start');
  broken('{"a":}', "valid JSON: found a fault at byte 5");
  broken(`{"a":1}`, "Cannot read tensor a as it requires an object: found 1");
  broken('{"__metadata__":{"a":1}}', "text values: found 1");
  broken('{"__metadata__":[]}', "text values: found []");
});

Deno.test("parseHeader() accepts scalars, empty tensors that share an offset, and trailing spaces", () => {
  const text = `{"b":${tensor("F32", [], 0, 4)},"e":${tensor("F32", [0, 3], 4, 4)},` +
    `"f":${tensor("U8", [0], 4, 4)},"a":${tensor("U8", [2], 4, 6)}}   `;
  assertEquals([...parseText(text, 6).tensors.keys()], ["b", "e", "f", "a"]);
  assertEquals(parseText("{}", 0).tensors.size, 0);
});

Deno.test("parseHeader() keeps names such as 10 and __proto__ apart", () => {
  const text = `{"__proto__":${tensor("U8", [1], 0, 1)},"10":${tensor("U8", [1], 1, 2)}}`;
  assertEquals([...parseText(text, 2).tensors.keys()], ["__proto__", "10"]);
});

Deno.test("parseHeader() rejects holes, overlaps, reversed ranges and trailing bytes", () => {
  const two = (...offsets: [number, number, number, number]) => () =>
    parseText(
      `{"a":${tensor("U8", [offsets[1] - offsets[0]], offsets[0], offsets[1])},` +
        `"b":${tensor("U8", [Math.abs(offsets[3] - offsets[2])], offsets[2], offsets[3])}}`,
      6,
    );
  assertEquals(two(0, 2, 2, 6)().tensors.size, 2);
  assertThrows(two(0, 2, 3, 6), FileError, "tensor b at byte 2: found 3 to 6");
  assertThrows(two(0, 2, 1, 6), FileError, "tensor b at byte 2: found 1 to 6");
  assertThrows(two(0, 4, 0, 4), FileError, "tensor b at byte 4");
  assertThrows(two(1, 2, 2, 6), FileError, "tensor a at byte 0");
  assertThrows(two(0, 4, 4, 2), FileError, "4 to 2");
  assertThrows(two(0, 2, 2, 5), FileError, "5 bytes of data: found 6");
});

Deno.test("parseHeader() rejects duplicate names, foreign dtypes and impossible shapes", () => {
  const one = (dtype: string, shape: unknown, end: number) => () =>
    parseText(`{"x":${tensor(dtype, shape, 0, end)}}`, end);
  assertEquals(one("BF16", [2, 3], 12)().tensors.size, 1);
  assertThrows(one("F8_E4M3", [4], 4), FileError, 'found "F8_E4M3"');
  assertThrows(one("toString", [4], 4), FileError, 'found "toString"');
  assertThrows(one("U8", [-1], 1), FileError, "a shape of sizes: found [-1]");
  assertThrows(one("U8", [1.5], 1), FileError, "a shape of sizes");
  assertThrows(one("U8", "4", 4), FileError, "a shape of sizes");
  assertThrows(one("U8", [2 ** 53], 4), FileError, "a shape of sizes");
  assertThrows(one("U8", [2 ** 40, 2 ** 40], 4), FileError);
  assertThrows(one("F32", [2], 9), FileError, "8 bytes for tensor x: found 9");
  const x = `"x":${tensor("U8", [1], 0, 1)}`;
  assertThrows(() => parseText(`{${x},${x}}`, 1), FileError, 'found "x" twice');
  assertThrows(() => parseText('{"x":{"dtype":"U8","shape":[1]}}', 1), FileError, "data offsets");
});

Deno.test("parseHeader() either accepts a mutated file without overlap or throws a FileError", () => {
  const mutation = fc.tuple(fc.nat(), fc.nat(255));
  fc.assert(
    fc.property(anyTensors, fc.array(mutation, { minLength: 1, maxLength: 3 }), (tensors, list) => {
      const file = encodeSafetensors(tensors, { format: "pt" });
      for (const [place, value] of list) file[place % file.length] = value;
      try {
        const { tensors: entries, data } = parseFile(file);
        let position = 0;
        for (const { begin, end } of entries.values()) {
          assertEquals(begin, position);
          position = end;
        }
        assertEquals(position, data.length);
      } catch (error) {
        assert(error instanceof FileError, String(error));
      }
    }),
    { numRuns: 1000 },
  );
});

Deno.test("parseHeader() refuses every truncation of a file", () => {
  const bytes = new Uint8Array(8);
  const file = encodeSafetensors([{ name: "x", dtype: "F32", shape: [2], bytes }]);
  for (let length = 0; length < file.length; length++) {
    assertThrows(() => parseFile(file.slice(0, length)), FileError);
  }
});

sharedTest("encodeSafetensors() writes the reference's files back byte for byte", async () => {
  const paths = [
    "models/stories260K/model.safetensors",
    "models/minilm/model.safetensors",
    "fixtures/roberta-classification/adapter/adapter_model.safetensors",
    "fixtures/roberta-classification/expected.safetensors",
    "fixtures/gpt2-lm/base/model.safetensors",
    "fixtures/llama-lm/adapter/adapter_model.safetensors",
  ];
  for (const path of paths) {
    const file = await Deno.readFile(shared(path));
    const { tensors, metadata, data } = parseFile(file);
    const read = [...tensors.values()].map((entry) => ({
      ...entry,
      bytes: data.subarray(entry.begin, entry.end),
    }));
    const written = encodeSafetensors(
      read.toReversed(),
      metadata.size > 0 ? Object.fromEntries(metadata) : undefined,
    );
    // A comparison of 45 MB element by element would take seconds.
    const digests = await Promise.all(
      [file, written].map(async (bytes) =>
        new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)).toHex()
      ),
    );
    assertEquals(digests[1], digests[0], path);
  }
});

Deno.test("parseHeader() refuses more tensors than any model has, at once", () => {
  const count = 250_000;
  const entries = Array.from({ length: count }, (_, i) => `"${i}":${tensor("F32", [0], 0, 0)}`);
  const started = performance.now();
  assertThrows(
    () => parseText(`{${entries.join(",")}}`, 0),
    FileError,
    "at most 200000 tensors: found 250001",
  );
  assert(performance.now() - started < 10_000);
});
