/** Mutations of merging. */

import type { Mutation } from "../mutation.ts";

/** Mutations of merging. */
export const mergingMutations: readonly Mutation[] = [
  {
    name: "merged models hold singles",
    file: "train/merge/merge.ts",
    find: 'options.dtype === "F64" ||',
    replace: 'options.dtype === "F32" ||',
    why: "doubles are computed in doubles",
    tests: ["tests/train/merge/merge_test.ts"],
  },
  {
    name: "merging writes the base's weights",
    file: "train/merge/merged_tensors.ts",
    find: `        layer?.merge();
`,
    replace: "",
    why: "the update is in the weights",
    tests: ["tests/train/merge/merge_test.ts"],
  },
  {
    name: "merged heads keep the base's",
    file: "train/merge/merged_tensors.ts",
    find: "layer !== undefined || given.has(path) || from === undefined",
    replace: "layer !== undefined || from === undefined",
    why: "what the adapter holds is written",
    tests: ["tests/train/merge/merge_test.ts"],
  },
  {
    name: "the vocabulary is not copied",
    file: "train/merge/merge.ts",
    find: `  "vocab.txt",
`,
    replace: "",
    why: "a merged model has its tokenizer",
    tests: ["tests/train/merge/merged_files_test.ts"],
  },
  {
    name: "merged classes lose their names",
    file: "train/merge/merged_config.ts",
    find: "[names ?? [], own].find(",
    replace: "[own].find(",
    why: "names that are given count",
    tests: ["tests/train/merge/merged_files_test.ts"],
  },
  {
    name: "merged regressions are classifiers",
    file: "train/merge/merged_config.ts",
    find: 'names.length === 0 ? "regression"',
    replace: 'names.length === 1 ? "regression"',
    why: "no names mean scores",
    tests: ["tests/train/merge/merged_files_test.ts"],
  },
  {
    name: "untied heads stay tied",
    file: "train/merge/merged_config.ts",
    find: 'if (untied) fields["tie_word_embeddings"] = false;',
    replace: "",
    why: "a head of its own is read",
    tests: ["tests/train/merge/merge_test.ts"],
  },
];
