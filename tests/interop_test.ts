import { assert, assertLessOrEqual } from "@std/assert";
import { fold, normal, seedKey } from "../core/random.ts";
import { tensor } from "../core/tensor.ts";
import { LanguageModel } from "../nn/decoder.ts";
import { adapt, type LoraOptions } from "../nn/lora.ts";
import { parameters } from "../nn/module.ts";
import { toInputs } from "../nn/pass.ts";
import { trainHead } from "../nn/trainable.ts";
import { saveAdapter } from "../train/adapter.ts";
import { openClassifier, openLanguageModel } from "../train/load_model.ts";
import { relativeError } from "../train/parity_rows.ts";
import { here, needsPython, runPython, withoutPython } from "./python.ts";
import { withDevice } from "./with_device.ts";

interface RoundTrip {
  readonly what: string;
  readonly base: string;
  readonly lora: LoraOptions;
}

const roundTrips: readonly RoundTrip[] = [
  {
    what: "BERT's query and value, with its head",
    base: "bert-classification",
    lora: { targets: ["query", "value"], rank: 3, alpha: 5 },
  },
  {
    what: "RoBERTa's query, key and value by rsLoRA, with its head",
    base: "roberta-regression-rslora",
    lora: { targets: ["query", "key", "value"], rank: 4, alpha: 5, rsLora: true },
  },
  {
    what: "GPT-2's whole c_attn and both c_proj",
    base: "gpt2-lm",
    lora: { targets: ["c_attn", "c_proj"], rank: 2, alpha: 3 },
  },
  {
    what: "GPT-2's c_attn.q and c_attn.v",
    base: "gpt2-lm",
    lora: { targets: ["c_attn.q", "c_attn.v"], rank: 2, alpha: 3 },
  },
  {
    what: "GPT-2's c_attn.k alone by rsLoRA",
    base: "gpt2-lm",
    lora: { targets: ["c_attn.k"], rank: 2, alpha: 3, rsLora: true },
  },
  {
    what: "GPT-2's c_attn.q, c_attn.k and c_attn.v by rsLoRA",
    base: "gpt2-lm",
    lora: { targets: ["c_attn.q", "c_attn.k", "c_attn.v"], rank: 2, alpha: 3, rsLora: true },
  },
  {
    what: "LLaMA's q_proj, v_proj and down_proj",
    base: "llama-lm",
    lora: { targets: ["q_proj", "v_proj", "down_proj"], rank: 3, alpha: 5 },
  },
];

/** Two sequences of different lengths, padded on the right with 1, the pad of RoBERTa. */
const ids = [[5, 9, 30, 7, 21, 8], [11, 4, 33, 6, 1, 1]];
const lengths = [6, 4];

async function pythonLogits(base: string, adapter: string): Promise<number[]> {
  const mask = lengths.map((length) => ids[0]!.map((_, i) => i < length ? 1 : 0));
  const inputs = `${adapter}/inputs.json`;
  await Deno.writeTextFile(inputs, JSON.stringify({ input_ids: ids, attention_mask: mask }));
  return await runPython("peft_roundtrip.py", [base, adapter, inputs]) as number[];
}

for (const { what, base: name, lora } of roundTrips) {
  Deno.test({
    name: `saveAdapter() writes ${what} so that PEFT computes the same logits ${needsPython}`,
    ignore: withoutPython,
    fn: () =>
      withDevice("f64", async (device) => {
        const base = here(`./golden/${name}/base`);
        const key = seedKey(7);
        const { model, config } = name.endsWith("-lm")
          ? await openLanguageModel(base, device, key)
          : await openClassifier(base, device, key);
        const inputs = toInputs(device, {
          ids: Uint32Array.from(ids.flat()),
          lengths,
          width: ids[0]!.length,
        });
        const logits = async () =>
          await (model instanceof LanguageModel
            ? model.logits({ inputs })
            : model.classify({ inputs }).logits).read();
        const before = await logits();
        adapt(model, config.layers, lora);
        trainHead(model);
        for (const [path, parameter] of parameters(model)) {
          if (!parameter.trainable) continue;
          // Rounded, as the file holds 32 bits.
          const values = normal(fold(key, path), parameter.size).map((x) => Math.fround(x / 4));
          parameter.value = tensor(device, values, parameter.shape);
        }
        const ours = await logits();
        assert(relativeError(ours, before) > 0.01, "The adapter changes the logits");
        const directory = await Deno.makeTempDir();
        try {
          const taskType = model instanceof LanguageModel ? "CAUSAL_LM" : "SEQ_CLS";
          const modulesToSave = model instanceof LanguageModel ? [] : ["classifier"];
          const adapter = { lora, taskType, modulesToSave, baseModel: undefined };
          await saveAdapter(model, adapter, directory);
          assertLessOrEqual(relativeError(await pythonLogits(base, directory), ours), 1e-5);
        } finally {
          await Deno.remove(directory, { recursive: true });
        }
      }),
  });
}
