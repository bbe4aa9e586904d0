// What every backend owes: each operation of the table and its gradients, as f64 has them.
import { assertEquals } from "@std/assert";
import type { Backend } from "../../core/backend.ts";
import { quantisedFormats } from "../../core/dtype.ts";
import { Device } from "../../core/device.ts";
import { openCpu } from "../../kernels/cpu/backend.ts";
import { assertClose, resultsOf } from "./op_results.ts";
import { opTable } from "./op_table.ts";
import { checkQuantised } from "./quantised_cases.ts";
import { faultsOf } from "./special/special_row.ts";
import { specialTable } from "./special/special_table.ts";

/** Opens a backend, which the caller closes. */
export type Open = () => Backend | Promise<Backend>;

/**
 * Registers the checks of one backend.
 *
 * @param open Absent where this machine has no such backend: then the test is skipped
 * @param options Sanitizers, where the backend's host keeps resources of its own
 */
export function conformance(
  name: string,
  open: Open | undefined,
  options: Pick<Deno.TestDefinition, "sanitizeOps" | "sanitizeResources"> = {},
): void {
  Deno.test({
    ...options,
    name: `every operation and its gradient agrees with f64 by ${name}`,
    ignore: open === undefined,
    async fn(test) {
      await using device = new Device(await open!());
      await using oracle = new Device(openCpu({ kernels: "javascript" }), "f64");
      for (const row of opTable) {
        await test.step(`${row.name}()`, async () => {
          assertClose(await resultsOf(row, device), await resultsOf(row, oracle), row.name);
          assertEquals(device.backend.statistics.buffers, 0, "buffers left");
        });
      }
    },
  });
  Deno.test({
    ...options,
    name: `every operation takes infinities, NaN and zeros as IEEE 754 does by ${name}`,
    ignore: open === undefined,
    async fn(test) {
      await using device = new Device(await open!());
      const subnormal = device.backend.name !== "webgpu";
      for (const row of specialTable) {
        await test.step(row.name, async () => {
          assertEquals(await faultsOf(row, device, { subnormal }), []);
          assertEquals(device.backend.statistics.buffers, 0, "buffers left");
        });
      }
    },
  });
  Deno.test({
    ...options,
    name: `a matrix in fewer bits is the numbers that it stands for, to the bit, by ${name}`,
    ignore: open === undefined,
    async fn(test) {
      await using device = new Device(await open!());
      for (const dtype of quantisedFormats) {
        await test.step(dtype, async () => {
          await checkQuantised(device, dtype);
          assertEquals(device.backend.statistics.buffers, 0, "buffers left");
        });
      }
    },
  });
}
