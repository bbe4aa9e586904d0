import { assertEquals } from "@std/assert";
import type { TaskName } from "../../../train/config/train_options.ts";
import { choose, type Tried } from "../../../train/sweep/choice.ts";
import type { Outcome } from "../../../train/sweep/outcome.ts";

/** A run that was tried: its point and figure; null for one that failed, undefined for an open one. */
type Row = [lr: number, rate: number, figure: number | null | undefined];

function tried(rows: readonly Row[], metric = "accuracy", task: TaskName = "rte"): Tried[] {
  return rows.map(([lr, rate, figure], i) => {
    const arm = { task, method: "dropkey", varied: { lr, rate } };
    const settings = { task, lr, rate, ...(metric === "loss" && { generate: 0 }) };
    const run = { id: `${i}`.padStart(12, "0"), stage: "tune", arm, seed: i, settings } as const;
    const outcome: Outcome = {
      status: figure === null ? "failed" : "done",
      settings: {},
      last: { [metric]: figure ?? NaN },
      best: { [metric]: 1 },
      seconds: 1,
    };
    return { run, outcome: figure === undefined ? undefined : outcome };
  });
}

const tuned = ["lr", "rate"];

Deno.test("the point with the best mean of the last evaluation over its seeds is chosen", () => {
  const rows: Row[] = [[1, 0.1, 0.7], [1, 0.1, 0.5], [2, 0.1, 0.61], [2, 0.1, 0.62], [3, 0.2, 0.6]];
  const choice = choose(tried(rows), tuned);
  assertEquals(choice, { point: { lr: 2, rate: 0.1 }, mean: 0.615, open: 0, failed: 0 });
});

Deno.test("of a loss the least is the best", () => {
  const choice = choose(tried([[1, 0.1, 3], [2, 0.1, 2], [3, 0.1, 4]], "loss", "e2e"), tuned);
  assertEquals([choice.point, choice.mean], [{ lr: 2, rate: 0.1 }, 2]);
});

Deno.test("of equal points the smaller values are chosen, in the order of what is tuned", () => {
  const rows: Row[] = [[2, 0.1, 0.5], [1, 0.2, 0.5], [1, 0.1, 0.5], [1, 0.3, 0.4]];
  assertEquals(choose(tried(rows), tuned).point, { lr: 1, rate: 0.1 });
  assertEquals(choose(tried(rows.slice(0, 2)), tuned).point, { lr: 1, rate: 0.2 });
  assertEquals(choose(tried(rows.slice(0, 2)), ["rate", "lr"]).point, { lr: 2, rate: 0.1 });
});

Deno.test("nothing is chosen before all are over", () => {
  const choice = choose(tried([[1, 0.1, 0.9], [2, 0.1, undefined], [3, 0.1, null]]), tuned);
  assertEquals(choice, { point: undefined, mean: undefined, open: 1, failed: 1 });
});

Deno.test("a point of which a seed failed, or ended without a number, is not chosen", () => {
  const rows: Row[] = [[1, 0.1, 0.9], [1, 0.1, null], [2, 0.1, NaN], [3, 0.1, 0.4]];
  const choice = choose(tried(rows), tuned);
  assertEquals(choice, { point: { lr: 3, rate: 0.1 }, mean: 0.4, open: 0, failed: 2 });
  const none = choose(tried(rows.slice(0, 3)), tuned);
  assertEquals([none.point, none.open, none.failed], [undefined, 0, 2]);
});
