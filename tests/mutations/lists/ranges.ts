/** Mutations of weights that are read by ranges. */

import type { Mutation } from "../mutation.ts";

const tests = ["tests/nn/formats/folder_weights_test.ts"];

/** Mutations of weights that are read by ranges. */
export const rangeMutations: readonly Mutation[] = [
  {
    name: "each part of a tensor is its beginning",
    file: "nn/formats/folder_weights.ts",
    find: "await file.read(at, Math.min(end, at + partBytes))",
    replace:
      "await file.read(dataStart + entry.begin, dataStart + entry.begin + Math.min(end - at, partBytes))",
    why: "parts follow each other",
    tests,
  },
  {
    name: "a tensor is read in one piece",
    file: "nn/formats/tensor_bytes.ts",
    find: "export const partBytes = 2 ** 22;",
    replace: "export const partBytes = 2 ** 32;",
    why: "a large one would lie in memory twice",
    tests,
  },
  {
    name: "the header is not counted among a file's bytes",
    file: "nn/formats/folder_weights.ts",
    find: "const dataStart = 8 + length;",
    replace: "const dataStart = length;",
    why: "data begin behind the header and its length",
    tests,
  },
  {
    name: "one shard of several is read",
    file: "nn/formats/folder_weights.ts",
    find: "return [[...opened.values()], new Map(paths)];",
    replace: "return [[...opened.values()].slice(0, 1), new Map()];",
    why: "the index names all",
    tests,
  },
  {
    name: "what the index says of a tensor is not held against the files",
    file: "nn/formats/shards.ts",
    find: "if (tensors.get(name)?.shard.path === path) continue;",
    replace: "if (tensors.has(name)) continue;",
    why: "a file with the names of another is another model's",
    tests,
  },
  {
    name: "the second of two tensors of one name counts",
    file: "nn/formats/shards.ts",
    find: "if (other !== undefined) {",
    replace: "if (other === shard) {",
    why: "nobody knows which is meant",
    tests,
  },
  {
    name: "a range is asked for with its end",
    file: "nn/formats/file_ranges.ts",
    find: "bytes=${begin}-${end - 1}",
    replace: "bytes=${begin}-${end}",
    why: "ranges of HTTP have their last byte",
    tests,
  },
  {
    name: "whole files are taken for ranges",
    file: "nn/formats/file_ranges.ts",
    find: "if (response.status !== 206) {",
    replace: "if (!response.ok) {",
    why: "the whole file would be fetched for each part",
    tests,
  },
  {
    name: "a file that changes meanwhile is read on",
    file: "nn/formats/file_ranges.ts",
    find: "if (found?.size === size) return found.bytes;",
    replace: "if (found !== undefined) return found.bytes;",
    why: "half of one model and half of another is none",
    tests,
  },
  {
    name: "other bytes than those asked for are taken",
    file: "nn/formats/file_ranges.ts",
    find: "if (Number(from) === begin && bytes.length",
    replace: "if (from !== undefined && bytes.length",
    why: "numbers from another place are noise",
    tests,
  },
  {
    name: "files inside folders of a chosen folder stand for its own",
    file: "nn/formats/folder_weights.ts",
    find: "depth(b) - depth(a)",
    replace: "depth(a) - depth(b)",
    why: "published folders hold the same model in other forms",
    tests,
  },
  {
    name: "numbers of 32 bits are kept as 16",
    file: "nn/formats/tensor_bytes.ts",
    find: 'if (dtype !== "F16" && dtype !== "BF16") return undefined;',
    replace: 'if (dtype !== "F16" && dtype !== "BF16" && dtype !== "F32") return undefined;',
    why: "their bits are two numbers each",
    tests,
  },
];
