import { conformance } from "../../support/conformance.ts";
import { openOwnCuda } from "../../support/cuda_device.ts";

conformance("CUDA", openOwnCuda, { sanitizeOps: false, sanitizeResources: false });
