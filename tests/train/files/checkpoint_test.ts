import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import fc from "fast-check";
import { DisposedError, FileError, OptionError } from "../../../core/errors.ts";
import { Checkpoint } from "../../../train/files/checkpoint.ts";
import { shared, sharedTest } from "../../support/shared.ts";
import { encodeSafetensors, type TensorData } from "../../../nn/formats/safetensors_write.ts";

async function withDirectory(use: (path: string) => Promise<void>): Promise<void> {
  const path = await Deno.makeTempDir();
  try {
    await use(path);
  } finally {
    await Deno.remove(path, { recursive: true });
  }
}

function tensor(name: string, values: readonly number[]): TensorData {
  const bytes = new Uint8Array(new Float32Array(values).buffer);
  return { name, dtype: "F32", shape: [values.length], bytes };
}

async function writeShards(
  directory: string,
  shards: Readonly<Record<string, readonly TensorData[]>>,
  weightMap: unknown,
): Promise<void> {
  for (const [file, tensors] of Object.entries(shards)) {
    await Deno.writeFile(`${directory}/${file}`, encodeSafetensors(tensors, { format: "pt" }));
  }
  const index = JSON.stringify({ metadata: { total_size: 0 }, weight_map: weightMap });
  await Deno.writeTextFile(`${directory}/model.safetensors.index.json`, index);
}

Deno.test("Checkpoint.open() reads one file or its directory alike", () =>
  withDirectory(async (directory) => {
    const path = `${directory}/model.safetensors`;
    const file = encodeSafetensors([tensor("b", [1, 2]), tensor("a", [3])], { format: "pt" });
    await Deno.writeFile(path, file);
    for (const place of [path, directory]) {
      using checkpoint = await Checkpoint.open(place);
      assertEquals(checkpoint.names(), ["a", "b"]);
      assertEquals(checkpoint.metadata.get("format"), "pt");
      assertEquals(checkpoint.entry("b").shape, [2]);
      assertEquals([checkpoint.path, checkpoint.file("b")], [path, path]);
      assertEquals([checkpoint.has("a"), checkpoint.has("c")], [true, false]);
      assertEquals([...await checkpoint.readFloat("b", "f32")], [1, 2]);
      assertEquals(await checkpoint.readFloat("a", "f64"), new Float64Array([3]));
      assertThrows(() => checkpoint.entry("c"), OptionError, "one of its 2 names: found c");
      await assertRejects(() => checkpoint.read("c"), OptionError);
    }
  }));

Deno.test("Checkpoint reads right values through concurrent reads of any tensors", () =>
  withDirectory(async (directory) => {
    const lists = fc.array(fc.array(fc.float({ noNaN: true }), { maxLength: 9 }), { minLength: 1 });
    await fc.assert(
      fc.asyncProperty(lists, async (values) => {
        const tensors = values.map((list, index) => tensor(`t${index}`, list));
        await Deno.writeFile(`${directory}/model.safetensors`, encodeSafetensors(tensors));
        using checkpoint = await Checkpoint.open(directory);
        const read = values.map((_, index) => checkpoint.readFloat(`t${index}`, "f32"));
        assertEquals(await Promise.all(read), values.map((list) => new Float32Array(list)));
      }),
      { numRuns: 30 },
    );
  }));

Deno.test("Checkpoint.parts() gives a tensor's bytes in parts that share memory", () =>
  withDirectory(async (directory) => {
    const path = `${directory}/model.safetensors`;
    const values = Array.from({ length: 11 }, (_, i) => i);
    await Deno.writeFile(path, encodeSafetensors([tensor("a", values), tensor("b", [])]));
    const checkpoint = await Checkpoint.open(path);
    const whole = await checkpoint.read("a");
    for (const size of [8, 16, 40, 48, 1000]) {
      const parts = [...checkpoint.parts("a", size)].map(({ length }) => length);
      assertEquals(parts.length, Math.ceil(44 / size));
      assertEquals(parts.slice(0, -1).every((length) => length === size), true);
      const copies = [];
      const memories = new Set<ArrayBuffer>();
      for (const part of checkpoint.parts("a", size)) {
        copies.push(...part);
        memories.add(part.buffer);
      }
      assertEquals(new Uint8Array(copies), whole);
      assertEquals([...memories].map(({ byteLength }) => byteLength), [Math.min(size, 44)]);
    }
    assertEquals([...checkpoint.parts("b")], []);
    // Reads in between must not move the place that parts are read from.
    const mixed = [];
    for (const part of checkpoint.parts("a", 8)) mixed.push(...part, ...await checkpoint.read("b"));
    assertEquals(new Uint8Array(mixed), whole);
    await Deno.truncate(path, (await Deno.stat(path)).size - 4);
    assertThrows(() => [...checkpoint.parts("a", 8)], FileError, "Cannot read file");
    checkpoint.close();
    assertThrows(() => [...checkpoint.parts("a")], DisposedError, "closed");
  }));

