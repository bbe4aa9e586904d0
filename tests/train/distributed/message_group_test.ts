import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import { TrainingError } from "../../../core/errors.ts";
import { MessageGroup } from "../../../train/distributed/message_group.ts";
import { alone } from "../../../train/distributed/group.ts";
import { inGroup, Wires } from "../../support/linked_groups.ts";

/** Numbers whose sum depends on the order of its terms. */
function numbersOf(rank: number, count: number): number[] {
  return Array.from({ length: count }, (_, i) => Math.sin(1 + i + 7 * rank) * 10 ** (rank * 3));
}

const kinds = {
  numbers: (list: number[]) => Float32Array.from(list),
  doubles: (list: number[]) => Float64Array.from(list),
};
const cases = Object.entries(kinds).flatMap(([kind, floats]) =>
  [1, 2, 3, 5].flatMap((size) => [0, 1, 4, 17].map((count) => ({ kind, floats, size, count })))
);

for (const { kind, floats, size, count } of cases) {
  Deno.test(`sum() adds ${count} ${kind} of ${size} processes in the order of ranks`, async () => {
    const sums = await inGroup(size, async (group) => {
      const values = floats(numbersOf(group.rank, count));
      await group.sum(values);
      return values;
    });
    const terms = Array.from({ length: size }, (_, rank) => floats(numbersOf(rank, count)));
    const expected = floats(
      Array.from({ length: count }, (_, i) => terms.reduce((total, one) => total + one[i]!, 0)),
    );
    for (const found of sums) assertEquals(found, expected);
  });
}

Deno.test("sum() keeps doubles whole", async () => {
  const [first] = await inGroup(3, async (group) => {
    const values = Float64Array.of(0.1, 0.2, 0.3, 1e-17);
    await group.sum(values);
    return values;
  });
  assertEquals([...first!], [0.1 + 0.1 + 0.1, 0.2 + 0.2 + 0.2, 0.3 + 0.3 + 0.3, 3e-17]);
});

Deno.test("sum() sends each number twice, whatever the number of processes", async () => {
  for (const size of [2, 4]) {
    const wires = new Wires(size);
    const groups = Array.from(
      { length: size },
      (_, r) => new MessageGroup(wires.of(r), { timeout: 50 }),
    );
    await Promise.all(groups.map((group) => group.sum(new Float32Array(400))));
    assertEquals(wires.bytes, 2 * 4 * 400 * (size - 1));
  }
});

Deno.test("gather() gives all texts in the order of ranks, empty ones and others too", async () => {
  const texts = ["", "žluťoučký 🐎", "x".repeat(5000)];
  const found = await inGroup(3, (group) => group.gather(texts[group.rank]!));
  for (const one of found) assertEquals(one, texts);
  assertEquals(await alone.gather("only"), ["only"]);
});

Deno.test("a process that does not answer is named, and those that do are not", async () => {
  const fresh = new Wires(3);
  const both = [0, 2].map((rank) => new MessageGroup(fresh.of(rank), { timeout: 0.05 }));
  const started = performance.now();
  const results = await Promise.allSettled(both.map((group) => group.sum(new Float32Array(9))));
  for (const one of results) {
    assertMatch(
      one.status === "rejected" ? one.reason.message : "",
      /^Cannot go on as an answer of process 1 of 3 is required within 0\.[0-4]\d* s \(--distributed-timeout\): found none, it ended, hangs or is too slow$/,
    );
  }
  assert(performance.now() - started < 10_000);
});

Deno.test("a process waits longer for the others where its own work took long", async () => {
  let clock = 0;
  const wires = new Wires(2);
  const patience = { timeout: 1, now: () => clock += 100 };
  const group = new MessageGroup(wires.of(0), patience);
  const other = new MessageGroup(wires.of(1), { timeout: 50 });
  await Promise.all([group.gather("a"), other.gather("b")]);
  clock += 9000;
  const error = await assertRejects(() => group.gather("c"), TrainingError);
  assertEquals(/within ([\d.]+) s/.exec(error.message)![1], "10");
});

Deno.test("a process that is lost is named with the code of the library", async () => {
  const wires = new Wires(2).of(0);
  const lost = {
    isDone: () => {
      throw new Error("error 16 of MPI");
    },
  };
  const group = new MessageGroup({ ...wires, receive: () => lost }, { timeout: 9 });
  await assertRejects(
    () => group.gather("x"),
    TrainingError,
    "Cannot go on as an answer of process 1 of 2 is required: found error 16 of MPI",
  );
});

Deno.test("a group lets go when all do, and ends all when one asks", async () => {
  const wires = new Wires(2);
  const groups = [0, 1].map((rank) => new MessageGroup(wires.of(rank), { timeout: 50 }));
  const first = groups[0]![Symbol.asyncDispose]();
  await new Promise((resume) => setTimeout(resume, 5));
  assertEquals(wires.closed, []);
  await Promise.all([first, groups[1]![Symbol.asyncDispose]()]);
  assertEquals(wires.closed.toSorted(), [0, 1]);
  groups[1]!.abort(3);
  assertEquals(wires.aborted, [3]);
});
