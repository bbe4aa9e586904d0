import { assertEquals } from "@std/assert";
import { presetFor } from "../../../train/config/presets.ts";
import { resolveConfig } from "../../../train/config/config.ts";
import { savedBy } from "../../support/train_in_process.ts";
import { Workspace } from "../../support/workspace.ts";

const workspace = await Workspace.open();
Deno.test.afterAll(() => workspace[Symbol.asyncDispose]());

let files = 0;

/** A file of options. */
async function fileOf(options: Record<string, unknown>): Promise<string> {
  const path = workspace.out(`options-${++files}.json`);
  await Deno.writeTextFile(path, JSON.stringify(options));
  return path;
}

const required = (model: "bert" | "llama" = "bert") => ({
  task: "rte",
  data: workspace.data("rte"),
  model: workspace.model(model),
});
const small = { batch: 8, maxLength: 40, maxSteps: 1 };

Deno.test("flags win over the file, the file over the preset, the preset over defaults", async () => {
  const file = { ...required(), ...small, rank: 3, lr: 0.125, warmup: 0.25, bucket: false };
  const { config } = await savedBy(
    workspace.out("order"),
    ...["--preset", "paper", "--config", await fileOf(file)],
    ...["--rank", "2", "--lr", "0.5"],
  );
  const preset = presetFor("paper", "rte");
  const found = ["rank", "lr", "warmup", "batch", "bucket", "weightDecay", "epochs", "clip"];
  assertEquals(found.map((name) => config[name]), [
    // Flags.
    2,
    0.5,
    // The file, whose values may be false.
    0.25,
    8,
    false,
    // The preset.
    preset.weightDecay,
    preset.epochs,
    // The default.
    1,
  ]);
});

Deno.test("the preset of a model's architecture stands below the file too", async () => {
  const file = { ...required("llama"), ...small, epochs: 0.25, weightDecay: 0 };
  const { config } = await savedBy(
    workspace.out("family"),
    ...["--preset", "paper", "--config", await fileOf(file)],
  );
  const { lr } = presetFor("paper", "rte", "llama");
  const found = ["lr", "epochs", "weightDecay", "batch"].map((name) => config[name]);
  assertEquals(found, [lr, 0.25, 0, 8]);
  assertEquals(lr === presetFor("paper", "rte").lr, false);
});

Deno.test("a preset that no architecture changes stands below the file too", async () => {
  const model = { task: "e2e", data: workspace.data("e2e"), model: workspace.model("gpt2") };
  const file = { ...model, ...small, maxLength: 64, lr: 0.125, clip: 2, generate: 0, beams: 1 };
  const { config } = await savedBy(
    workspace.out("plain"),
    ...["--preset", "lora", "--config", await fileOf(file), "--epsilon", "0.5"],
  );
  const found = ["lr", "clip", "epsilon", "method", "seed"].map((name) => config[name]);
  assertEquals(found, [0.125, 2, 0.5, "lora-dropout", 110]);
});

Deno.test("a resumed run keeps its options unless a file or a flag says otherwise", async () => {
  const first = workspace.out("first");
  const start = { ...required(), ...small, epochs: 1, maxSteps: 2, lr: 0.25, rank: 2, seed: 4 };
  await savedBy(first, "--config", await fileOf({ ...start, saveEvery: 1, warmup: 0 }));
  const last = `${first}/checkpoint-1`;
  const file = await fileOf({ lr: 0.125, maxSteps: 3, bucket: false });
  const { config } = await savedBy(
    workspace.out("second"),
    ...["--resume", last, "--config", file, "--max-steps", "4", "--change"],
  );
  const found = ["rank", "seed", "lr", "maxSteps", "bucket", "warmup", "epochs"];
  const expected = [2, 4, 0.125, 4, false, 0, 1];
  assertEquals(found.map((name) => config[name]), expected);
  // A preset stands below what the run was made with, whether the model has a say in it or not.
  for (const preset of ["paper", "weight-decay"]) {
    const { config } = await savedBy(
      workspace.out(`third-${preset}`),
      ...["--resume", last, "--preset", preset, "--config", file, "--max-steps", "4", "--change"],
    );
    assertEquals(found.map((name) => config[name]), expected, preset);
    assertEquals([config["weightDecay"], config["batch"]], [0, small.batch], preset);
  }
});

Deno.test("of layers the later one is the stronger, and false and 0 are values", () => {
  const required = { task: "rte", data: "d", model: "m" } as const;
  const one = { ...required, lr: 1, bucket: false, clip: 0, kl: 0, nograd: false };
  const { lr, bucket, clip, kl, nograd, rank } = resolveConfig(one, { lr: 2, rank: 3 }, { lr: 3 });
  assertEquals([lr, bucket, clip, kl, nograd, rank], [3, false, 0, 0, false, 3]);
});
