// What an adapter that is opened by the library has beside the backend itself.
import { assertEquals } from "@std/assert";
import { generate } from "../../../nn/generation/generate.ts";
import { randomModel, tinyConfig } from "../../support/tiny_models.ts";
import { trainTiny } from "../../support/tiny_training.ts";
import { webGpuTest } from "../../support/webgpu_device.ts";

webGpuTest("steps and tokens come again without being computed", async (device, backend) => {
  const { capturing } = backend;
  const begin = capturing.begin;
  let captured = 0;
  capturing.begin = () => {
    captured++;
    begin.call(capturing);
  };
  try {
    await trainTiny(device, "bert", 5);
    assertEquals(captured, 2);
    const model = randomModel(device, tinyConfig("gpt2"), "language");
    await generate(model, device, [[3, 9, 4]], { newTokens: 7, positions: 16 });
    assertEquals(captured, 4);
  } finally {
    capturing.begin = begin;
  }
});
