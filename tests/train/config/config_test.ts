import { assertEquals, assertThrows } from "@std/assert";
import { OptionError } from "../../../core/errors.ts";
import { dropoutPlan } from "../../../nn/dropout/methods.ts";
import {
  checkLayers,
  type GivenConfig,
  requireActive,
  resolveConfig,
} from "../../../train/config/config.ts";

const required = { task: "rte", data: "data", model: "model" } as const;

Deno.test("layers lie within the model, counted from 0", () => {
  const check = (layers: readonly number[] | "all" | "latter-half", count: number) =>
    checkLayers(resolveConfig(required, { layers }), count);
  for (const layers of ["all", "latter-half", [0], [0, 3], [3, 1]] as const) check(layers, 4);
  checkLayers(resolveConfig(required), 1);
  for (const [layers, beyond] of [[[4], 4], [[0, 9, 5], 9]] as const) {
    const message = `the model has the layers 0 to 3: found ${beyond}`;
    assertThrows(() => check(layers, 4), OptionError, message);
  }
});

Deno.test("requireActive() refuses a site that is active in no layer of the model", () => {
  const check = (count: number, given: GivenConfig) =>
    requireActive(dropoutPlan("hiddenkey", true, resolveConfig(required, given)), count);
  const none = "Cannot drop logits in latter-half of the 1 layers of the model";
  assertThrows(() => check(1, { site: [{ position: "output" }] }), OptionError, none);
  check(2, {});
  check(1, { layers: "all" });
  check(1, { rate: { logits: 0, hidden: 0, input: 0.1, output: 0.1, lora: 0.1 } });
});

Deno.test("a configuration is refused where its plan or its decay would be", () => {
  const refuse = (changes: GivenConfig, message: string) =>
    assertThrows(() => resolveConfig(required, changes), OptionError, message);
  refuse({ rate: 1 }, "[0, 1)");
  refuse({ decayExclude: ["biases"] }, "one of bias, norm is required");
  const { task, ...rest } = required;
  assertThrows(() => resolveConfig(rest), OptionError, "--task");
  assertEquals(resolveConfig({ ...rest, task }).task, "rte");
});
