// What a card that is opened by the library has beside the backend itself.
import { assert, assertEquals } from "@std/assert";
import { Device } from "../../../core/device.ts";
import { add, mul } from "../../../core/ops/elementwise.ts";
import { tensor } from "../../../core/tensor.ts";
import type { CudaBackend } from "../../../kernels/cuda/backend.ts";
import type { DriverFunction, NativeArgument } from "../../../kernels/cuda/driver/ffi.ts";
import { openCuda } from "../../../mod.ts";
import { generate } from "../../../nn/generation/generate.ts";
import { toBatch } from "../../../nn/layers/batch.ts";
import { type InterpretedDriver, interpretedDriver } from "../../support/ptx/interpreted_driver.ts";
import { trainTiny } from "../../support/tiny_training.ts";
import { hostWith, withHost } from "../../support/ptx/library_host.ts";
import { randomModel, tinyConfig, tinyExamples } from "../../support/tiny_models.ts";

/** Runs a body on a card that is opened through the host's interface to libraries. */
async function onCard(
  driver: InterpretedDriver,
  body: (device: Device) => Promise<void>,
): Promise<void> {
  const opened = () => withHost(hostWith(driver), () => openCuda());
  const device = new Device(await opened() as CudaBackend);
  {
    using _scope = device.scope("opened");
    await body(device);
  }
  await device[Symbol.asyncDispose]();
}

Deno.test("models run attention as one program on a card that was opened", async () => {
  const driver = interpretedDriver();
  await onCard(driver, async (device) => {
    const config = tinyConfig("bert", { hidden_size: 16 });
    const model = randomModel(device, config, "classifier");
    await model.forward({ batch: toBatch(device, tinyExamples([5, 3])) }).logits.read();
    const found = driver.texts.filter((text) => text.startsWith("// attention:"));
    assertEquals(found.length, 1);
  });
});

Deno.test("steps come again without being computed on a card that was opened", async () => {
  await onCard(interpretedDriver(), async (device) => {
    const { capturing } = device.backend as CudaBackend;
    let captured = 0;
    const begin = capturing!.begin.bind(capturing);
    capturing!.begin = () => {
      captured++;
      begin();
    };
    await trainTiny(device, "bert", 5);
    assertEquals(captured, 2);
  });
});

Deno.test("tokens come again without being computed on a card that was opened", async () => {
  await onCard(interpretedDriver(), async (device) => {
    const { capturing } = device.backend as CudaBackend;
    let captured = 0;
    const begin = capturing!.begin.bind(capturing);
    capturing!.begin = () => {
      captured++;
      begin();
    };
    const model = randomModel(device, tinyConfig("gpt2"), "language");
    await generate(model, device, [[3, 9, 4]], { newTokens: 7, positions: 16 });
    assertEquals(captured, 2);
  });
});

Deno.test({
  name: "threads begin to compile once the host has taken long",
  ignore: navigator.hardwareConcurrency < 2,
  async fn() {
    const driver = interpretedDriver();
    const calls = new Proxy(driver.library.calls, {
      get: (own, name: DriverFunction) => (...args: NativeArgument[]) => {
        const end = performance.now() + (name === "cuLibraryLoadData" ? 30 : 0);
        while (performance.now() < end);
        return own[name](...args);
      },
    });
    const usual = Worker;
    let begun = 0;
    // A thread that never does anything: the host compiles all.
    globalThis.Worker = class extends EventTarget {
      constructor() {
        super();
        begun++;
      }
      postMessage() {}
      terminate() {}
    } as unknown as typeof Worker;
    try {
      await onCard({ ...driver, library: { ...driver.library, calls } }, async (device) => {
        const x = tensor(device, [1, 2]);
        assertEquals([...await mul(add(x, 1), 2).read()], [4, 6]);
        assertEquals([...await mul(x, x).read()], [1, 4]);
      });
    } finally {
      globalThis.Worker = usual;
    }
    assert(begun > 0);
  },
});
