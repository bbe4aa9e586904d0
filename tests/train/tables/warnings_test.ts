import { assert, assertEquals } from "@std/assert";
import type { SweepHead } from "../../../train/sweep/sweep_result.ts";
import type { TablesOptions } from "../../../train/tables/tables.ts";
import { tablesOf } from "../../../train/tables/tables.ts";
import { type MadeArm, sweepOf } from "../../support/sweep_results.ts";

const base = [0.5, 0.6, 0.7, 0.5, 0.6, 0.7, 0.5, 0.6];
const warningsOf = (
  arms: readonly MadeArm[],
  head: Partial<SweepHead> = {},
  options: TablesOptions = {},
) => tablesOf(sweepOf(arms, head), options).warnings;
const arms: readonly MadeArm[] = [
  { method: "lora", figures: base },
  { method: "hiddenkey", figures: base.map((figure) => figure + 0.1) },
];

Deno.test("a sweep that is whole, tuned and large enough has no warning", () => {
  assertEquals(warningsOf(arms), []);
});

/** What is wrong, the results, and what the only warning says. */
const cases: readonly (readonly [what: string, warnings: () => readonly string[], says: string])[] =
  [
    [
      "five seeds",
      () => warningsOf(arms.map((arm) => ({ ...arm, figures: arm.figures.slice(0, 5) }))),
      "On rte, hiddenkey has 5 pairs with the baseline: the exact paired test cannot come below p = " +
      "0.063, so it cannot reach 0.05; 6 are needed at least.",
    ],
    [
      "one seed",
      () => warningsOf(arms.map((arm) => ({ ...arm, figures: arm.figures.slice(0, 1) }))),
      "On rte, hiddenkey has 1 pair with the baseline: nothing can be tested.",
    ],
    [
      "seven methods with eight seeds",
      () =>
        warningsOf([
          arms[0]!,
          ...[1, 2, 3, 4, 5, 6, 7].map((i) => ({ ...arms[1]!, method: `m${i}` })),
        ]),
      "On rte, 7 comparisons share a level of 0.05: with 8 pairs even a win on every seed comes to p = " +
      "0.055 after Holm's adjustment, so nothing can be decided.",
    ],
    ["nothing tuned", () => warningsOf(arms, { tuned: {} }), "Learning rates were not tuned"],
    [
      "rates tuned alone",
      () => warningsOf(arms, { tuned: { rate: [0.1, 0.2] } }),
      "Learning rates were",
    ],
    ["one learning rate", () => warningsOf(arms, { tuned: { lr: [1e-3] } }), "Learning rates were"],
    [
      "the best evaluation",
      () => warningsOf(arms, {}, { which: "best" }),
      "Figures are the best over the evaluations of each run",
    ],
    [
      "runs that end early",
      () => warningsOf(arms.map((arm) => ({ ...arm, settings: { earlyStop: 3 } }))),
      "Runs end early by the evaluations that are reported (--early-stop)",
    ],
    [
      "runs that failed on both sides",
      () => warningsOf(arms.map((arm) => ({ ...arm, figures: [...arm.figures, undefined, NaN] }))),
      "Of 20 runs, 2 failed, 2 ended without a finite figure (lora on rte, hiddenkey on rte): the " +
      "figures are of the others, which flatters methods whose runs fail.",
    ],
    [
      "seeds that one side has",
      () => warningsOf([arms[0]!, { ...arms[1]!, figures: [...arms[1]!.figures, 0.8] }]),
      "Seeds that only one side has a figure of are left out of the paired differences: 1 of hiddenkey " +
      "on rte.",
    ],
    [
      "a choice at the edge",
      () =>
        warningsOf([
          ...arms.map((arm) => ({ ...arm, settings: { lr: 1e-3 } })),
          ...[1e-4, 1e-3].map((lr): MadeArm => ({
            ...{
              method: "hiddenkey",
              stage: "tune",
              varied: { lr },
              settings: { lr },
              figures: [0.5],
            },
          })),
        ]),
      "Settings that were chosen lie at the edge of those tried, so a better one may lie beyond: lr " +
      "0.001 of hiddenkey on rte.",
    ],
    [
      "a choice that changed between the runs of an arm",
      () =>
        warningsOf([
          arms[0]!,
          { ...arms[1]!, figures: base.slice(0, 4), settings: { lr: 2e-4 } },
          { ...arms[1]!, figures: base.slice(4), firstSeed: 5, settings: { lr: 5e-4 } },
          ...[1e-4, 2e-4, 5e-4, 1e-3].map((lr): MadeArm => ({
            ...{ method: "hiddenkey", stage: "tune", varied: { lr }, settings: { lr } },
            figures: [0.5],
          })),
        ]),
      "Runs of an arm were made with different choices, as a run that chooses was tried again between " +
      "them, so their figures are of no one setting: lr 0.0002 and 0.0005 of hiddenkey on rte.",
    ],
    [
      "a setting whose run failed",
      () =>
        warningsOf([
          ...arms,
          { method: "hiddenkey", stage: "tune", settings: { lr: 1e-4 }, figures: [0.5, undefined] },
        ]),
      "Settings were chosen while runs that try some of them have no figure: hiddenkey on rte.",
    ],
    [
      "two backends",
      () => warningsOf(arms.map((arm, i) => ({ ...arm, seconds: 1, backend: `B${i}` }))),
      "Runs went on several backends (B0, B1): their times are not comparable.",
    ],
    ["no run", () => warningsOf([]), "No run whose figures are reported is among the results."],
  ];

for (const [what, warnings, says] of cases) {
  Deno.test(`a warning says so: ${what}`, () => {
    const found = warnings();
    assertEquals(found.length, 1, found.join("\n"));
    assert(found[0]!.startsWith(says), found[0]);
  });
}

Deno.test("two tasks and their averages are three tables with a level each", () => {
  const both = (["rte", "mrpc"] as const).flatMap((task) => arms.map((arm) => ({ ...arm, task })));
  const [warning, ...others] = warningsOf(both);
  assertEquals(others, []);
  assert(warning!.startsWith("Each of the 3 tables of differences"), warning);
  assert(warning!.includes("a probability of up to 0.15"), warning);
});

Deno.test("a method that lacks a task is named", () => {
  const warnings = warningsOf([...arms, { ...arms[0]!, task: "mrpc" }]);
  assert(warnings.includes("Methods that lack a task have no average: hiddenkey (no mrpc)."));
});

Deno.test("what limits several tables is said once, of averages too", () => {
  const both = (["rte", "mrpc"] as const).flatMap((task) =>
    arms.map((arm) => ({ ...arm, task, figures: arm.figures.slice(0, 4) }))
  );
  const [warning] = warningsOf(both);
  assert(warning!.startsWith("On rte, mrpc, averages, hiddenkey has 4 pairs with the"), warning);
});
