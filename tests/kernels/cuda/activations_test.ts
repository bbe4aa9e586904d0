// Activations in bf16 on the interpreted card.
import { activationConformance } from "../../support/activations.ts";
import { interpretedCuda } from "../../support/ptx/interpreted_driver.ts";

activationConformance("CUDA, interpreted", () => interpretedCuda("bf16").backend);
