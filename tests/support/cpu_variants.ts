// Every way in which the CPU backend can compute in 32 bits.
import { type CpuOptions, openCpu } from "../../kernels/cpu/backend.ts";
import { Device } from "../../core/device.ts";
import { findBlas } from "../../train/device/blas.ts";

const blas = findBlas("auto");

/** Options of each variant; a missing one is skipped by its test. */
export const cpuVariants: Readonly<Record<string, CpuOptions | undefined>> = {
  "generated JavaScript": { kernels: "javascript" },
  "SIMD": { kernels: "simd" },
  "relaxed SIMD": { kernels: "relaxed" },
  "relaxed SIMD on three threads": { kernels: "relaxed", threads: 3 },
  "a BLAS (needs one, and --allow-ffi)": blas && { library: blas },
};

/** Registers a test of each variant. */
export function cpuTest(
  name: (variant: string) => string,
  body: (device: Device) => Promise<void>,
): void {
  for (const [variant, options] of Object.entries(cpuVariants)) {
    Deno.test({
      name: name(variant),
      ignore: options === undefined,
      async fn() {
        await using device = new Device(openCpu(options));
        await body(device);
        const { buffers } = device.backend.statistics;
        if (buffers !== 0) throw new Error(`Leaked ${buffers} buffers`);
      },
    });
  }
}
