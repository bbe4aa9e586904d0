import { assertThrows } from "@std/assert";
import { OptionError } from "../../../core/errors.ts";
import { type CpuOptions, openCpu } from "../../../kernels/cpu/backend.ts";

Deno.test("openCpu() refuses kernels that it does not know and threads that are no number of them", () => {
  const refuse = (options: unknown, message: string) =>
    assertThrows(() => openCpu(options as CpuOptions), OptionError, message);
  refuse(
    { kernels: "fast" },
    "kernels requires one of auto, relaxed, simd, javascript: found fast",
  );
  for (const threads of [0, -1, 1.5, NaN, "2", null]) {
    refuse({ threads }, "threads requires an integer of at least 1: found");
  }
});
