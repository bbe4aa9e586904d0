import {
  assert,
  assertAlmostEquals,
  assertEquals,
  assertNotEquals,
  assertRejects,
} from "@std/assert";
import { OptionError } from "../../../core/errors.ts";
import { seedKey } from "../../../core/random.ts";
import { tensor } from "../../../core/tensor.ts";
import type { LanguageModel } from "../../../nn/models/decoder.ts";
import { parameters } from "../../../nn/layers/module.ts";
import { evalCommand } from "../../../train/commands/eval.ts";
import { predictCommand } from "../../../train/commands/predict.ts";
import { trainOptions } from "../../../train/config/train_options.ts";
import { readE2e } from "../../../train/data/e2e.ts";
import { groupByContext } from "../../../train/data/text_example.ts";
import { parseFlags } from "../../../train/config/parse.ts";
import { openLanguageModel } from "../../../train/run/load_model.ts";
import { loadTokenizer } from "../../../train/run/load_tokenizer.ts";
import { corpusBleu } from "../../../train/metrics/bleu.ts";
import { openRun, runConfig } from "../../../train/run/open_run.ts";
import { presetFor } from "../../../train/config/presets.ts";
import { continueAll } from "../../../train/tasks/continuation.ts";
import { specialTokens } from "../../../train/tasks/special_tokens.ts";
import { train } from "../../../train/train.ts";
import { withDevice } from "../../support/with_device.ts";
import { Workspace } from "../../support/workspace.ts";

Deno.test("flags of beam search are read, also the one that begins with no", () => {
  const args = "--beams 4 --length-penalty 0.8 --no-repeat-ngram 4 --repetition-penalty 1.2";
  const values = parseFlags(trainOptions, [...args.split(" "), "--beam-convention", "lora"]);
  assertEquals(values, {
    beams: 4,
    lengthPenalty: 0.8,
    noRepeatNgram: 4,
    repetitionPenalty: 1.2,
    beamConvention: "lora",
  });
});

Deno.test("the paper's preset for E2E searches as the paper does", () => {
  const { beams, lengthPenalty, noRepeatNgram, beamConvention } = presetFor("paper", "e2e");
  assertEquals([beams, lengthPenalty, noRepeatNgram, beamConvention], [10, 0.9, 4, "lora"]);
});

/** The BLEU that `eval` prints. */
async function evaluated(...args: string[]): Promise<number> {
  const original = console.log;
  let text = "";
  console.log = (line: string) => void (text += line);
  try {
    assertEquals(await evalCommand.run([...args, "--json"]), 0);
  } finally {
    console.log = original;
  }
  return JSON.parse(text).bleu;
}

Deno.test("predict and eval search as their flags say, and otherwise as the run does", async () => {
  await using workspace = await Workspace.open();
  const run = workspace.out("e2e");
  const steps = { backend: "cpu", maxSteps: 4, generate: 2 } as const;
  await train(workspace.config("e2e", { ...steps, out: run, beams: 2 }));
  const input = `${workspace.data("e2e")}/devset.csv`;
  const predicted = async (...flags: string[]) => {
    const out = workspace.out("predicted");
    await predictCommand.run(["--run", run, "--input", input, "--out", out, "--force", ...flags]);
    return (await Deno.readTextFile(out)).trimEnd().split("\n");
  };
  const groups = groupByContext(await readE2e(workspace.data("e2e"), "dev"));
  const contexts = groups.map(({ context }) => context);
  const expected = async (changes: Record<string, unknown>) => {
    const config = await runConfig(run, changes);
    const lines: string[] = [];
    await withDevice("f32", async (device) => {
      const { model, architecture, tokenizer } = await openRun(run, config, device);
      const texts = await continueAll(model as LanguageModel, device, contexts, {
        tokenizer,
        frame: specialTokens(architecture, tokenizer),
        config: architecture,
        newTokens: config.newTokens,
        search: config,
        batch: 5,
      });
      lines.push(...texts.map((text) => text.replace(/\s*[\r\n]+\s*/g, " ")));
    });
    return lines;
  };
  const own = await predicted();
  assertEquals(own, await expected({ beams: 2 }));
  assertEquals(await predicted("--batch", "1"), own);
  await assertRejects(() => predicted("--batch", "0"), OptionError, "--batch");
  const changes = { beams: 3, noRepeatNgram: 1, beamConvention: "lora", newTokens: 5 };
  const flags = "--beams 3 --no-repeat-ngram 1 --beam-convention lora --new-tokens 5".split(" ");
  const changed = await predicted(...flags);
  assertEquals(changed, await expected(changes));
  assertNotEquals(changed, own);
  const { score } = corpusBleu(changed, groups.map((g) => g.references), { lowercase: true });
  assertAlmostEquals(await evaluated("--run", run, "--generate", "99", ...flags), score, 1e-9);
  await assertRejects(
    () => predicted("--repetition-penalty", "0"),
    OptionError,
    '--repetition-penalty as a number above 0 is required: found "0"',
  );
});

Deno.test("continueAll() ends a text of the LoRA recipe at a blank line", async () => {
  await using workspace = await Workspace.open();
  const directory = workspace.model("llama");
  const tokenizer = await loadTokenizer(directory);
  const id = (text: string) => tokenizer.encode(text, undefined, { special: false }).ids[0]!;
  await withDevice("f32", async (device) => {
    const { model, config } = await openLanguageModel(directory, device, seedKey(0));
    // Whatever came before: a line break, or where that is banned " pub".
    for (const [path, parameter] of parameters(model)) {
      const { size, shape: [, columns = 1] } = parameter;
      const data = new Float32Array(size);
      if (path.includes("embed_tokens")) data.fill(1);
      if (path === "model.norm.weight") data.fill(1);
      if (path.includes("lm_head")) {
        data[id("\n") * columns] = 2;
        data[id(" pub") * columns] = 1;
      }
      parameter.value = tensor(device, data, parameter.shape);
    }
    const made = async (beamConvention: "hf" | "lora") => {
      const search = { beams: 1, lengthPenalty: 1, noRepeatNgram: 2, repetitionPenalty: 1 };
      return await continueAll(model, device, ["name : x"], {
        tokenizer,
        frame: specialTokens(config, tokenizer),
        config,
        newTokens: 4,
        search: { ...search, beamConvention },
        batch: 1,
      });
    };
    assertEquals(await made("lora"), [""]);
    const [text] = await made("hf");
    assert(text!.startsWith("pub"), text);
  });
});
