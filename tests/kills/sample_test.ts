/** A few strikes of `deno task kills --operations`, which the date draws; and that the harness sees. */

import { assert, assertEquals } from "@std/assert";
import { seedKey, uniform } from "../../core/random.ts";
import { differencesOf, leftoversIn } from "./compare.ts";
import { blowsOf } from "./kill.ts";
import { recipes } from "./recipes.ts";
import { StrikeBench } from "./strike.ts";
import { folderOf } from "../support/tables.ts";

const day = Math.floor(Date.now() / (24 * 60 * 60 * 1000));
const today = new Date(day * 24 * 60 * 60 * 1000).toISOString().slice(0, 10);
/** Strikes of each recipe. */
const counts = [2, 1, 1, 1, 1];

Deno.test(`runs that are struck at operations of ${today} end as those that never were`, async () => {
  await using bench = await StrikeBench.open();
  for (const [i, recipe] of recipes.entries()) {
    const strikes = await bench.strikesOf(recipe, day);
    for (const drawn of uniform(seedKey(day), counts[i]!)) {
      const strike = strikes[Math.floor(drawn * strikes.length)]!;
      assertEquals(await bench.strike(strike), { ...strike, differences: [] });
    }
  }
});

Deno.test("what differs is told by path, and what was left by name", async () => {
  assertEquals(differencesOf({ a: "1\n2", b: "", c: "" }, { a: "1\n3", c: "", d: "" }), [
    "a, line 2: 2 became 3",
    "b is missing",
    "d is there",
  ]);
  await using folder = await folderOf({ "best/a": "", "best/x.tmp": "", ".last.old/a": "" });
  assertEquals(leftoversIn(folder.path), ["/.last.old was left", "/best/x.tmp was left"]);
});

Deno.test("a third of the random kills is of each kind", () => {
  const list = blowsOf(300, 1);
  const isAsked = (blows: typeof list[number]) => blows[0]!.signal !== "SIGKILL";
  assertEquals(list.filter(isAsked).length, 100);
  assertEquals(list.filter((blows) => !isAsked(blows) && blows.length > 1).length, 100);
  assert(list.some((blows) => blows.length === 3));
  for (const signal of ["SIGTERM", "SIGHUP"]) {
    assert(list.filter((blows) => blows[0]!.signal === signal).length > 25, signal);
  }
  for (const { moment } of list.flat()) assert(moment >= 0 && moment < 1);
  assertEquals(blowsOf(300, 1), list);
});
