import { openCpu } from "../../../kernels/cpu/backend.ts";
import { conformance } from "../../support/conformance.ts";
import { cpuVariants } from "../../support/cpu_variants.ts";

for (const [variant, options] of Object.entries(cpuVariants)) {
  conformance(variant, options && (() => openCpu(options)));
}
