import { assert, assertEquals, assertNotEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { OptionError } from "../../../core/errors.ts";
import { seedKey } from "../../../core/random.ts";
import { holdBack } from "../../../train/data/hold_back.ts";

const cases = fc.record({
  // A class for each group, and a group for each example.
  classes: fc.array(fc.nat(3), { minLength: 2, maxLength: 30 }),
  examples: fc.array(fc.nat(), { minLength: 2, maxLength: 80 }),
  fraction: fc.double({ min: 0.001, max: 0.999, noNaN: true }),
  seed: fc.nat(),
}).map(({ classes, examples, fraction, seed }) => {
  const groups = examples.map((x) => x % classes.length);
  const strata = groups.map((group) => classes[group]!);
  const rule = {
    fraction,
    key: seedKey(seed),
    groupOf: (i: number) => groups[i],
    stratumOf: (i: number) => strata[i],
  };
  return { groups, strata, rule };
});

Deno.test("holdBack() parts all examples in two, groups whole and classes alike", () =>
  fc.assert(fc.property(cases, ({ groups, strata, rule }) => {
    const sizes = Map.groupBy(new Set(groups), (group) => strata[groups.indexOf(group)]!);
    if ([...sizes.values()].every(({ length }) => length < 2)) {
      const message =
        "Cannot use --dev-fraction as two training examples of one class are required";
      assertThrows(() => holdBack(groups.length, rule), OptionError, message);
      return;
    }
    const { kept, held } = holdBack(groups.length, rule);
    assertEquals([...kept, ...held].toSorted((a, b) => a - b), groups.map((_, i) => i));
    for (const list of [kept, held]) {
      assert(list.length > 0);
      assertEquals(list, list.toSorted((a, b) => a - b));
    }
    const heldGroups = new Set(held.map((i) => groups[i]!));
    for (const i of kept) assertEquals(heldGroups.has(groups[i]!), false);
    for (const [stratum, own] of sizes) {
      const share = own.filter((group) => heldGroups.has(group)).length;
      assert(Math.abs(share - rule.fraction * own.length) <= 1 || share === own.length - 1);
      assert(share < own.length, `nothing of ${stratum} is trained on`);
    }
    const room = [...sizes.values()].reduce((sum, { length }) => sum + length - 1, 0);
    const wanted = Math.max(1, Math.round(rule.fraction * new Set(groups).size));
    // No class gives more than one beyond its whole part, which is no limit as long as it has room.
    assert(heldGroups.size <= Math.min(room, wanted));
    assert(heldGroups.size >= Math.min(room, wanted) - sizes.size + 1);
    assertEquals(holdBack(groups.length, rule), { kept, held });
  })));

Deno.test("holdBack() draws by its key, every example about as often", () => {
  const counts = new Array<number>(20).fill(0);
  const rule = { fraction: 0.25, groupOf: (i: number) => i, stratumOf: (i: number) => i % 2 };
  const drawn = Array.from(
    { length: 400 },
    (_, seed) => holdBack(20, { ...rule, key: seedKey(seed) }),
  );
  for (const { held } of drawn) {
    assertEquals(held.length, 5);
    for (const i of held) counts[i]!++;
  }
  assertNotEquals(drawn[0], drawn[1]);
  // 100 of 400 are expected, with a standard deviation below 9.
  for (const [i, count] of counts.entries()) {
    if (i % 2 === 0) assert(Math.abs(count - 120) < 45, `${i}: ${count}`);
    assert(count > 60 && count < 165, `${i}: ${count}`);
  }
});
