import { assertEquals, assertStringIncludes } from "@std/assert";
import { hiddenkey } from "../../support/cli.ts";
import { Workspace } from "../../support/workspace.ts";

const workspace = await Workspace.open();
Deno.test.afterAll(() => workspace[Symbol.asyncDispose]());

/** Runs one step of `train` with the paper's preset. */
function recipe(task: "rte" | "sst2", model: "bert" | "llama", ...flags: string[]) {
  const data = ["--task", task, "--data", workspace.data(task), "--model", workspace.model(model)];
  return hiddenkey("train", "--preset", "paper", ...data, "--max-steps", "1", ...flags);
}

const small = ["--batch", "8", "--max-length", "40"];

async function savedConfig(run: string): Promise<Record<string, unknown>> {
  return JSON.parse(await Deno.readTextFile(`${run}/run.json`)).config;
}

Deno.test("--preset paper takes the column of the model's architecture", async () => {
  for (const [model, lr, epochs] of [["bert", 4e-4, 30], ["llama", 5e-4, 10]] as const) {
    const out = workspace.out(model);
    const { code, err } = await recipe("rte", model, ...small, "--out", out);
    assertEquals([code, err], [0, ""]);
    const config = await savedConfig(out);
    assertEquals([config["lr"], config["epochs"]], [lr, epochs]);
  }
  const { code, err } = await recipe("sst2", "llama");
  assertEquals(code, 1);
  assertStringIncludes(
    err,
    "preset paper for sst2 with the architecture llama as it has settings for rte, mrpc",
  );
});

Deno.test("a run says what weight decay shrinks, and saves what it leaves out", async () => {
  const all = await recipe("rte", "bert", ...small);
  // Query and value of two layers have two updates each; the head has a weight and a bias.
  assertStringIncludes(all.out, "weight decay: 0.1 on 10 of 10 trained tensors\n");
  const out = workspace.out("excluded");
  const some = await recipe("rte", "bert", ...small, "--out", out, "--decay-exclude", "bias,norm");
  assertStringIncludes(
    some.out,
    "weight decay: 0.1 on 9 of 10 trained tensors, not on classifier.bias\n",
  );
  assertEquals((await savedConfig(out))["decayExclude"], ["bias", "norm"]);
  const { code, err } = await recipe("rte", "bert", ...small, "--decay-exclude", "biases");
  assertEquals(code, 1);
  assertStringIncludes(
    err,
    "Cannot leave parameters out of weight decay as one of bias, norm is required: found biases",
  );
});
