import { assertEquals } from "@std/assert";
import { latest } from "../../../train/lab/page/latest.ts";

/** Lets all that waits go on. */
const turn = () => new Promise((resolve) => setTimeout(resolve));

Deno.test("work that is asked for meanwhile is done once more, however often that was", async () => {
  let started = 0;
  const finish: (() => void)[] = [];
  const ask = latest(() => {
    started++;
    return new Promise((resolve) => finish.push(resolve));
  }, () => {});
  ask();
  for (let i = 0; i < 5; i++) ask();
  await turn();
  assertEquals(started, 1);
  finish[0]!();
  await turn();
  assertEquals(started, 2);
  finish[1]!();
  await turn();
  assertEquals(started, 2);
  ask();
  await turn();
  assertEquals(started, 3);
});

Deno.test("work that fails is told of, and may be asked for again", async () => {
  const errors: unknown[] = [];
  const ask = latest(() => Promise.reject(new Error("no")), (error) => errors.push(error));
  ask();
  await turn();
  ask();
  await turn();
  assertEquals(errors.map(String), ["Error: no", "Error: no"]);
});