Deno.test("Checkpoint.open() joins the shards of an index", () =>
  withDirectory(async (directory) => {
    const shards = { "m-1.safetensors": [tensor("a", [1])], "m-2.safetensors": [tensor("b", [2])] };
    await writeShards(directory, shards, { a: "m-1.safetensors", b: "m-2.safetensors" });
    using checkpoint = await Checkpoint.open(directory);
    assertEquals(checkpoint.names(), ["a", "b"]);
    assertEquals(checkpoint.path, `${directory}/model.safetensors.index.json`);
    assertEquals(checkpoint.file("b"), `${directory}/m-2.safetensors`);
    assertThrows(() => checkpoint.file("c"), OptionError, "one of its 2 names: found c");
    assertEquals([...await checkpoint.readFloat("b", "f32")], [2]);
  }));

Deno.test("Checkpoint.open() refuses missing shards, missing and duplicate tensors", () =>
  withDirectory(async (directory) => {
    const shards = { "m-1.safetensors": [tensor("a", [1])], "m-2.safetensors": [tensor("a", [2])] };
    const refuse = async (weightMap: unknown, message: string) => {
      await writeShards(directory, shards, weightMap);
      await assertRejects(() => Checkpoint.open(directory), FileError, message);
    };
    await refuse({ a: "m-1.safetensors", b: "m-3.safetensors" }, "m-3.safetensors: Cannot open");
    await refuse({ a: "m-1.safetensors", b: "m-1.safetensors" }, "tensor b here: found none");
    await refuse({ a: "m-1.safetensors", b: "m-2.safetensors" }, "tensor a requires one place");
    await refuse(undefined, "weight_map");
    await refuse([], "weight_map");
  }));

Deno.test("Checkpoint.open() refuses shard names that lead out of the directory", () =>
  withDirectory(async (directory) => {
    await Deno.writeFile(`${directory}/m`, encodeSafetensors([tensor("a", [1])]));
    await Deno.mkdir(`${directory}/inner`);
    for (const file of ["../m", "..\\m", "inner/../../m", `${directory}/m`, "..", ".", "", 3]) {
      await writeShards(`${directory}/inner`, {}, { a: file });
      const open = () => Checkpoint.open(`${directory}/inner`);
      await assertRejects(open, FileError, "plain file name");
    }
  }));

Deno.test("Checkpoint.open() refuses missing and malformed files", () =>
  withDirectory(async (directory) => {
    await assertRejects(() => Checkpoint.open(directory), FileError, "found neither");
    await Deno.writeTextFile(`${directory}/pytorch_model.bin`, "");
    const pickled = "model.safetensors.index.json: found pytorch_model.bin alone";
    await assertRejects(() => Checkpoint.open(directory), FileError, pickled);
    await assertRejects(() => Checkpoint.open(`${directory}/none`), FileError, "nothing there");
    const path = `${directory}/model.safetensors`;
    const file = encodeSafetensors([tensor("a", [1, 2])]);
    for (const length of [0, 7, 8, 20, file.length - 1]) {
      await Deno.writeFile(path, file.subarray(0, length));
      const error = await assertRejects(() => Checkpoint.open(path), FileError);
      assertEquals(error.path, path);
    }
  }));

Deno.test("Checkpoint refuses to read once closed and notices a file that became shorter", () =>
  withDirectory(async (directory) => {
    const path = `${directory}/model.safetensors`;
    await Deno.writeFile(path, encodeSafetensors([tensor("a", [1, 2])]));
    const checkpoint = await Checkpoint.open(path);
    await Deno.truncate(path, 68);
    await assertRejects(() => checkpoint.read("a"), FileError, "Cannot read file");
    checkpoint.close();
    checkpoint.close();
    await assertRejects(() => checkpoint.read("a"), DisposedError, "closed");
  }));

sharedTest("Checkpoint reads half-precision and integer tensors of MiniLM", async () => {
  using checkpoint = await Checkpoint.open(shared("models/minilm"));
  const words = await checkpoint.readFloat("embeddings.word_embeddings.weight", "f32");
  assertEquals(words.length, 30522 * 384);
  assert(words.every(Number.isFinite));
  const positions = await checkpoint.readFloat("embeddings.position_ids", "f64");
  assertEquals([...positions], Array.from({ length: 512 }, (_, index) => index));
});
