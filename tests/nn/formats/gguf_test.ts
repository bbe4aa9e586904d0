import { assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { FileError } from "../../../core/errors.ts";
import { parseGguf } from "../../../nn/formats/gguf.ts";
import { ggufConfig } from "../../../nn/formats/gguf_architectures.ts";
import { ggufTypes } from "../../../nn/formats/gguf_blocks.ts";
import { ggufWeights } from "../../../nn/formats/gguf_weights.ts";
import golden from "../../golden/gguf/blocks.json" with { type: "json" };

const file = async (name: string) =>
  await Deno.readFile(new URL(`../../golden/gguf/${name}.gguf`, import.meta.url));

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

Deno.test("a model that is not read is refused by its name", async () => {
  const whole = await file("llama");
  const at = new TextDecoder("latin1").decode(whole).indexOf("architecture") + 12 + 4 + 8;
  whole.set(new TextEncoder().encode("bloom"), at);
  const header = parsed(whole);
  const read = () => new Uint8Array();
  for (const use of [() => ggufConfig(header, "b"), () => ggufWeights(header, {}, read, "b")]) {
    assertThrows(use, FileError, "one of llama, qwen2, qwen3, gpt2: found bloom");
  }
});

Deno.test("a damaged file is read or refused, and nothing else", async () => {
  const whole = await file("qwen2");
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 2500 }), fc.integer({ min: 0, max: 255 }), (at, byte) => {
      const bytes = whole.slice();
      bytes[at] = byte;
      try {
        const header = parsed(bytes);
        const config = ggufConfig(header, "q");
        const read = (start: number, length: number) => bytes.subarray(start, start + length);
        [...ggufWeights(header, config, read, "q").names()];
      } catch (error) {
        if (!(error instanceof FileError)) throw error;
      }
    }),
    { numRuns: 300 },
  );
});
