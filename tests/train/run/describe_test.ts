import { assertEquals } from "@std/assert";
import { dropoutPlan, type Method, type PlanOptions } from "../../../nn/dropout/methods.ts";
import { describeDropout, recordedDropout } from "../../../train/run/describe.ts";

Deno.test("recordedDropout() is a rate where PEFT would drop the same, else 0", () => {
  for (const decoder of [false, true]) {
    assertEquals(recordedDropout(dropoutPlan("lora-dropout", decoder, { rate: 0.3 })), 0.3);
    for (const layers of ["latter-half", [0]] as const) {
      assertEquals(recordedDropout(dropoutPlan("lora-dropout", decoder, { layers })), 0);
    }
    assertEquals(recordedDropout(dropoutPlan("lora-dropout", decoder, { structure: "column" })), 0);
    assertEquals(recordedDropout(dropoutPlan("hiddenkey", decoder, { rate: 0.3 })), 0);
    // PEFT rescales, and draws each example's mask for itself.
    for (const change of [{ rescale: false }, { perExample: false }]) {
      const site = [{ position: "lora", rate: 0.3, ...change } as const];
      assertEquals(recordedDropout(dropoutPlan("lora", decoder, { site })), 0);
    }
  }
});

Deno.test("describeDropout() says in one line what PEFT's file cannot, and nothing else", () => {
  const lines = (method: Method, options: PlanOptions = {}, decoder = false) => {
    const said: string[] = [];
    describeDropout(dropoutPlan(method, decoder, options), (line) => said.push(line));
    return said;
  };
  const end = "; adapter_config.json cannot say it, hiddenkey_config.json does";
  const usual = { nograd: true, perHead: true, point: "output" } as const;
  const both = "dropout: column logits 0.1 and element hidden 0.1 in";
  assertEquals(lines("hiddenkey", usual), [`${both} all layers, KL of weight 1${end}`]);
  assertEquals(lines("hiddenkey-", usual, true), [`${both} the latter half of the layers${end}`]);
  assertEquals(lines("lora", { compensation: "js", kl: 0.5 }), [
    `dropout: nothing, JS of weight 0.5${end}`,
  ]);
  const site = [
    { position: "hidden", structure: "span", rate: 0.2, start: "attention", layers: [0, 2] },
    { position: "weights", rate: 0.3, rescale: true, perHead: false },
  ] as const;
  assertEquals(lines("lora", { site }), [
    "dropout: span hidden 0.2 start=attention in layers 0, 2 and " +
    `element weights 0.3 rescale no-per-head in all layers${end}`,
  ]);
  assertEquals(lines("lora"), []);
  assertEquals(lines("lora-dropout", { rate: 0.3 }), []);
  assertEquals(lines("hiddenkey-", { rate: 0 }), []);
  const shared = { site: [{ position: "lora", perExample: false }] } as const;
  assertEquals(lines("lora-dropout", shared), [
    `dropout: element lora 0.1 no-per-example in all layers${end}`,
  ]);
});
