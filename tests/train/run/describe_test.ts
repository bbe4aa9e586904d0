import { assertEquals } from "@std/assert";
import { dropoutPlan } from "../../../nn/dropout/methods.ts";
import { recordedDropout } from "../../../train/run/describe.ts";

Deno.test("recordedDropout() is a rate where PEFT would drop the same, else 0", () => {
  for (const decoder of [false, true]) {
    assertEquals(recordedDropout(dropoutPlan("lora-dropout", decoder, { rate: 0.3 })), 0.3);
    for (const layers of ["latter-half", [0]] as const) {
      assertEquals(recordedDropout(dropoutPlan("lora-dropout", decoder, { layers })), 0);
    }
    assertEquals(recordedDropout(dropoutPlan("lora-dropout", decoder, { structure: "column" })), 0);
    assertEquals(recordedDropout(dropoutPlan("hiddenkey", decoder, { rate: 0.3 })), 0);
  }
});
