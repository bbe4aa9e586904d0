import { assertEquals, assertStringIncludes } from "@std/assert";
import type { JsonObject } from "../../../nn/formats/json_record.ts";
import { markdownOf } from "../../../train/tables/markdown.ts";
import { tablesOf } from "../../../train/tables/tables.ts";
import { type MadeArm, sweepOf } from "../../support/sweep_results.ts";

const factsOf = (...settings: readonly JsonObject[]) => {
  const arms = settings.map((one, i): MadeArm => ({
    ...{ method: i === 0 ? "lora" : `m${i}`, figures: [0.5], settings: one },
  }));
  return markdownOf(tablesOf(sweepOf(arms))).split("\n")[2]!;
};

Deno.test("tables say above on which examples runs were trained and judged", () => {
  const rest = "Methods are compared with lora. Plan 0123456789abcdef, by version 0.1.0.";
  const all = { devPart: "all" };
  assertEquals(factsOf(all), `1 of 1 runs have a figure, of their last evaluation. ${rest}`);
  const cases: readonly (readonly [settings: JsonObject, says: string])[] = [
    [{ devPart: "report" }, "the half of the development data that chose no settings"],
    [{ devPart: "select" }, "the half of the development data that chooses settings"],
    [{ devFraction: 0.2, devPart: "all" }, "training examples that were held back"],
    [{ devLimit: 16 }, "at most 16 examples"],
    [
      { devPart: "report", devLimit: 16 },
      "the half of the development data that chose no settings, at most 16 examples",
    ],
  ];
  for (const [settings, says] of cases) {
    assertEquals(
      factsOf(settings, settings),
      `2 of 2 runs have a figure, of their last evaluation, on ${says}. ${rest}`,
    );
  }
  assertStringIncludes(
    factsOf(all, { devLimit: 8 }),
    "evaluation, on the development data and at most 8 examples. ",
  );
  assertStringIncludes(
    factsOf({ trainLimit: 32 }, { trainLimit: 64 }),
    "Trained on at most 32 examples and at most 64 examples. 2 of 2 runs",
  );
  assertStringIncludes(
    factsOf({ trainLimit: 32 }, all),
    "on at most 32 examples and all examples.",
  );
});
