import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import type { Device } from "../../../core/device.ts";
import { seedKey } from "../../../core/random.ts";
import { placeOf } from "../../../nn/formats/peft_tensors.ts";
import { toBatch } from "../../../nn/layers/batch.ts";
import { type Module, parameters } from "../../../nn/layers/module.ts";
import { loraLayers } from "../../../nn/lora/lora.ts";
import { Checkpoint } from "../../../train/files/checkpoint.ts";
import { loadAdapter } from "../../../train/run/adapter.ts";
import { openClassifier, openLanguageModel } from "../../../train/run/load_model.ts";
import {
  jsonFileMutation,
  type Mutation,
  patternMutation,
  weightsMutation,
} from "../../support/file_mutations.ts";
import { fuzzTotal, orTyped, runsOf } from "../../support/fuzz.ts";
import { golden, goldenNames } from "../../support/golden_folders.ts";
import { withDevice } from "../../support/with_device.ts";

type Entries = Map<string, { dtype: string; shape: number[]; bytes: Uint8Array }>;

/** What a file says by the letter of the format; written apart from the reader under test. */
function reread(file: Uint8Array): Entries {
  const header = Number(new DataView(file.buffer).getBigUint64(0, true));
  const fields = JSON.parse(new TextDecoder().decode(file.subarray(8, 8 + header)));
  const entries: Entries = new Map();
  for (const [name, value] of Object.entries(fields)) {
    if (name === "__metadata__") continue;
    const { dtype, shape, data_offsets: [begin, end] } = value as {
      dtype: string;
      shape: number[];
      data_offsets: [number, number];
    };
    const bytes = file.slice(8 + header + begin, 8 + header + end);
    assertEquals(bytes.length, end - begin);
    entries.set(name, { dtype, shape, bytes });
  }
  return entries;
}

const decoders: Record<string, [number, (view: DataView, at: number) => number]> = {
  F64: [8, (view, at) => view.getFloat64(at, true)],
  F32: [4, (view, at) => view.getFloat32(at, true)],
  F16: [2, (view, at) => view.getFloat16(at, true)],
  BF16: [2, (view, at) => {
    const wide = new DataView(new ArrayBuffer(4));
    wide.setUint32(0, view.getUint16(at, true) << 16);
    return wide.getFloat32(0);
  }],
  I64: [8, (view, at) => Number(view.getBigInt64(at, true))],
  I32: [4, (view, at) => view.getInt32(at, true)],
  U8: [1, (view, at) => view.getUint8(at)],
  BOOL: [1, (view, at) => view.getUint8(at)],
};

/** Values of a tensor, element by element. */
function decoded({ dtype, bytes }: { dtype: string; bytes: Uint8Array }): number[] {
  const [size, decode] = decoders[dtype]!;
  const view = new DataView(bytes.buffer);
  return Array.from({ length: bytes.length / size }, (_, i) => decode(view, i * size));
}

/** Requires that parameters hold what a file says. */
async function requireSame(
  model: Module,
  entries: Entries,
  pathOf: (name: string) => string | undefined,
) {
  const places = new Map(parameters(model));
  for (const [name, entry] of entries) {
    const path = pathOf(name);
    if (path === undefined) continue;
    const { shape, value } = places.get(path)!;
    assertEquals(shape, entry.shape, name);
    assertEquals([...await value.read()], decoded(entry).map(Math.fround), name);
  }
}

/** One example through the model, which must end well or in a typed error. */
async function tryForward(model: Awaited<ReturnType<typeof open>>["model"], device: Device) {
  await orTyped(async () => {
    const batch = toBatch(device, [{ ids: [1, 3, 2] }]);
    return await model.forward({ batch }).logits.read();
  });
}

async function open(folder: string, device: Device, language: boolean) {
  return language
    ? await openLanguageModel(folder, device, seedKey(1))
    : await openClassifier(folder, device, seedKey(1));
}

