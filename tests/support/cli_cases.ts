/** Bad input for the command line: how to make it, and what the error must name. */

import { encodeSafetensors, type TensorData } from "../../nn/formats/safetensors_write.ts";
import { Checkpoint } from "../../train/files/checkpoint.ts";
import { badCommands, type BadInput } from "./command_cases.ts";
import type { Workspace } from "./workspace.ts";

/** A copy of a folder in which one file is changed. */
export async function changed(
  folder: string,
  copy: string,
  file: string,
  change: (bytes: Uint8Array<ArrayBuffer>) => Uint8Array | string,
): Promise<string> {
  await Deno.mkdir(copy, { recursive: true });
  for await (const { name } of Deno.readDir(folder)) {
    await Deno.copyFile(`${folder}/${name}`, `${copy}/${name}`);
  }
  const content = change(await Deno.readFile(`${copy}/${file}`).catch(() => new Uint8Array()));
  const bytes = typeof content === "string" ? new TextEncoder().encode(content) : content;
  await Deno.writeFile(`${copy}/${file}`, bytes);
  return copy;
}

const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);

/** The tensors of a model after a change. */
export async function tensors(
  folder: string,
  change: (tensor: TensorData) => TensorData[],
): Promise<Uint8Array> {
  using file = await Checkpoint.open(folder);
  const list = file.names().map(async (name) => {
    return { ...file.entry(name), bytes: await file.read(name) };
  });
  return encodeSafetensors((await Promise.all(list)).flatMap(change), { format: "pt" });
}

