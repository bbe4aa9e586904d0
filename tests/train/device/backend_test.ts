import { assertAlmostEquals, assertEquals } from "@std/assert";
import { add } from "../../../core/ops/elementwise.ts";
import { tensor } from "../../../core/tensor.ts";
import { openDevice } from "../../../train/device/backend.ts";

Deno.test("a device computes in the float that is asked for", async () => {
  const third = Float64Array.of(1 / 3);
  for (const [dtype, rounding] of [["f32", 2 ** -24], ["f64", 2 ** -53]] as const) {
    const { device } = await openDevice({ backend: "cpu", dtype, threads: 1 });
    await using _device = device;
    using _scope = device.scope("float");
    assertEquals(device.float, dtype);
    const given = dtype === "f64" ? third : Float32Array.from(third);
    const x = tensor(device, given, [1]);
    assertAlmostEquals(await add(x, x).item(), 2 / 3, rounding);
  }
});
