/** Mutations of DeBERTa: its places, its convolution and its tokenizer. */

import type { Mutation } from "../mutation.ts";

const own = ["tests/nn/models/deberta_test.ts"];
const keys = ["tests/nn/models/config_keys_test.ts"];
const pieces = ["tests/nn/tokenizer/sentencepiece_test.ts"];

/** Mutations of DeBERTa. */
export const debertaMutations: readonly Mutation[] = [
  {
    name: "deberta's buckets are computed in 64 bits",
    file: "nn/models/deberta_places.ts",
    find: "Math.ceil(Math.fround(share * (half - 1)))",
    replace: "Math.ceil(share * (half - 1))",
    why: "a quotient near an integer has another row",
    tests: own,
  },
  {
    name: "deberta's buckets round down",
    file: "nn/models/deberta_places.ts",
    find: "Math.ceil(Math.fround(share",
    replace: "Math.floor(Math.fround(share",
    why: "a bucket ends with the distance that it is named by",
    tests: own,
  },
  {
    name: "deberta's content meets places in the wrong direction",
    file: "nn/models/deberta.ts",
    find: "flip(vectors(pos_key_proj), 3)",
    replace: "vectors(pos_key_proj)",
    why: "a key before the query is none behind it",
    tests: keys,
  },
  {
    name: "deberta's places meet content without its transposition",
    file: "nn/models/deberta_places.ts",
    find: "transpose(byDistance(matmul(key, transpose(of.at(-1)!))))",
    replace: "byDistance(matmul(key, transpose(of.at(-1)!)))",
    why: "these scores are by key and query",
    tests: keys,
  },
  {
    name: "deberta's scores are divided as if content met content alone",
    file: "nn/models/deberta_config.ts",
    find: "headSize * sums",
    replace: "headSize",
    why: "the factor counts the kinds of scores",
    tests: keys,
  },
  {
    name: "deberta's factor has 64 bits",
    file: "nn/models/deberta_config.ts",
    find: "1 / Math.fround(Math.sqrt(headSize * sums))",
    replace: "1 / Math.sqrt(headSize * sums)",
    why: "transformers takes the root in 32 bits",
    tests: keys,
  },
  {
    name: "deberta's places are not normed",
    file: "nn/models/deberta.ts",
    find: "this.LayerNorm?.forward(places) ?? places",
    replace: "places",
    why: "norm_rel_ebd says so",
    tests: keys,
  },
  {
    name: "masks of deberta's places begin at the furthest one",
    file: "nn/models/deberta_places.ts",
    find: "if (sites.length === 0) return projection.forward(places, inner);",
    replace: "if (sites.length >= 0) return projection.forward(" +
      "expand(places, [size, ...places.shape.slice(1)]), inner);",
    why: "padding moves no mask",
    tests: ["tests/nn/dropout/masks_test.ts"],
  },
  {
    name: "hidden tokens hide deberta's places",
    file: "nn/models/deberta_places.ts",
    find: "ofNumbers.includes(site.structure) &&",
    replace: "",
    why: "places are no tokens",
    tests: own,
  },
  {
    name: "deberta's convolution reads padding",
    file: "nn/models/deberta_conv.ts",
    find: "const own = batch.mask === undefined",
    replace: "const own = batch.mask !== undefined",
    why: "the neighbours of the last token are none",
    tests: own,
  },
  {
    name: "deberta's convolution joins behind the norm of the first layer's sum",
    file: "nn/models/deberta.ts",
    find: "return this.conv.forward(x, super.finish(layer, own), context);",
    replace: "return this.conv.forward(x, own, context);",
    why: "the residual is what the layer gives",
    tests: ["tests/train/parity/parity_test.ts"],
  },
  {
    name: "deberta's tokenizer keeps runs of spaces",
    file: "nn/tokenizer/folder/parts.ts",
    find: '{ Regex: "\\\\s{2,}|[\\\\n\\\\r\\\\t]" }',
    replace: '{ Regex: "[\\\\n\\\\r\\\\t]" }',
    why: "two spaces are one",
    tests: pieces,
  },
  {
    name: "deberta's unknown token is the second one",
    file: "nn/tokenizer/folder/parts.ts",
    find: "const unk_id = named < 0 ? unknownId : named;",
    replace: "const unk_id = 1;",
    why: "the vocabulary or the model of SentencePiece says which",
    tests: pieces,
  },
  {
    name: "symbols of users are special tokens",
    file: "nn/tokenizer/sentencepiece.ts",
    find: "special: kind === kinds.control }",
    replace: "special: true }",
    why: "decoding keeps them",
    tests: pieces,
  },
  {
    name: "scores of pieces are read from the other end",
    file: "nn/tokenizer/sentencepiece.ts",
    find: "getFloat32(0, true)",
    replace: "getFloat32(0, false)",
    why: "the format is little-endian",
    tests: pieces,
  },
  {
    name: "tokens of a model of SentencePiece count beside those of a list",
    file: "nn/tokenizer/open_files.ts",
    find: "settings.listsExtra ? settings :",
    replace: "",
    why: "a list in the files takes their place",
    tests: ["tests/nn/tokenizer/folder/resolve_test.ts"],
  },
];
