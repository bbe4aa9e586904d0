/**
 * Where the official data sets are, with their published sizes and digests.
 *
 * Source: sizes and digests of the downloads as the hub's loaders record them,
 * https://github.com/huggingface/datasets at 040102f, datasets/{glue,e2e_nlg,web_nlg}
 *
 * @module
 */

import { splitMrpc } from "./mrpc.ts";
import { unpackGlue, unpackWebnlg } from "./unpack.ts";

/** Contents of files by their paths below the folder of the data set. */
export type UnpackedFiles = ReadonlyMap<string, Uint8Array>;

/** One published file that is downloaded. */
export interface DataSource {
  /** URL of the published file. */
  readonly address: string;
  /** Published size in bytes. */
  readonly bytes: number;
  /** Published SHA-256, in lower-case hexadecimal digits. */
  readonly sha256: string;
  /**
   * Digest of what is unpacked, for archives that are made on demand and may be packed anew: the
   * SHA-256 of `sha256sum`'s lines for all files, by path. Either digest is enough.
   */
  readonly content?: string;
}

/** Downloads that become files or folders together. */
export interface DataSet {
  /** Name by which `--only` chooses it. */
  readonly name: string;
  /** Files or folders that are made. */
  readonly makes: readonly string[];
  /** Published files that it is made from, in the order in which `unpack` takes them. */
  readonly sources: readonly DataSource[];
  /** Makes the files from the downloads, in their order. */
  unpack(downloads: readonly Uint8Array[]): UnpackedFiles;
}

const glueHost = "https://dl.fbaipublicfiles.com/glue/data";
const sentEval = "https://dl.fbaipublicfiles.com/senteval/senteval_data";

function glue(task: string, archive: string, bytes: number, sha256: string): DataSet {
  return {
    name: task,
    makes: [task],
    sources: [{ address: `${glueHost}/${archive}`, bytes, sha256 }],
    unpack: ([archive]) => unpackGlue(task, archive!),
  };
}

const mrpc: DataSet = {
  name: "MRPC",
  makes: ["MRPC"],
  sources: [
    {
      address: `${sentEval}/msr_paraphrase_train.txt`,
      bytes: 1047044,
      sha256: "60a9b09084528f0673eedee2b69cb941920f0b8cd0eeccefc464a98768457f89",
    },
    {
      address: `${sentEval}/msr_paraphrase_test.txt`,
      bytes: 441275,
      sha256: "a04e271090879aaba6423d65b94950c089298587d9c084bf9cd7439bd785f784",
    },
    {
      address: `${glueHost}/mrpc_dev_ids.tsv`,
      bytes: 6222,
      sha256: "971d7767d81b997fd9060ade0ec23c4fc31cbb226a55d1bd4a1bac474eb81dc7",
    },
  ],
  unpack: ([train, test, devIds]) => splitMrpc(train!, test!, devIds!),
};

function e2e(name: string, bytes: number, sha256: string): DataSet {
  const address = `https://raw.githubusercontent.com/tuetschek/e2e-dataset/master/${name}`;
  const sources = [{ address, bytes, sha256 }];
  return { name, makes: [name], sources, unpack: ([file]) => new Map([[name, file!]]) };
}

const webnlgCommit = "587fa698bec705efbefe72a235a6019c2b9b8b6c";

/** The official data sets by name. */
export const dataSets = {
  glue: [
    glue(
      "RTE",
      "RTE.zip",
      697150,
      "6bf86de103ecd335f3441bd43574d23fef87ecc695977a63b82d5efb206556ee",
    ),
    mrpc,
    glue(
      "STS-B",
      "STS-B.zip",
      802872,
      "e60a6393de5a8b5b9bac5020a1554b54e3691f9d600b775bd131e613ac179c85",
    ),
    glue(
      "SST-2",
      "SST-2.zip",
      7439277,
      "d67e16fb55739c1b32cdce9877596db1c127dc322d93c082281f64057c16deaa",
    ),
    glue(
      "CoLA",
      "CoLA.zip",
      376971,
      "f212fcd832b8f7b435fb991f101abf89f96b933ab400603bf198960dfc32cbff",
    ),
    glue(
      "QNLI",
      "QNLIv2.zip",
      10627589,
      "e634e78627a29adaecd4f955359b22bf5e70f2cbd93b493f2d624138a0c0e5f5",
    ),
    glue(
      "WNLI",
      "WNLI.zip",
      28999,
      "ae0e8e4d16f4d46d4a0a566ec7ecceccfd3fbfaa4a7a4b4e02848c0f2561ac46",
    ),
  ],
  e2e: [
    e2e(
      "trainset.csv",
      9340189,
      "f27d48df45815288ab15619d47a79028c300fbb7f42e373668aba0b98c1d57c6",
    ),
    e2e("devset.csv", 1161305, "fc26b78cdb849c80545f513b223d1e051138b43882eeb79e3eb153e689c864f9"),
    e2e("testset.csv", 88415, "9b90c8f88feae14d9e1ef37350b14d17294c5958e90a3f1a7846590ee97bdbb9"),
    e2e(
      "testset_w_refs.csv",
      1310822,
      "edc8db685e39bb9824d5bd70c18b1c9b0412d14b527aa960e2d1c8251ee15ccd",
    ),
  ],
  webnlg: [{
    name: "WebNLG 2017",
    makes: ["train", "dev", "test"],
    sources: [{
      address: "https://gitlab.com/shimorina/webnlg-dataset/-/archive/" +
        `${webnlgCommit}/webnlg-dataset-${webnlgCommit}.zip`,
      bytes: 25499351,
      sha256: "d6837063d6ef2a2e05418c1511f989c85fd9fffd21f5bd04bc5b34886f24c94e",
      content: "f4d18d93c4d6ed346301bf258681e6a82ade5d9490682315042be37ce6a6313c",
    }],
    unpack: ([archive]) => unpackWebnlg(archive!),
  }],
} as const satisfies Readonly<Record<string, readonly DataSet[]>>;
