import { assertRejects, assertThrows } from "@std/assert";
import { FileError, OptionError } from "../../../core/errors.ts";
import { readRun } from "../../../train/run/run_folder.ts";
import { classNames } from "../../../train/tasks/labelled.ts";
import { train } from "../../../train/train.ts";
import { Workspace } from "../../support/workspace.ts";

const workspace = await Workspace.open();
Deno.test.afterAll(() => workspace[Symbol.asyncDispose]());

const out = workspace.out("checkpoints");
const config = workspace.config("rte", { method: "hiddenkey", saveEvery: 3, out });
await train(config);
const folder = `${out}/checkpoint-3`;

/** Changes the text of a file while a job runs; lengths of safetensors must stay. */
async function changed(file: string, from: string, to: string, job: () => Promise<void>) {
  const before = await Deno.readFile(file);
  const latin = new TextDecoder("latin1").decode(before).replaceAll(from, to);
  await Deno.writeFile(file, Uint8Array.from(latin, (one) => one.charCodeAt(0)));
  try {
    await job();
  } finally {
    await Deno.writeFile(file, before);
  }
}

for (
  const [to, required] of [
    ["1", "as 3 of at most 8, max_steps, is required in key global_step: found 1"],
    ["0", "found 0"],
    ["1000000000", "found 1000000000"],
    ["3.5", "found 3.5"],
    ['"3"', 'found "3"'],
  ] as const
) {
  Deno.test(`A checkpoint whose step is ${to} is not resumed`, async () => {
    const file = `${folder}/trainer_state.json`;
    await changed(file, '"global_step": 3', `"global_step": ${to}`, async () => {
      await assertRejects(() => train(config, { resume: folder }), FileError, required);
    });
  });
}

Deno.test("A checkpoint beyond the steps that its run planned is not resumed", async () => {
  const far = `${out}/checkpoint-1000000000`;
  await Deno.rename(folder, far);
  const file = `${far}/trainer_state.json`;
  try {
    await changed(file, '"global_step": 3', '"global_step": 1000000000', async () => {
      await assertRejects(() => train(config, { resume: far }), FileError, "at most 8, max_steps");
    });
  } finally {
    await Deno.rename(far, folder);
  }
});

Deno.test("A checkpoint of integers is not resumed", async () => {
  await changed(`${folder}/optimizer.safetensors`, '"F32"', '"I32"', async () => {
    await assertRejects(
      () => train(config, { resume: folder }),
      FileError,
      "Cannot resume as tensor parameters must be F32: found I32",
    );
  });
});

for (
  const [name, value, required] of [
    ["parameters", NaN, "finite: found NaN at element 0"],
    ["first", -Infinity, "finite: found -Infinity at element 0"],
    ["second", Infinity, "finite and at least 0: found Infinity at element 0"],
    ["second", -1, "finite and at least 0: found -1 at element 0"],
  ] as const
) {
  Deno.test(`A checkpoint with ${value} in ${name} is not resumed`, async () => {
    const path = `${folder}/optimizer.safetensors`;
    const before = await Deno.readFile(path);
    const after = before.slice();
    const view = new DataView(after.buffer);
    const header = Number(view.getBigUint64(0, true));
    const { [name]: entry } = JSON.parse(new TextDecoder().decode(after.subarray(8, 8 + header)));
    view.setFloat32(8 + header + entry.data_offsets[0], value, true);
    await Deno.writeFile(path, after);
    await assertRejects(
      () => train(config, { resume: folder }),
      FileError,
      `every element of tensor ${name} must be ${required}`,
    );
    await Deno.writeFile(path, before);
  });
}

Deno.test("A run whose classes are no different words is not read", async () => {
  const run = workspace.out("classes");
  await Deno.mkdir(run, { recursive: true });
  for (const classes of [[0, 1], [null, null], ["a", "a"], "ab", { 0: "a" }, null]) {
    await Deno.writeTextFile(`${run}/run.json`, JSON.stringify({ config: {}, classes }));
    await assertRejects(
      () => readRun(run),
      FileError,
      "different words are required in key classes: found",
    );
  }
  assertThrows(() => classNames("classification", []), OptionError, "must name its classes");
});

Deno.test("A base model or adapter of integers is not loaded", async () => {
  const files = [
    [`${workspace.model("bert")}/model.safetensors`, { out: workspace.out("base") }],
    [`${out}/adapter_model.safetensors`, { out: workspace.out("adapter"), adapter: out }],
  ] as const;
  for (const [file, changes] of files) {
    await changed(file, '"F32"', '"I32"', async () => {
      await assertRejects(
        () => train({ ...config, ...changes }),
        FileError,
        "requires a dtype of F64, F32, F16, BF16: found I32",
      );
    });
  }
});
