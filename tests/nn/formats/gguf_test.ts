import { assert, assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { FileError } from "../../../core/errors.ts";
import { type GgufHeader, type GgufValue, parseGguf } from "../../../nn/formats/gguf.ts";
import { ggufConfig } from "../../../nn/formats/gguf_architectures.ts";
import { ggufTypes } from "../../../nn/formats/gguf_blocks.ts";
import { ggufWeights } from "../../../nn/formats/gguf_weights.ts";
import { parseConfig } from "../../../nn/models/config.ts";
import type { LlamaConfig } from "../../../nn/models/llama_layers.ts";
import golden from "../../golden/gguf/blocks.json" with { type: "json" };
import { byteMutation } from "../../support/file_mutations.ts";

const file = async (name: string) =>
  await Deno.readFile(new URL(`../../golden/gguf/${name}.gguf`, import.meta.url));

/** Damage to what a file says of itself, or anywhere. */
const headMutation = fc.oneof(
  fc.tuple(fc.nat(2500), fc.uint8Array({ minLength: 1, maxLength: 8 })).map(([at, found]) => {
    return (bytes: Uint8Array<ArrayBuffer>) => {
      const copy = bytes.slice();
      copy.set(found, at);
      return copy;
    };
  }),
  byteMutation,
);

function parsed(bytes: Uint8Array) {
  const read = (start: number, length: number) => bytes.subarray(start, start + length);
  return parseGguf(read, bytes.length, "model.gguf");
}

function bytesOf(text: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
}

for (const type of ggufTypes.values()) {
  Deno.test(`blocks of ${type.name} are the numbers that gguf-py makes of them, to the bit`, () => {
    const { bytes, numbers } = golden[type.name as keyof typeof golden];
    const found = type.decode(bytesOf(bytes));
    assertEquals(new Uint32Array(found.buffer), new Uint32Array(bytesOf(numbers).buffer));
    // The same where they lie on no element's boundary.
    const moved = new Uint8Array(bytesOf(bytes).length + 1);
    moved.set(bytesOf(bytes), 1);
    assertEquals(type.decode(moved.subarray(1)), found);
  });
}

Deno.test("every type of the golden blocks is read", () => {
  assertEquals(Object.keys(golden).sort(), [...ggufTypes.values()].map(({ name }) => name).sort());
});

Deno.test("a file says of its model what config.json would", async () => {
  assertEquals(ggufConfig(parsed(await file("llama")), "llama.gguf"), {
    model_type: "llama",
    hidden_act: "silu",
    tie_word_embeddings: false,
    attention_bias: false,
    num_hidden_layers: 2,
    max_position_embeddings: 12,
    hidden_size: 12,
    intermediate_size: 20,
    num_attention_heads: 2,
    num_key_value_heads: 1,
    head_dim: 6,
    rms_norm_eps: 1e-6,
    rope_theta: 10000,
    bos_token_id: 1,
    eos_token_id: 2,
    vocab_size: 40,
  });
});

Deno.test("a file of Gemma 3 says windows, scaled positions and the factor of its scores", async () => {
  const header = parsed(await file("gemma3"));
  const config = (...changes: (readonly [string, GgufValue])[]) => {
    const own = changes.map(([key, value]) => [`gemma3.${key}`, value] as const);
    return ggufConfig({ ...header, metadata: new Map([...header.metadata, ...own]) }, "g");
  };
  const { sliding_window, query_pre_attn_scalar, rope_scaling, ...rest } = config();
  assertEquals([sliding_window, query_pre_attn_scalar, rope_scaling], [3, 8, undefined]);
  assertEquals([rest["model_type"], rest["head_dim"], rest["rope_theta"]], ["gemma3_text", 8, 1e6]);
  assertEquals([rest["tie_word_embeddings"], rest["hidden_size"]], [true, 12]);
  const scaled = config(["rope.scaling.type", "linear"], ["rope.scaling.factor", 8]);
  assertEquals(scaled["rope_scaling"], { rope_type: "linear", factor: 8 });
  // The largest model divides by the width of a head that it would have by the hidden size.
  const largest = config(["block_count", 62], ["embedding_length", 5376], [
    "attention.head_count",
    32,
  ]);
  assertEquals(largest["query_pre_attn_scalar"], 168);
  assertThrows(
    () => config(["rope.scaling.type", "yarn"]),
    FileError,
    "with scaled rotary positions",
  );
  const [all, windowed] = [6, 5].map((layer) =>
    (parseConfig(config(["block_count", 7])) as LlamaConfig).layerKinds[layer - 1]!.window
  );
  assertEquals([all, windowed], [undefined, 3]);
});

Deno.test("a file of Gemma 3 has the windows and positions that llama.cpp gives it, or is refused", async () => {
  const header = parsed(await file("gemma3"));
  const config = (changes: Readonly<Record<string, GgufValue>>, without = "") => {
    const own = Object.entries(changes).map(([key, value]) => [`gemma3.${key}`, value] as const);
    const metadata = new Map([...header.metadata, ["gemma3.block_count", 4] as const, ...own]);
    metadata.delete(`gemma3.${without}`);
    return parseConfig(ggufConfig({ ...header, metadata }, "g")) as LlamaConfig;
  };
  const windows = (...found: Parameters<typeof config>) =>
    config(...found).layerKinds.map(({ window }) => window);
  const pattern = "attention.sliding_window_pattern";
  const none = new Array(4).fill(undefined);
  assertEquals(windows({}), [3, 3, 3, 3]);
  assertEquals(windows({}, "attention.sliding_window"), none);
  assertEquals(windows({ "attention.sliding_window": 0, [pattern]: 2 }), none);
  assertEquals(windows({ [pattern]: 2 }), [3, undefined, 3, undefined]);
  assertEquals(windows({ [pattern]: [true, false, false, true] }), [3, undefined, undefined, 3]);
  const second = (changes: Readonly<Record<string, GgufValue>>) =>
    config(changes).rotaries.map(({ frequency }) => frequency(2));
  assertEquals(second({}), [1e-3, 1e-2]);
  assertEquals(second({ "rope.freq_base_swa": 1e6 }), [1e-3, 1e-3]);
  for (const key of ["rope.scaling.factor", "rope.scale_linear"]) {
    assertEquals(second({ [key]: 8 }), [1e-3 / 8, 1e-2], key);
    assertEquals(second({ [key]: 8, "rope.scaling.type": "none" }), [1e-3, 1e-2], key);
    assertEquals(second({ [key]: 0, "rope.scaling.type": "linear" }), [1e-3, 1e-2], key);
  }
  assertEquals(second({ final_logit_softcapping: 0 }), [1e-3, 1e-2]);
  assertThrows(
    () => config({ final_logit_softcapping: 30 }),
    FileError,
    "final_logit_softcapping of this configuration as none is supported: found 30",
  );
});

/** The file with some bytes of it changed. */
async function changed(at: number, ...bytes: number[]): Promise<Uint8Array> {
  const whole = await file("llama");
  whole.set(bytes, at);
  return whole;
}

Deno.test("a file that breaks a rule of the format is refused by name", async () => {
  const refused = (bytes: Uint8Array, message: string) =>
    assertThrows(() => parsed(bytes), FileError, `model.gguf: Cannot read GGUF as ${message}`);
  refused(new Uint8Array(2), 'its first bytes require GGUF: found ""');
  refused(await changed(0, 0x67), 'its first bytes require GGUF: found "gGUF"');
  refused(await changed(4, 1), "version 2 or 3 is required: found 1");
  refused(await changed(15, 1), "at most 16777216 tensors are allowed");
  const whole = await file("llama");
  refused(whole.subarray(0, 100), "102 bytes are required: found 100");
  refused(whole.subarray(0, -32), "tensor ");
  const architecture = new TextDecoder("latin1").decode(whole).indexOf("general.architecture");
  refused(await changed(architecture + 20, 77), "a value requires a type from 0 to 12: found 77");
  const name = new TextDecoder("latin1").decode(whole).indexOf("output.weight");
  // Rank and two sizes stand between the name and the type.
  refused(await changed(name + 13 + 4 + 16, 99), "tensor output.weight requires a type among F32");
});

/** Bytes of little-endian numbers, each with how many it has, and of texts with their length before. */
function encoded(...items: (readonly [number, number] | string)[]): number[] {
  return items.flatMap((item) => {
    if (typeof item === "string") return [...encoded([item.length, 8]), ...bytesOf(btoa(item))];
    const [value, size] = item;
    return Array.from({ length: size }, (_, i) => Math.floor(value / 256 ** i) % 256);
  });
}

/** A file of some values and tensors, and what follows. */
function written(tensors: number, values: number, rest: readonly number[]): Uint8Array {
  const magic = [...new TextEncoder().encode("GGUF")];
  return Uint8Array.from([...magic, ...encoded([3, 4], [tensors, 8], [values, 8]), ...rest]);
}

Deno.test("a file that promises more than it has takes no memory for it", () => {
  const refused = (bytes: Uint8Array, message: string) =>
    assertThrows(() => parsed(bytes), FileError, message);
  const list = (length: number) => encoded([9, 4], [length, 8]);
  const nested = (depth: number, length: number) =>
    written(0, 1, [
      ...encoded("a", [9, 4]),
      ...Array.from({ length: depth }, () => list(length)).flat(),
    ]);
  refused(nested(50_000, 1), "at most 8 lists inside each other are allowed");
  const before = Deno.memoryUsage().rss;
  refused(nested(6, 2 ** 24), "bytes are required");
  refused(written(2 ** 24, 0, []), "32 bytes are required: found 24");
  // Room for these lists alone would be 800 MB.
  assert(Deno.memoryUsage().rss - before < 2 ** 28);
});

Deno.test("a file that says one thing twice, or is a part of a model, is refused", () => {
  const value = (name: string, number: number) => encoded(name, [4, 4], [number, 4]);
  assertThrows(
    () => parsed(written(0, 2, [...value("a", 1), ...value("a", 2)])),
    FileError,
    'Cannot read GGUF as "a" requires one value: found two',
  );
  assertThrows(
    () => parsed(written(0, 1, value("split.count", 3))),
    FileError,
    "Cannot read GGUF as a model in one file is required: found one of 3",
  );
});

Deno.test("two tensors that are one in a checkpoint are refused", async () => {
  const header = parsed(await file("llama"));
  const tensors = new Map(header.tensors);
  tensors.set("model.norm.weight", tensors.get("output_norm.weight")!);
  const config = ggufConfig(header, "l");
  const weights = (header: GgufHeader) => ggufWeights(header, config, () => new Uint8Array(), "l");
  assertThrows(
    () => weights({ ...header, tensors }),
    FileError,
    "Cannot read GGUF as one tensor model.norm.weight is required: found model.norm.weight too",
  );
  tensors.delete("model.norm.weight");
  tensors.set("constructor.weight", tensors.get("output_norm.weight")!);
  assertEquals([...weights({ ...header, tensors }).names()].at(-1), "constructor.weight");
});

Deno.test("rotary positions that are scaled are refused, however a file says it", async () => {
  const header = parsed(await file("llama"));
  const config = (key: string, value: GgufValue) =>
    ggufConfig(
      { ...header, metadata: new Map([...header.metadata, [`llama.${key}`, value]]) },
      "l",
    );
  for (
    const [key, value] of [
      ["rope.scaling.type", "yarn"],
      ["rope.scaling.factor", 4],
      ["rope.scale_linear", 0.5],
      ["attention.sliding_window", 4096],
    ] as const
  ) assertThrows(() => config(key, value), FileError, "with scaled rotary positions or windows");
  const plain = JSON.stringify(ggufConfig(header, "l"));
  for (const [key, value] of [["rope.scaling.type", "none"], ["rope.scaling.factor", 1]] as const) {
    assertEquals(JSON.stringify(config(key, value)), plain);
  }
});

Deno.test("a model that is not read is refused by its name", async () => {
  const whole = await file("llama");
  const at = new TextDecoder("latin1").decode(whole).indexOf("architecture") + 12 + 4 + 8;
  whole.set(new TextEncoder().encode("bloom"), at);
  const header = parsed(whole);
  const read = () => new Uint8Array();
  for (const use of [() => ggufConfig(header, "b"), () => ggufWeights(header, {}, read, "b")]) {
    assertThrows(use, FileError, "one of llama, qwen2, qwen3, gemma3, gpt2: found bloom");
  }
});

Deno.test("a damaged file is read or refused, and nothing else", async () => {
  const files = await Promise.all(["llama", "qwen2", "gpt2"].map(file));
  const ends = { read: 0, refused: 0 };
  fc.assert(
    fc.property(fc.constantFrom(...files), headMutation, (whole, mutate) => {
      const bytes = mutate(whole);
      const from = performance.now();
      try {
        const header = parsed(bytes);
        const config = ggufConfig(header, "q");
        const read = (start: number, length: number) => bytes.subarray(start, start + length);
        const weights = ggufWeights(header, config, read, "q");
        for (const name of weights.names()) assert(weights.shape(name).every((size) => size >= 0));
        parseConfig(config);
        ends.read++;
      } catch (error) {
        if (!(error instanceof FileError)) throw error;
        ends.refused++;
      }
      assert(performance.now() - from < 2000);
    }),
    { numRuns: 600 },
  );
  assert(ends.read > 20 && ends.refused > 20, JSON.stringify(ends));
});