/** Registers a test that changes one file of a golden case many times. */
function fuzz(
  what: string,
  share: number,
  file: string,
  mutation: fc.Arbitrary<Mutation<Uint8Array<ArrayBuffer>>>,
  check: (
    folder: string,
    device: Device,
    language: boolean,
    mutated: Uint8Array<ArrayBuffer>,
  ) => Promise<boolean>,
) {
  Deno.test(`${what}, mutated, loads right or ends in a typed error`, async () => {
    const root = await Deno.makeTempDir();
    try {
      for (const name of goldenNames) {
        for (const part of ["base", "adapter"]) {
          await Deno.mkdir(`${root}/${name}/${part}`, { recursive: true });
          for await (const entry of Deno.readDir(`${golden}/${name}/${part}`)) {
            const path = `${name}/${part}/${entry.name}`;
            await Deno.copyFile(`${golden}/${path}`, `${root}/${path}`);
          }
        }
      }
      const ends = { loaded: 0, refused: 0 };
      await fc.assert(
        fc.asyncProperty(fc.constantFrom(...goldenNames), mutation, async (name, mutate) => {
          const path = `${root}/${name}/${file}`;
          const original = await Deno.readFile(path);
          const mutated = mutate(original);
          await Deno.writeFile(path, mutated);
          try {
            await withDevice("f32", async (device) => {
              const language = name.endsWith("-lm");
              const loaded = await check(`${root}/${name}`, device, language, mutated);
              ends[loaded ? "loaded" : "refused"]++;
              const { peakBytes } = device.backend.statistics;
              assert(peakBytes < 2 ** 25, `${peakBytes} bytes on the device`);
            });
          } finally {
            await Deno.writeFile(path, original);
          }
        }),
        runsOf(share),
      );
      assert(ends.loaded > 0 && ends.refused > 0, JSON.stringify(ends));
      if (fuzzTotal > 800) console.log(what, ends);
    } finally {
      await Deno.remove(root, { recursive: true });
    }
  });
}

fuzz("a safetensors file", 0.2, "base/model.safetensors", weightsMutation, async (...args) => {
  const [folder, , , mutated] = args;
  const found = await orTyped(async () => {
    using checkpoint = await Checkpoint.open(`${folder}/base`);
    const entries = reread(mutated);
    assertEquals(new Set(checkpoint.names()), new Set(entries.keys()));
    for (const [name, entry] of entries) {
      const { dtype, shape } = checkpoint.entry(name);
      assertEquals<unknown>({ dtype, shape }, { dtype: entry.dtype, shape: entry.shape });
      assertEquals(await checkpoint.read(name), entry.bytes);
      assertEquals([...await checkpoint.readFloat(name, "f64")], decoded(entry));
    }
    return true;
  });
  return found ?? false;
});

fuzz("a model's safetensors file", 0.1, "base/model.safetensors", weightsMutation, async (
  folder,
  device,
  language,
  mutated,
) => {
  const found = await orTyped(() => open(`${folder}/base`, device, language));
  if (found === undefined) return false;
  const { model, report } = found;
  const paths = new Map([...report.sources].map(([path, name]) => [name, path]));
  await requireSame(model, reread(mutated), (name) => paths.get(name));
  await tryForward(model, device);
  return true;
});

fuzz("a config.json", 0.2, "base/config.json", jsonFileMutation, async (
  folder,
  device,
  language,
) => {
  const found = await orTyped(() => open(`${folder}/base`, device, language));
  if (found === undefined) return false;
  const { model, report } = found;
  const paths = new Map([...report.sources].map(([path, name]) => [name, path]));
  const file = await Deno.readFile(`${folder}/base/model.safetensors`);
  await requireSame(model, reread(file), (name) => paths.get(name));
  await tryForward(model, device);
  return true;
});

const checkAdapter = async (folder: string, device: Device, language: boolean) => {
  const { model } = await open(`${folder}/base`, device, language);
  const adapter = await orTyped(() => loadAdapter(model, `${folder}/adapter`, device));
  if (adapter === undefined) return false;
  const file = await Deno.readFile(`${folder}/adapter/adapter_model.safetensors`);
  await requireSame(model, reread(file), placeOf);
  const fields = JSON.parse(await Deno.readTextFile(`${folder}/adapter/adapter_config.json`));
  const plain = [fields.rank_pattern, fields.alpha_pattern]
    .every((patterns) => Object.keys(patterns ?? {}).length === 0);
  for (const [path, { rank, scaling }] of plain ? loraLayers(model) : []) {
    const [r, alpha] = [fields.r ?? 8, fields.lora_alpha ?? 8];
    assertEquals([rank, scaling], [r, alpha / (fields.use_rslora ? Math.sqrt(r) : r)], path);
  }
  await tryForward(model, device);
  return true;
};

fuzz(
  "an adapter_config.json",
  0.15,
  "adapter/adapter_config.json",
  jsonFileMutation,
  checkAdapter,
);

fuzz(
  "an adapter_model.safetensors",
  0.15,
  "adapter/adapter_model.safetensors",
  weightsMutation,
  checkAdapter,
);

fuzz(
  "a regular expression of an adapter_config.json",
  0.1,
  "adapter/adapter_config.json",
  patternMutation,
  checkAdapter,
);
