/** `--half` from flags to memory: results are the same with it, so what is allocated must tell. */

import { assert, assertEquals } from "@std/assert";
import { openCpu } from "../../kernels/cpu/backend.ts";
import { encodeFloats, toFloat32 } from "../../nn/formats/safetensors_values.ts";
import { openDevice } from "../../train/device/backend.ts";
import { openRun, runConfig } from "../../train/run/open_run.ts";
import { train } from "../../train/train.ts";
import { tensors } from "../support/cli_cases.ts";
import { Workspace } from "../support/workspace.ts";

const workspace = await Workspace.open();
Deno.test.afterAll(() => workspace[Symbol.asyncDispose]());

/** Bytes that the CPU's backend allocates while something runs. */
async function allocatedBy(work: () => Promise<unknown>): Promise<number> {
  await using backend = openCpu({ kernels: "javascript" });
  const prototype = Object.getPrototypeOf(backend);
  const { allocate } = prototype;
  let total = 0;
  prototype.allocate = function (bytes: number) {
    total += bytes;
    return allocate.call(this, bytes);
  };
  try {
    await work();
  } finally {
    prototype.allocate = allocate;
  }
  return total;
}

for (const [task, name] of [["rte", "bert"], ["e2e", "gpt2"]] as const) {
  Deno.test(`--half of ${task} keeps matrices in 16 bits, in training and in a run opened again`, async () => {
    const model = workspace.model(name);
    let matrices = 0;
    const bytes = await tensors(model, (tensor) => {
      if (tensor.shape.length !== 2) return [tensor];
      matrices += tensor.shape[0]! * tensor.shape[1]!;
      const values = toFloat32(tensor.bytes, tensor.dtype);
      return [{ ...tensor, dtype: "BF16", bytes: encodeFloats(values, "BF16") }];
    });
    await Deno.writeFile(`${model}/model.safetensors`, bytes);
    const common = { backend: "cpu", kernels: "javascript", maxSteps: 1, devLimit: 1 } as const;
    const trained = async (half: boolean) => {
      const out = workspace.out(`${task}-${half}`);
      const config = workspace.config(task, { ...common, generate: 0, half, out });
      return [await allocatedBy(() => train(config)), out] as const;
    };
    const opened = (run: string) =>
      allocatedBy(async () => {
        const config = await runConfig(run);
        const { device } = await openDevice(config);
        await using _device = device;
        using _scope = device.scope("run");
        await openRun(run, config, device);
      });
    const [[whole, first], [halved, second]] = [await trained(false), await trained(true)];
    const saved = (from: number, to: number, most: number) => {
      assert(from - to >= 1.5 * matrices && from - to <= most, `${from} ${to} ${matrices}`);
    };
    saved(whole, halved, Infinity);
    saved(await opened(first), await opened(second), 2 * matrices);
    const read = (run: string) => Deno.readTextFile(`${run}/adapter_config.json`);
    assertEquals(await read(first), await read(second));
  });
}
