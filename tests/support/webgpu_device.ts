import { Device } from "../../core/device.ts";
import type { WebGpuBackend } from "../../kernels/webgpu/backend.ts";
import { openGpu } from "../../train/device/backend.ts";

const backend = await openGpu();

/** Whether the tests below can run; REQUIRE_WEBGPU=1 makes them fail instead of being skipped. */
const required = Deno.env.get("REQUIRE_WEBGPU") === "1";

/** Opens an adapter of one's own; absent where the tests below are skipped. */
export const openOwnWebGpu: (() => Promise<WebGpuBackend>) | undefined =
  backend === undefined && !required ? undefined : async () => {
    const own = await openGpu();
    if (own === undefined) throw new Error("REQUIRE_WEBGPU is 1, but there is no adapter");
    return own;
  };

/** Declares a test on an adapter; it fails if memory is left behind. */
type DeclareTest = (
  name: string,
  body: (device: Device, backend: WebGpuBackend) => Promise<void> | void,
) => void;

function testsOn(backend: WebGpuBackend | undefined): DeclareTest {
  const ignore = backend === undefined && !required;
  return (name, body) =>
    Deno.test({
      name: ignore ? `${name} (needs a WebGPU adapter)` : name,
      ignore,
      // The adapter lives as long as the process.
      sanitizeResources: false,
      sanitizeOps: false,
      async fn() {
        if (backend === undefined) throw new Error("REQUIRE_WEBGPU is 1, but there is no adapter");
        const before = backend.statistics.buffers;
        const device = new Device(backend);
        {
          using _scope = device.scope("test");
          await body(device, backend);
        }
        const left = backend.statistics.buffers - before;
        if (left !== 0) throw new Error(`Leaked ${left} buffers`);
      },
    });
}

/** Declares a test on the WebGPU adapter, which all tests share. */
export const webGpuTest: DeclareTest = testsOn(backend);

/** Declares tests on an adapter of their own where attention is one program, in software too. */
export async function attentionTests(): Promise<DeclareTest> {
  return testsOn(backend && await openGpu({ attention: "always" }));
}
