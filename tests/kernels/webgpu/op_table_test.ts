import { conformance } from "../../support/conformance.ts";
import { openOwnWebGpu } from "../../support/webgpu_device.ts";

// Closing an adapter's device leaves the adapter open.
conformance("WebGPU", openOwnWebGpu, { sanitizeOps: false, sanitizeResources: false });
