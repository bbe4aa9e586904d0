/** Mutations of matrices in 8 and 4 bits, and of GGUF files. */

import type { Mutation } from "../mutation.ts";

const reading = ["tests/core/unpack_test.ts"];
const coding = ["tests/core/quantise_test.ts"];
const blocks = ["tests/nn/formats/gguf_test.ts"];
const files = ["tests/train/run/gguf_test.ts"];

/** Mutations of matrices in 8 and 4 bits, and of GGUF files. */
export const quantisedMutations: readonly Mutation[] = [
  {
    name: "levels of scales are counted from below alone",
    file: "core/quantise.ts",
    find: "2 * i < count + 1 ?",
    replace: "i <= count ?",
    why: "levels of scales are torch.linspace's, to the bit",
    tests: coding,
  },
  {
    name: "scales are quantised with their mean",
    file: "core/quantise.ts",
    find: "Float32Array.from(own, (x) => x - mean)",
    replace: "Float32Array.from(own, (x) => x)",
    why: "bitsandbytes takes the mean off",
    tests: coding,
  },
  {
    name: "a code is the lowest of its cell",
    file: "core/quantise.ts",
    find: "while (normalBounds[code]! < x) code++;",
    replace: "void x;",
    why: "a number gets the nearest level",
    tests: coding,
  },
  {
    name: "numbers of a group that was cut are lost",
    file: "core/quantise.ts",
    find: "this.#group.set(numbers.subarray(at), this.#held);",
    replace: "this.#group.set(numbers.subarray(at), 0);",
    why: "parts may end anywhere",
    tests: coding,
  },
  {
    name: "steps of int8 are 128",
    file: "core/quantise.ts",
    find: "largest / 127, 2",
    replace: "largest / 128, 2",
    why: "the largest number of a block has code 127",
    tests: coding,
  },
  {
    name: "an nf4 code counts from above",
    file: "core/unpack.ts",
    find:
      "return select(isLower, levelOf(rest, levels.slice(0, half)), levelOf(rest, levels.slice(half)));",
    replace:
      "return select(isLower, levelOf(rest, levels.slice(half)), levelOf(rest, levels.slice(0, half)));",
    why: "code 0 is -1",
    tests: reading,
  },
  {
    name: "scales forget their mean",
    file: "core/unpack.ts",
    find: 'rowProgram(["f32", "f32"], [x.add(y)])',
    replace: 'rowProgram(["f32", "f32"], [x.add(y.mul(0))])',
    why: "scales are stored less their mean",
    tests: reading,
  },
  {
    name: "the view of a matrix is lost with its codes",
    file: "core/unpack.ts",
    find: "return new Value(made.storage, shape, strides, offset);",
    replace: "return new Value(made.storage, shape);",
    why: "a transpose of codes is that of their numbers",
    tests: reading,
  },
  {
    name: "numbers of codes stay",
    file: "core/apply.ts",
    find: "for (const { storage } of made) storage.release();",
    replace: "for (const { storage } of made) void storage;",
    why: "one matrix is widened at a time",
    tests: reading,
  },
  {
    name: "embeddings are quantised",
    file: "nn/models/fill_model.ts",
    find: "isMatrix && inLayer.test(path)",
    replace: "isMatrix",
    why: "what lies outside the layers keeps its type",
    tests: ["tests/nn/models/quantised_model_test.ts"],
  },
  {
    name: "a run ignores quantize",
    file: "train/prepare.ts",
    find: "quantize: config.quantize, ",
    replace: "",
    why: "--quantize keeps 4 or 8 bits",
    tests: ["tests/train/quantize_test.ts"],
  },
  {
    name: "8 bits of the largest floats are infinite",
    file: "core/quantise.ts",
    find: "Math.min(largest / 127, 2 ** 121)",
    replace: "largest / 127",
    why: "the scale is rounded up",
    tests: ["tests/core/quantise_test.ts"],
  },
  {
    name: "lists of a GGUF file lie inside each other without end",
    file: "nn/formats/gguf.ts",
    find: "if (depth > deepestList) {",
    replace: "if (depth < 0) {",
    why: "the stack has an end",
    tests: ["tests/nn/formats/gguf_test.ts"],
  },
  {
    name: "a linear factor without a type is overlooked",
    file: "nn/formats/gguf_architectures.ts",
    find: "factor !== undefined && factor !== 1 && factor !== 0",
    replace: "factor === -1",
    why: "older files have the factor alone",
    tests: ["tests/nn/formats/gguf_test.ts"],
  },
  {
    name: "two tensors of one name are the later one",
    file: "nn/formats/gguf_weights.ts",
    find: "if (found.has(own)) {",
    replace: "if (found.size < 0) {",
    why: "which one is meant nobody knows",
    tests: ["tests/nn/formats/gguf_test.ts"],
  },
  {
    name: "a GGUF file is told from others by all weights of its folder",
    file: "train/files/weights_fingerprint.ts",
    find: "const weights = isWhole ? ",
    replace: "const weights = isWhole || directory ? ",
    why: "other weights beside it are not used",
    tests: ["tests/train/sweep/run_sources_test.ts"],
  },
  {
    name: "minima of K-blocks are added",
    file: "nn/formats/gguf_blocks.ts",
    find: "step * code - below",
    replace: "step * code + below",
    why: "the minimum is taken off",
    tests: blocks,
  },
  {
    name: "upper scales of K-blocks lose two bits",
    file: "nn/formats/gguf_blocks.ts",
    find: "second & 15 | bytes[at + i - 4]! >> 6 << 4",
    replace: "second & 15",
    why: "scales have six bits",
    tests: blocks,
  },
  {
    name: "rows of rotary heads stay as llama.cpp has them",
    file: "nn/formats/gguf_weights.ts",
    find: "2 * (inside % half) + Math.floor(inside / half)",
    replace: "inside",
    why: "checkpoints turn the first half of a head against its second",
    tests: files,
  },
  {
    name: "keys have as many heads as queries",
    file: "nn/formats/gguf_weights.ts",
    find: 'names?.part === "attn_k" ?',
    replace: 'names?.part === "none" ?',
    why: "keys are permuted by their own heads",
    tests: files,
  },
];
