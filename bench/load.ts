// Time and peak resident memory of loading a checkpoint that is written for it.
// deno task bench load --gigabytes 2
import process from "node:process";
import { normal, seedKey } from "../core/random.ts";
import { encodeFloats, type FloatDtype } from "../nn/formats/safetensors_values.ts";
import { streamSafetensors } from "../nn/formats/safetensors_write.ts";
import { parameters } from "../nn/layers/module.ts";
import { parseConfig } from "../nn/models/config.ts";
import { languageModel } from "../nn/models/registry.ts";
import type { Command } from "../train/commands/command.ts";
import { writeFileAtomic } from "../train/files/files.ts";
import { openLanguageModel } from "../train/run/load_model.ts";
import { bench } from "./bench.ts";
import { report } from "./measure.ts";

/** LLaMA's shapes at 1.1 billion parameters, but for the number of layers. */
const shape = {
  model_type: "llama",
  vocab_size: 32000,
  hidden_size: 2048,
  num_attention_heads: 32,
  num_key_value_heads: 4,
  intermediate_size: 5632,
  max_position_embeddings: 2048,
  tie_word_embeddings: true,
};

/** Writes a model of at least the given size; gives the size. */
async function writeModel(folder: string, bytes: number, dtype: FloatDtype): Promise<number> {
  const values = normal(seedKey(1), 2 ** 16).map((x) => x / 50);
  const chunk = encodeFloats(values, dtype);
  const width = chunk.length / values.length;
  for (let layers = 1;; layers++) {
    const fields = { ...shape, num_hidden_layers: layers };
    const model = languageModel(parseConfig(fields));
    const entries = [...parameters(model)];
    const size = entries.reduce((sum, [, parameter]) => sum + width * parameter.size, 0);
    if (size < bytes) continue;
    const tensors = entries.map(([name, parameter]) => ({
      name,
      dtype,
      shape: parameter.shape,
      *parts() {
        for (let left = width * parameter.size; left > 0; left -= chunk.length) {
          yield chunk.subarray(0, left);
        }
      },
    }));
    await writeFileAtomic(`${folder}/config.json`, JSON.stringify(fields));
    await writeFileAtomic(
      `${folder}/model.safetensors`,
      streamSafetensors(tensors, { format: "pt" }),
    );
    return size;
  }
}

/** Most memory that was resident so far, in bytes. */
const peak = () => process.resourceUsage().maxRSS * 1024;

/** Writes a model, loads it and reports. */
export const loadBench: Command = bench({
  summary: "Measure time and peak memory of loading a checkpoint",
  usage: "  deno task bench load --gigabytes 2",
  options: {
    gigabytes: { kind: "number", help: "size of the checkpoint", above: 0, default: 2 },
    half: { kind: "switch", help: "write weights of 16 bits, and keep them so", default: false },
  },
  async run(options, { device, reason }) {
    using _scope = device.scope("load");
    const { half, gigabytes: asked } = options;
    const folder = await Deno.makeTempDir();
    try {
      const size = await writeModel(folder, 1e9 * asked, half ? "BF16" : "F32");
      const before = peak();
      const start = performance.now();
      const { report: { used } } = await openLanguageModel(folder, device, seedKey(1), { half });
      const seconds = (performance.now() - start) / 1000;
      const gigabytes = (bytes: number) => Number((bytes / 1e9).toFixed(3));
      report(
        [{
          tensors: used.length,
          size: gigabytes(size),
          seconds: Number(seconds.toFixed(2)),
          peakBefore: gigabytes(before),
          peakResident: gigabytes(peak()),
          ratio: Number((peak() / size).toFixed(3)),
        }],
        options.json,
        `${reason}; sizes in GB`,
      );
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  },
});