/** Makes the files of all cases and returns the cases. */
export async function badInputs(workspace: Workspace): Promise<BadInput[]> {
  const bad = (name: string) => `${workspace.root}/bad/${name}`;
  const [bert, rte, e2e] = [workspace.model("bert"), workspace.data("rte"), workspace.data("e2e")];
  const lines = (from: string, to: string) => (bytes: Uint8Array) => {
    const rows = text(bytes).split("\n");
    rows[2] = rows[2]!.replace(new RegExp(from), to);
    return rows.join("\n");
  };
  const columns = await changed(rte, bad("columns"), "train.tsv", lines("\t", " "));
  const label = await changed(rte, bad("label"), "dev.tsv", lines("\\w+$", "maybe"));
  const header = await changed(
    rte,
    bad("header"),
    "dev.tsv",
    (b) => text(b).replace("sentence2", "sentence3"),
  );
  const slots = await changed(
    e2e,
    bad("slots"),
    "devset.csv",
    (b) => text(b).replace("area[hill]", "area"),
  );
  const key = (name: string, from: string, to: string) =>
    changed(bert, bad(name), "config.json", (b) => text(b).replace(from, to));
  const architecture = await key("architecture", '"bert"', '"t5"');
  const activation = await key("activation", '"gelu"', '"mish"');
  const sizeless = await key("sizeless", '"hidden_size":16,', "");
  const broken = await key("broken", '"vocab_size"', '\n\n"vocab_size"=');
  const lost = "bert.encoder.layer.1.output.dense.weight";
  const withoutLost = await tensors(bert, (t) => t.name === lost ? [] : [t]);
  const missing = await changed(bert, bad("missing"), "model.safetensors", () => withoutLost);
  const turned = await tensors(
    bert,
    (t) => t.name === lost ? [{ ...t, shape: t.shape.toReversed() }] : [t],
  );
  const misshapen = await changed(bert, bad("misshapen"), "model.safetensors", () => turned);
  const truncated = await changed(
    bert,
    bad("truncated"),
    "model.safetensors",
    (b) => b.subarray(0, b.length - 7),
  );
  const empty = await changed(bert, bad("empty"), "model.safetensors", () => "");
  const keyless = await changed(
    bert,
    bad("keyless"),
    "tokenizer.json",
    () => '{"normalizer":null,"pre_tokenizer":null,"post_processor":null,"decoder":null}',
  );
  const pieces = await changed(
    bert,
    bad("pieces"),
    "vocab.txt",
    (b) => text(b).replace("[CLS]", "[CLASS]"),
  );
  const file = async (name: string, json: unknown) => {
    await Deno.writeTextFile(bad(name), JSON.stringify(json));
    return bad(name);
  };
  const unknownKey = await file("unknown-key.json", { epocs: 1 });
  const wrongType = await file("wrong-type.json", { lr: "fast" });
  const wrongRate = await file("wrong-rate.json", { method: "hiddenkey", rate: { logits: "a" } });
  const list = await file("list.json", []);
  const full = workspace.data("sst2");
  const nowhere = bad("nowhere");
  const decoder = { task: "e2e", data: e2e, model: workspace.model("gpt2") };
  return [
    { name: "missing data", flags: { data: nowhere }, says: [`${nowhere}/train.tsv`] },
    { name: "missing model", flags: { model: nowhere }, says: [nowhere, "org/name"] },
    {
      name: "column count",
      flags: { data: columns },
      says: [
        `${columns}/train.tsv:3: `,
        "requires 4 columns: found 3",
      ],
    },
    {
      name: "unknown label",
      flags: { data: label },
      says: [
        `${label}/dev.tsv:3: `,
        '"entailment", "not_entailment"',
        'found "maybe"',
      ],
    },
    { name: "header", flags: { data: header }, says: [`${header}/dev.tsv:1: `, '"sentence2"'] },
    {
      name: "slots",
      flags: { ...decoder, data: slots },
      says: [
        `${slots}/devset.csv:`,
        "slot[value]",
        "found",
      ],
    },
    { name: "change of no run", flags: { change: "true" }, says: ["--change", "--resume"] },
    { name: "unknown task", flags: { task: "squad" }, says: ["--task", "rte, mrpc", '"squad"'] },
    {
      name: "unknown method",
      flags: { method: "hidenkey" },
      says: [
        "--method",
        "hiddenkey",
        '"hidenkey"',
      ],
    },
    { name: "unknown backend", flags: { backend: "metal" }, says: ["--backend", "cpu", '"metal"'] },
    { name: "unknown target", flags: { targets: "query,keys" }, says: ["keys", "query, key"] },
    {
      name: "architecture",
      flags: { model: architecture },
      says: [
        `${architecture}/config.json: `,
        "model_type",
        "bert, roberta, mpnet, deberta-v2, modernbert, gpt2, llama, qwen2, qwen3, smollm3, mistral, gemma3_text, phi, phi3",
        '"t5"',
      ],
    },
    {
      name: "activation",
      flags: { model: activation },
      says: [
        `${activation}/config.json: `,
        "hidden_act",
        "gelu",
        '"mish"',
      ],
    },
    {
      name: "config key",
      flags: { model: sizeless },
      says: ["/config.json: ", "hidden_size", "missing"],
    },
    { name: "broken JSON", flags: { model: broken }, says: [`${broken}/config.json:3: `, '"="'] },
    {
      name: "missing tensor",
      flags: { model: missing },
      says: [`${missing}/model.safetensors: `, lost],
    },
    {
      name: "misshapen tensor",
      flags: { model: misshapen },
      says: [
        `${misshapen}/model.safetensors: `,
        lost,
        "[16,24] is required: found [24,16]",
      ],
    },
    {
      name: "truncated",
      flags: { model: truncated },
      says: [
        `${truncated}/model.safetensors: `,
        "requires",
        "found",
      ],
    },
    { name: "empty weights", flags: { model: empty }, says: [`${empty}/model.safetensors: `] },
    {
      name: "tokenizer key",
      flags: { model: keyless },
      says: [
        `${keyless}/tokenizer.json: `,
        '"model.vocab" requires ids by token: found null',
      ],
    },
    { name: "vocabulary", flags: { model: pieces }, says: [`${pieces}/vocab.txt: `, "[CLS]"] },
    {
      name: "encoder for E2E",
      flags: { task: "e2e", data: e2e },
      says: [
        "bert",
        "gpt2, llama, qwen2, qwen3, smollm3, mistral, gemma3_text, phi or phi3 is required",
      ],
    },
    ...["1", "-0.1", "1.5"].map((rate) => ({
      name: `rate ${rate}`,
      flags: { rate, method: "hiddenkey" },
      says: ["rate", "[0, 1)", `found ${rate}`],
    })),
    { name: "rate of no site", flags: { rate: "1.5" }, says: ["rate", "[0, 1)", "1.5"] },
    {
      name: "rate of a position",
      flags: { rate: "logits=0.1,hidden=1" },
      says: [
        "hidden",
        "[0, 1)",
        "found 1",
      ],
    },
    { name: "rate of no position", flags: { rate: "lgits=0.1" }, says: ["lgits", "logits"] },
    { name: "rate without a number", flags: { rate: "much" }, says: ["--rate", '"much"'] },
    { name: "rate in a file", flags: { config: wrongRate }, says: ["logits", "found"] },
    { name: "rank 0", flags: { rank: "0" }, says: ["--rank", "at least 1", 'found "0"'] },
    { name: "epochs 0", flags: { epochs: "0" }, says: ["--epochs", "above 0", 'found "0"'] },
    { name: "beta2", flags: { beta2: "1" }, says: ["--beta2", "below 1", 'found "1"'] },
    { name: "alpha 0", flags: { alpha: "0" }, says: ["alpha 0", "positive"] },
    {
      name: "branches",
      flags: { branches: "3" },
      says: ["--branches", "one of 1, 2", 'found "3"'],
    },
    { name: "smoothing", flags: { smoothing: "1" }, says: ["--smoothing", "below 1", 'found "1"'] },
    {
      name: "layer beyond the model",
      flags: { layers: "7", method: "dropkey" },
      says: ["--layers", "0 to 1", "7"],
    },
    { name: "layer without a site", flags: { layers: "0,2" }, says: ["--layers", "found 2"] },
    { name: "large batch", flags: { batch: "33" }, says: ["33", "32 training examples"] },
    { name: "long sequences", flags: { "max-length": "49" }, says: ["--max-length 49", "48"] },
    { name: "unknown flag", flags: { epoch: "1" }, says: ["--epoch", "--epochs"] },
    { name: "flag without value", args: ["train", "--task"], says: ["--task", "requires a value"] },
    { name: "rate behind a space", args: ["train", "--rate", "-0.1"], says: ["--rate", "-0.1"] },
    { name: "number behind a space", args: ["train", "--lr", "-1"], says: ["--lr", "least 0"] },
    {
      name: "flag given twice",
      args: ["train", "--lr", "1", "--lr", "2"],
      says: [
        "--lr",
        "given twice",
      ],
    },
    { name: "flag left out", flags: { task: undefined }, says: ["--task", "required"] },
    {
      name: "key of a file",
      flags: { config: unknownKey },
      says: [
        "epocs",
        unknownKey,
        "nearest known one is epochs",
      ],
    },
    { name: "value in a file", flags: { config: wrongType }, says: ["lr", wrongType, '"fast"'] },
    { name: "list in a file", flags: { config: list }, says: [list, "object"] },
    { name: "missing file of options", flags: { config: nowhere }, says: [nowhere] },
    { name: "out holds something", flags: { out: full }, says: [full, "empty", "found"] },
    { name: "out is a file", flags: { out: unknownKey }, says: [unknownKey, "found a file"] },
    { name: "missing adapter", flags: { adapter: nowhere }, says: [nowhere] },
    { name: "missing checkpoint", flags: { resume: nowhere }, says: [nowhere] },
    ...badCommands,
    { name: "eval without run", args: ["eval"], says: ["--run", "required"] },
    { name: "eval of nothing", args: ["eval", "--run", nowhere], says: [`${nowhere}/run.json`] },
    { name: "predict without input", args: ["predict", "--run", nowhere], says: ["--input"] },
    {
      name: "predict of nothing",
      args: ["predict", "--run", nowhere, "--input", nowhere],
      says: [`${nowhere}/run.json`],
    },
  ];
}
