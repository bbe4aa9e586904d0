import { assert, assertEquals, assertThrows } from "@std/assert";
import { OptionError } from "../../../core/errors.ts";
import { findBlas, isSlow } from "../../../train/device/blas.ts";

Deno.test("an OpenBLAS that does not know the processor is slow, others are not", () => {
  for (const kernels of ["Prescott", "Core2", "Nehalem", "generic"]) assert(isSlow(kernels));
  for (const kernels of ["", "Haswell", "SkylakeX", "Cooperlake", "Zen", "neoversen1", "armv8"]) {
    assert(!isSlow(kernels), kernels);
  }
});

Deno.test("no library is looked for where none is wanted, and a path that leads nowhere is told", () => {
  assertEquals(findBlas("off"), undefined);
  assertThrows(
    () => findBlas("/nowhere/libblas.so"),
    OptionError,
    "Cannot use --blas /nowhere/libblas.so as --allow-ffi and a library with cblas_sgemm",
  );
});
