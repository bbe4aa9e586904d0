import { assert, assertEquals } from "@std/assert";
import { killSweep } from "../../kills/sweep.ts";

Deno.test("a sweep of three processes that are killed ends as one that never was", async () => {
  const found = await killSweep({ kills: 3, seeds: 1, epochs: 10, seed: 1 });
  assertEquals(found.differences, []);
  assertEquals(found.runs, 12);
  assert(found.starts >= 12 && found.starts <= 12 + found.kills);
});
