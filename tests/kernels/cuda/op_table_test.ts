import { activationConformance } from "../../support/activations.ts";
import { conformance } from "../../support/conformance.ts";
import { openOwnCuda as open } from "../../support/cuda_device.ts";

const options = { sanitizeOps: false, sanitizeResources: false };
conformance("CUDA", open === undefined ? open : () => open!(), options);
const inHalves = open === undefined ? open : () => open!({ precision: "bf16" });
activationConformance("CUDA", inHalves, options);
