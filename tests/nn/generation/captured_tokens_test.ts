// Tokens whose work is queued again are those of tokens that are computed, to the bit.
import { assert, assertAlmostEquals, assertEquals } from "@std/assert";
import type { Device } from "../../../core/device.ts";
import { quantisedTensor } from "../../../core/quantised.ts";
import { tensor } from "../../../core/tensor.ts";
import type { Generated } from "../../../nn/generation/beam_search.ts";
import { generate } from "../../../nn/generation/generate.ts";
import type { GenerateOptions } from "../../../nn/generation/generate_options.ts";
import { parameters } from "../../../nn/layers/module.ts";
import type { LanguageModel } from "../../../nn/models/decoder.ts";
import { capturingTest, type WithCapturing } from "../../support/capturing_devices.ts";
import { cut } from "../../support/quantised_cases.ts";
import { randomModel, tinyConfig } from "../../support/tiny_models.ts";

const architectures = ["gpt2", "llama"] as const;

const usual: GenerateOptions = { newTokens: 24, positions: 40, beams: 3, noRepeatNgram: 2 };

const prompts = Array.from(
  { length: 11 },
  (_, i) => Array.from({ length: 2 + (i * 5) % 7 }, (_, t) => 1 + (3 * i + 5 * t) % 21),
);

interface Course {
  readonly architecture: typeof architectures[number];
  readonly options?: Partial<GenerateOptions>;
  /** Prompts of each call; default 3. */
  readonly count?: number;
  /** Whether every token is computed, though its sizes are rounded. */
  readonly computes?: boolean;
  /** Whether the backend captures; default true. */
  readonly captures?: boolean;
  /** Changes the model between two calls. */
  readonly between?: (model: LanguageModel, device: Device) => void;
  /** Changes it before the first. */
  readonly before?: (model: LanguageModel, device: Device) => Promise<void>;
}

/** Puts the matrices of the layers into 4 bits. */
async function quantise(model: LanguageModel, device: Device): Promise<void> {
  for (const [path, parameter] of parameters(model)) {
    if (parameter.shape.length !== 2 || !/\.\d+\./.test(path)) continue;
    const numbers = cut(await parameter.value.read() as Float32Array);
    parameter.value = await quantisedTensor(device, parameter.shape, "nf4", numbers);
  }
}

/** Texts of two calls, and how many tokens the model was run for. */
async function texts(
  on: WithCapturing,
  course: Course,
): Promise<{ found: Generated[]; runs: number }> {
  const { architecture, options, count = 3, computes = false, captures = true, between, before } =
    course;
  const found: Generated[] = [];
  let runs = 0;
  await on(async (device, backend) => {
    const { capturing } = backend;
    if (computes) {
      const end = capturing!.end.bind(capturing);
      capturing!.end = (given, made) => void end(given, made);
    }
    const config = tinyConfig(architecture, { max_position_embeddings: 40 });
    const model = randomModel(device, config, "language", 3);
    await before?.(model, device);
    const forward = model.forward.bind(model);
    model.forward = (context) => {
      runs++;
      return forward(context);
    };
    for (let call = 0; call < 2; call++) {
      // What is not written yet must not be seen, whatever it was.
      tensor(device, new Float32Array(2 ** 20).fill(NaN))[Symbol.dispose]();
      if (call > 0) between?.(model, device);
      found.push(
        ...await generate(model, device, prompts.slice(0, count), { ...usual, ...options }),
      );
    }
  }, captures);
  return { found, runs };
}

const cases: Readonly<Record<string, Course>> = {
  // The cache is looked at in two sizes.
  "of llama by beam search": { architecture: "llama" },
  "of a llama in 4 bits": { architecture: "llama", options: { newTokens: 16 }, before: quantise },
  // Some texts end early, so that the cache is moved together.
  "of gpt2 by the beam search of microsoft/LoRA": {
    architecture: "gpt2",
    count: 11,
    options: { beamConvention: "lora", beams: 2, eosIds: [5, 7, 11] },
  },
  "of gpt2 by greedy search": { architecture: "gpt2", options: { beams: 1, newTokens: 12 } },
};

for (const [name, course] of Object.entries(cases)) {
  capturingTest(`tokens ${name} come again as they are computed`, async (on) => {
    const captured = await texts(on, course);
    const computed = await texts(on, { ...course, computes: true });
    assertEquals(captured.found, computed.found);
    assert(captured.runs < computed.runs / 2, `${captured.runs} of ${computed.runs} are computed`);
    const plain = await texts(on, { ...course, captures: false });
    assertEquals(plain.runs, computed.runs);
    captured.found.forEach(({ score, ...text }, i) => {
      const { score: expected, ...rest } = plain.found[i]!;
      assertEquals(text, rest);
      assertAlmostEquals(score, expected, 1e-5);
    });
  });
}

capturingTest("tokens are computed anew where weights are others", async (on) => {
  const between = (model: LanguageModel, device: Device) => {
    const [, parameter] = [...parameters(model)].find(([path]) => path.includes("mlp"))!;
    const changed = Array.from({ length: parameter.size }, (_, i) => Math.sin(i));
    parameter.value = tensor(device, changed, parameter.shape);
  };
  const course = { architecture: "llama", options: { newTokens: 8 }, between } as const;
  const { found } = await texts(on, course);
  assertEquals(found, (await texts(on, { ...course, computes: true })).found);
  const [first, second] = [found.slice(0, 3), found.slice(3)];
  assert(first.every(({ score }, i) => score !== second[i]!.score));
});
