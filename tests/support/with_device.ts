import { Device } from "../../core/device.ts";
import { openCpu } from "../../kernels/cpu/backend.ts";

/** Runs a test body on a fresh CPU device and fails if it leaves memory behind. */
export async function withDevice(
  float: "f32" | "f64",
  body: (device: Device) => Promise<void> | void,
): Promise<void> {
  const device = new Device(openCpu(), float);
  {
    using _scope = device.scope("test");
    await body(device);
  }
  const { buffers, bytes } = device.backend.statistics;
  if (buffers !== 0 || bytes !== 0) {
    throw new Error(`Leaked ${buffers} buffers of ${bytes} bytes in all`);
  }
  await device[Symbol.asyncDispose]();
}
