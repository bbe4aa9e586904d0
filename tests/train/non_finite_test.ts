/** NaN and infinity in a base, an adapter or in logits end every command, by name. */

import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { Device } from "../../core/device.ts";
import { FileError, NumericError } from "../../core/errors.ts";
import { seedKey } from "../../core/random.ts";
import { openCpu } from "../../kernels/cpu/backend.ts";
import { encodeFloats, type FloatDtype } from "../../nn/formats/safetensors_values.ts";
import { encodeSafetensors, type TensorData } from "../../nn/formats/safetensors_write.ts";
import { Checkpoint } from "../../train/files/checkpoint.ts";
import { openClassifier } from "../../train/run/load_model.ts";
import { classifyAll } from "../../train/tasks/classification.ts";
import { hiddenkey } from "../support/cli.ts";
import { namesIn, Workspace } from "../support/workspace.ts";

const workspace = await Workspace.open();
Deno.test.afterAll(() => workspace[Symbol.asyncDispose]());

/** Rewrites a file with one element of one tensor changed, all tensors of one type. */
async function spoil(path: string, name: string, value: number, dtype: FloatDtype = "F32") {
  const tensors: TensorData[] = [];
  {
    using file = await Checkpoint.open(path);
    for (const each of file.names()) {
      const values = await file.readFloat(each, "f32");
      if (each === name) values[3] = value;
      tensors.push({
        name: each,
        dtype,
        shape: file.entry(each).shape,
        bytes: encodeFloats(values, dtype),
      });
    }
  }
  await Deno.writeFile(path, encodeSafetensors(tensors, { format: "pt" }));
}

async function copied(from: string, to: string): Promise<string> {
  await Deno.mkdir(to);
  for (const name of namesIn(from)) await Deno.copyFile(`${from}/${name}`, `${to}/${name}`);
  return to;
}

const bias = "bert.encoder.layer.0.output.dense.bias";
const matrix = "bert.encoder.layer.1.output.dense.weight";

Deno.test("a base model with a number that is not finite is refused with the tensor's name", async () => {
  const cases = [[bias, NaN, "F32"], [matrix, -Infinity, "F16"], [matrix, NaN, "BF16"]] as const;
  for (const [i, [name, value, dtype]] of cases.entries()) {
    const base = await copied(workspace.model("bert"), workspace.out(`base-${i}`));
    await spoil(`${base}/model.safetensors`, name, value, dtype);
    for (const half of [false, true]) {
      await using device = new Device(openCpu(), "f32");
      using _scope = device.scope("load");
      await assertRejects(
        () => openClassifier(base, device, seedKey(1), 2, { half }),
        FileError,
        `${base}/model.safetensors: Cannot use tensor ${name} as every element must be finite: ` +
          `found ${value} at element 3`,
      );
    }
  }
});

Deno.test("eval, predict, merge and train end where base or adapter is not finite", async () => {
  const data = workspace.data("rte");
  const base = await copied(workspace.model("bert"), workspace.out("base"));
  const run = workspace.out("run");
  const options = ["--task=rte", `--data=${data}`, `--model=${base}`, "--batch=8", "--max-steps=2"];
  assertEquals((await hiddenkey("train", ...options, `--out=${run}`)).code, 0);
  const input = `${data}/dev.tsv`;
  const commands = [
    ["eval", "--run", run],
    ["predict", "--run", run, "--input", input, "--out", workspace.out("predictions")],
    ["merge", "--run", run, "--out", workspace.out("merged")],
  ];
  const requireRefusal = async (args: string[], tensor: string) => {
    const { code, err } = await hiddenkey(...args);
    assertEquals([code, err.trim().split("\n").length], [1, 1], err);
    assertStringIncludes(err, `Cannot use tensor ${tensor} as every element must be finite: found`);
  };
  const adapter = `${run}/adapter_model.safetensors`;
  const whole = await Deno.readFile(adapter);
  const update = "base_model.model.bert.encoder.layer.0.attention.self.query.lora_B.weight";
  await spoil(adapter, update, Infinity);
  for (const args of commands) await requireRefusal(args, update);
  await Deno.writeFile(adapter, whole);
  await spoil(`${base}/model.safetensors`, bias, NaN);
  for (const args of [...commands, ["train", ...options]]) await requireRefusal(args, bias);
  assertEquals(namesIn(workspace.root).filter((name) => /predictions|merged/.test(name)), []);
});

Deno.test("logits that overflow name the example and the layer where that begins", async () => {
  const base = await copied(workspace.model("bert"), workspace.out("large"));
  await using device = new Device(openCpu(), "f32");
  using _scope = device.scope("model");
  for (const name of ["intermediate.dense.bias", "output.dense.weight"]) {
    await spoil(`${base}/model.safetensors`, `bert.encoder.layer.1.${name}`, 3e38);
  }
  const { model } = await openClassifier(base, device, seedKey(1), 2);
  const examples = [{ ids: [2, 5, 6, 3] }, { ids: [2, 5, 3] }];
  await assertRejects(
    () => classifyAll(model, device, examples, { padId: 0, batch: 2 }, (passes) => passes),
    NumericError,
    "Cannot use the logits of example 1 as they must be finite: found NaN, which begins in layer 1",
  );
});
