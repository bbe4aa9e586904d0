/** Mutations of safetensors files. */

import type { Mutation } from "../mutation.ts";

/** Mutations of safetensors files. */
export const safetensorsMutations: readonly Mutation[] = [
  {
    name: "BF16 is cut instead of rounded",
    file: "core/half.ts",
    find: "(word + 0x7fff + ((word >>> 16) & 1)) >>> 16",
    replace: "word >>> 16",
    why: "BF16 rounds to nearest",
    tests: ["tests/nn/formats/safetensors_values_test.ts"],
  },
  {
    name: "BF16 ties round up",
    file: "core/half.ts",
    find: "(word + 0x7fff + ((word >>> 16) & 1)) >>> 16",
    replace: "(word + 0x8000) >>> 16",
    why: "of two nearest the even one is taken",
    tests: ["tests/nn/formats/safetensors_values_test.ts"],
  },
  {
    name: "BF16 is read as F16",
    file: "nn/formats/safetensors_values.ts",
    find: 'decodeHalf(viewAs(bytes, Uint16Array), "bf16")',
    replace: 'decodeHalf(viewAs(bytes, Uint16Array), "f16")',
    why: "the two have other exponents",
    tests: ["tests/nn/formats/safetensors_values_test.ts"],
  },
  {
    name: "unaligned bytes are read as they lie",
    file: "nn/formats/safetensors_values.ts",
    find: "bytes.byteOffset % size === 0 ? bytes : bytes.slice()",
    replace: "bytes.byteOffset % 2 === 0 ? bytes.slice() : bytes",
    why: "unaligned elements are copied",
    tests: ["tests/nn/formats/safetensors_values_test.ts"],
  },
  {
    name: "headers are not padded",
    file: "nn/formats/safetensors_write.ts",
    find: "Math.ceil(text.length / 8) * 8",
    replace: "text.length",
    why: "the data begins at a multiple of 8",
    tests: ["tests/nn/formats/safetensors_test.ts"],
  },
  {
    name: "tensors are written in their order",
    file: "nn/formats/safetensors_write.ts",
    find: `writingOrder.indexOf(a.dtype) - writingOrder.indexOf(b.dtype) ||
    `,
    replace: "",
    why: "wide types come first",
    tests: ["tests/nn/formats/safetensors_test.ts"],
  },
  {
    name: "names are sorted by UTF-16",
    file: "nn/formats/safetensors_write.ts",
    find: "    compareCodePoints(a.name, b.name)",
    replace: "    (a.name < b.name ? -1 : 1)",
    why: "names are sorted by their bytes",
    tests: ["tests/nn/formats/safetensors_test.ts"],
  },
  {
    name: "holes between tensors are allowed",
    file: "nn/formats/safetensors.ts",
    find: "if (begin !== position || end < begin) {",
    replace: "if (begin < position || end < begin) {",
    why: "each byte belongs to a tensor",
    tests: ["tests/nn/formats/safetensors_test.ts"],
  },
  {
    name: "bytes behind the last tensor are allowed",
    file: "nn/formats/safetensors.ts",
    find: "if (position !== dataLength)",
    replace: "if (position > dataLength)",
    why: "each byte belongs to a tensor",
    tests: ["tests/nn/formats/safetensors_test.ts"],
  },
];
