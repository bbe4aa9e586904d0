import { assertEquals } from "@std/assert";
import { Device } from "../../../core/device.ts";
import { full } from "../../../core/ops/create.ts";
import { matmul } from "../../../core/ops/matmul.ts";
import { sum } from "../../../core/ops/reduce.ts";
import { expand } from "../../../core/ops/rowwise.ts";
import { transpose } from "../../../core/ops/view.ts";
import { openCpu } from "../../../kernels/cpu/backend.ts";

for (const threads of [1, 2]) {
  const options = { kernels: "simd", threads } as const;

  Deno.test(`a product of millions of rows is more tasks than there is room for, ${threads} threads`, async () => {
    await using device = new Device(openCpu(options));
    using _scope = device.scope("tall");
    const rows = 2_400_000;
    const product = matmul(transpose(full(device, [2, rows], 0.5)), full(device, [2, 1], 1));
    assertEquals(await sum(product).item(), rows);
  });

  Deno.test(`a batch of thousands of products is more tasks than there is room for, ${threads} threads`, async () => {
    await using device = new Device(openCpu(options));
    using _scope = device.scope("batch");
    const [batch, m, k] = [8000, 130, 2020];
    const a = expand(full(device, [1, m, k], 1), [batch, m, k]);
    const b = expand(full(device, [1, k, 1], 1), [batch, k, 1]);
    assertEquals(await sum(matmul(a, b)).item(), batch * m * k);
  });
}
