import { assertEquals, assertRejects } from "@std/assert";
import { NumericError } from "../../../core/errors.ts";
import { shareOut } from "../../../train/distributed/share_out.ts";
import { alone, type Group } from "../../../train/distributed/group.ts";
import { inGroup } from "../../support/linked_groups.ts";

const batches = [[4, 0], [2], [1, 3], [5]];

/** What is taken in a process, and the batches that it worked on. */
async function shared(group: Group | undefined) {
  const worked: (readonly number[])[] = [];
  const taken: [readonly number[], readonly string[]][] = [];
  await shareOut(group, batches, (members) => {
    worked.push(members);
    return Promise.resolve(members.map((i) => `${i} ${0.1 + i}`));
  }, (members, made) => void taken.push([members, made]));
  return { worked, taken };
}

Deno.test("shareOut() gives each process every n-th batch, and all what came of all", async () => {
  const expected = batches.map((members): [readonly number[], readonly string[]] => [
    members,
    members.map((i) => `${i} ${0.1 + i}`),
  ]);
  assertEquals((await shared(undefined)).taken, expected);
  assertEquals((await shared(alone)).worked, batches);
  for (const size of [2, 3, 6]) {
    const found = await inGroup(size, shared);
    for (const [rank, { worked, taken }] of found.entries()) {
      assertEquals(taken, expected);
      assertEquals(worked, batches.filter((_, i) => i % size === rank));
    }
  }
});

Deno.test("shareOut() keeps every bit of finite numbers", async () => {
  const values = [0.1 + 0.2, 5e-324, 1.7976931348623157e308, Math.fround(1 / 3)];
  const found = await inGroup(2, async (group) => {
    const all: number[] = [];
    const work = ([i]: readonly number[]) => Promise.resolve([values[i!]!]);
    await shareOut(group, [[0], [1], [2], [3]], work, (_, made) => void all.push(...made));
    return all;
  });
  assertEquals(found, [values, values]);
});

Deno.test("shareOut() ends in all processes where one meets numbers that are not finite", async () => {
  const taken: number[] = [];
  const says = "Cannot use the logits of example 1";
  await inGroup(2, async (group) => {
    const work = (members: readonly number[]) =>
      members[0] === 1 ? Promise.reject(new NumericError(says)) : Promise.resolve(members);
    const take = (members: readonly number[]) => void taken.push(...members);
    await assertRejects(() => shareOut(group, batches, work, take), NumericError, says);
  });
  assertEquals(taken, [4, 0, 2, 4, 0, 2]);
});
