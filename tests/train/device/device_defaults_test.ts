import { assertEquals } from "@std/assert";
import { resolveConfig } from "../../../train/config/config.ts";
import { withDeviceDefaults } from "../../../train/device/device_defaults.ts";

const config = resolveConfig({ task: "rte", data: "rte", model: "model" });

Deno.test("batches are filled up where steps of a shape come again as graphs", () => {
  for (const [name, padMultiple] of [["cuda", 16], ["webgpu", 1], ["cpu", 1]] as const) {
    assertEquals(withDeviceDefaults(config, { name }), { ...config, padMultiple });
  }
});

Deno.test("what is asked for holds on every device", () => {
  for (const name of ["cuda", "cpu"]) {
    const own = { ...config, padMultiple: 4 };
    assertEquals(withDeviceDefaults(own, { name }), own);
    assertEquals(withDeviceDefaults({ ...config, padMultiple: 1 }, { name }).padMultiple, 1);
  }
});
