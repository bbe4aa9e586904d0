import { assertEquals } from "@std/assert";
import { dropoutPlan } from "../../../nn/dropout/plan.ts";
import { parameters } from "../../../nn/layers/module.ts";
import { applyLora } from "../../../nn/lora/apply.ts";
import { trainHead } from "../../../nn/models/heads.ts";
import { classifier } from "../../../nn/models/registry.ts";
import { describeParameters, recordedDropout } from "../../../train/run/describe.ts";
import { tinyConfig } from "../../support/tiny_models.ts";

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

Deno.test("describeParameters() counts elements, and those of all layers in one line", () => {
  const model = classifier(tinyConfig("bert"));
  const before = [...parameters(model)].reduce((sum, [, { size }]) => sum + size, 0);
  applyLora(model, { targets: ["query"], rank: 2, alpha: 4 });
  trainHead(model);
  const lines: string[] = [];
  const counts = describeParameters(model, (line) => lines.push(line));
  // Two layers of A and B of 2 x 8 numbers, a head of three classes of width 8.
  const [updates, head] = [2 * 2 * 2 * 8, 3 * 8 + 3];
  assertEquals(counts, { trainable: updates + head, parameters: before + updates });
  const share = (100 * counts.trainable / counts.parameters).toFixed(3);
  const layer = "  bert.encoder.layer.*.attention.self.query.lora_";
  assertEquals(lines, [
    `trainable: ${counts.trainable} of ${counts.parameters} parameters (${share} %)`,
    `${layer}A.weight 2 x [2,8] = 32`,
    `${layer}B.weight 2 x [8,2] = 32`,
    "  classifier.weight 1 x [3,8] = 24",
    "  classifier.bias 1 x [3] = 3",
  ]);
});
