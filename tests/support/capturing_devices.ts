// Devices whose backends capture work: an interpreted card, and the WebGPU adapter where there is one.
import { assertEquals } from "@std/assert";
import type { Backend } from "../../core/backend.ts";
import { Device } from "../../core/device.ts";
import { WebGpuBackend } from "../../kernels/webgpu/backend.ts";
import { withInterpreted } from "./interpreted_device.ts";
import { webGpuTest } from "./webgpu_device.ts";

type Body = (device: Device, backend: Backend) => Promise<void> | void;

/** Runs a body on a device of its own, with captures or without; fails if buffers are left. */
export type WithCapturing = (body: Body, captures?: boolean) => Promise<void>;

const withCard: WithCapturing = (body, captures = true) =>
  withInterpreted({ graphs: captures }, (device, { backend }) => body(device, backend));

/** The same on a GPU that others have opened. */
function withGpu(shared: WebGpuBackend): WithCapturing {
  return async (body, captures = true) => {
    const backend = new WebGpuBackend(shared.device, shared.facts);
    await backend.prepare();
    if (!captures) Object.assign(backend, { capturing: undefined });
    const device = new Device(backend);
    {
      using _scope = device.scope("test");
      await body(device, backend);
    }
    assertEquals(backend.statistics.buffers, 0, "buffers left");
  };
}

/** Declares a test for each backend that captures work. */
export function capturingTest(
  name: string,
  body: (run: WithCapturing) => Promise<void> | void,
): void {
  Deno.test(`${name}, on a card`, async () => await body(withCard));
  webGpuTest(`${name}, by WebGPU`, async (_, backend) => await body(withGpu(backend)));
}
