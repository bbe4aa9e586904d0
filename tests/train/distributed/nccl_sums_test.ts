// What a process does that sums on a card where others are lost, hang, or are not as it is.
import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import { Device } from "../../../core/device.ts";
import { OptionError, TrainingError } from "../../../core/errors.ts";
import { slice } from "../../../core/ops/slice.ts";
import { tensor } from "../../../core/tensor.ts";
import { alone, type Group } from "../../../train/distributed/group.ts";
import type { NcclCalls } from "../../../train/distributed/nccl_library.ts";
import { NcclSums } from "../../../train/distributed/nccl_sums.ts";
import { openDeviceSums, requireOwnCards } from "../../../train/distributed/open_sums.ts";
import { withInterpreted } from "../../support/interpreted_device.ts";
import { inGroup } from "../../support/linked_groups.ts";
import { MemoryNccl } from "../../support/nccl/memory_nccl.ts";
import { interpretedCuda } from "../../support/ptx/interpreted_driver.ts";
import { withDevice } from "../../support/with_device.ts";

/** Opens sums in each of two processes, and does something with them. */
async function inTwo(
  nccl: MemoryNccl,
  body: (sums: NcclSums, device: Device, group: Group) => Promise<void>,
  timeout = 50,
): Promise<PromiseSettledResult<void>[]> {
  return await Promise.allSettled(
    await inGroup(2, (group) =>
      Promise.resolve({
        ended: withInterpreted({}, async (device, { state }) => {
          const library = nccl.of(group.rank, state);
          await using sums = await NcclSums.open(library, group, device, { timeout });
          await body(sums, device, group);
        }),
      }), { timeout }).then((processes) => processes.map(({ ended }) => ended)),
  );
}

function sentences(results: readonly PromiseSettledResult<void>[]): string[] {
  return results.map((one) => one.status === "rejected" ? one.reason.message : "");
}

Deno.test("sums replace parts of memory, behind what was queued, round after round", async () => {
  const nccl = new MemoryNccl(2);
  const results = await inTwo(nccl, async (sums, device, { rank }) => {
    const all = tensor(device, [5 + rank, 1 + rank, 10, 100 * rank, 7]);
    for (let round = 0; round < 3; round++) await sums.queue([slice(all, 0, 1, 4)]);
    assertEquals([...await sums.settled(all.read())], [5 + rank, 12, 80, 400, 7]);
    await sums.finish();
  });
  assertEquals(sentences(results), ["", ""]);
  assertEquals(nccl.calls.filter((call) => /abort|destroy/.test(call)).toSorted(), [
    ...["0 destroy", "1 destroy"],
  ]);
});

Deno.test("what did not finish is broken off, whose memory is not used again", async () => {
  const nccl = new MemoryNccl(2);
  const results = await inTwo(nccl, async (sums, device) => {
    const numbers = tensor(device, [1]);
    await sums[Symbol.asyncDispose]();
    await assertRejects(() => sums.queue([numbers]), TrainingError, "as its sums are over");
    await assertRejects(() => sums.settled(new Promise(() => {})), TrainingError, "are over");
  });
  assertEquals(sentences(results), ["", ""]);
  assertEquals(nccl.calls.filter((call) => call.endsWith("abort")).toSorted(), [
    ...["0 abort", "1 abort"],
  ]);
});

for (const name of ["uniqueId", "init", "groupStart", "sum", "groupEnd", "state"] as const) {
  Deno.test(`a failure of NCCL's ${name} is told with its meaning, and breaks off`, async () => {
    const nccl = new MemoryNccl(2);
    nccl.failures.set(name satisfies keyof NcclCalls, 3);
    const found = sentences(await inTwo(nccl, () => Promise.resolve(), 0.1));
    assertMatch(
      found[0]!,
      /^Cannot sum by NCCL 2\.27\.5 as a (?:success of nccl\w+|communicator without errors) is required: found meaning of 3 \(3\), details$/,
    );
    const begun = nccl.calls.filter((call) => call === "0 init").length;
    const broken = nccl.calls.filter((call) => call === "0 abort").length;
    assertEquals(broken, name === "init" ? 0 : begun);
  });
}

Deno.test("a card that never sums ends the run in time, though all processes answer", async () => {
  const nccl = new MemoryNccl(2);
  const started = performance.now();
  const results = await inTwo(nccl, async (sums, device) => {
    nccl.hung = true;
    await sums.queue([tensor(device, [1])]);
  }, 0.3);
  for (const found of sentences(results)) {
    assertMatch(
      found,
      /^Cannot go on as a connection to all processes is required within 0\.[3-9]\d* s \(--distributed-timeout\): found none by NCCL 2\.27\.5, though all processes answer$/,
    );
  }
  assert(performance.now() - started < 8000);
});

Deno.test("who waits for a card names the process that is lost, or does not answer", async () => {
  const nccl = new MemoryNccl(1);
  const lost = (what: string) => () => {
    throw new TrainingError(what);
  };
  await withInterpreted({}, async (device, { state }) => {
    const group: Group = { ...alone };
    const sums = await NcclSums.open(nccl.of(0, state), group, device, { timeout: 0.1 });
    const never = new Promise<void>(() => {});
    await assertRejects(
      () => sums.settled(never),
      TrainingError,
      "the sum of gradients is required",
    );
    group.callRoll = lost("process 2 does not answer");
    await assertRejects(() => sums.settled(never), TrainingError, "process 2 does not answer");
    group.requireAll = lost("process 1 is lost");
    await assertRejects(() => sums.settled(never), TrainingError, "process 1 is lost");
    await sums[Symbol.asyncDispose]();
  });
});

Deno.test("a card that does not end what was broken off is abandoned, not waited for", async () => {
  const nccl = new MemoryNccl(1);
  const { backend, library, state } = interpretedCuda();
  const device = new Device(backend);
  {
    using _scope = device.scope("hung");
    await using _sums = await NcclSums.open(nccl.of(0, state), alone, device, { timeout: 9 });
    Object.assign(library, { wait: () => new Promise(() => {}) });
  }
  await device[Symbol.asyncDispose]();
  assert(state.open.has("library"));
});

const card = { name: "NVIDIA H100", address: "0000:3b:00.0", version: "2.27.5" };

Deno.test("processes on one card are refused by name, on cards of several machines not", async () => {
  const refused = await Promise.allSettled(
    await inGroup(3, (group) => {
      const address = group.rank === 1 ? "0000:4c:00.0" : card.address;
      return Promise.resolve({ ended: requireOwnCards(group, { ...card, address }) });
    }).then((all) => all.map(({ ended }) => ended)),
  );
  for (const one of refused) {
    assert(one.status === "rejected" && one.reason instanceof OptionError);
    assertEquals(
      one.reason.message,
      "Cannot sum by NCCL as a card of its own is required of each process (--card): found process 0 " +
        "of 3 and process 2 of 3 on NVIDIA H100 at 0000:3b:00.0 of here",
    );
  }
  await inGroup(2, (group) => requireOwnCards(group, card), { hosts: ["one", "other"] });
});

Deno.test("processes with other versions of NCCL are refused by name", async () => {
  await inGroup(2, async (group) => {
    const own = { ...card, address: `${group.rank}`, version: `2.2${group.rank}.0` };
    await assertRejects(
      () => requireOwnCards(group, own),
      OptionError,
      "as version 2.20.0 of process 0 of 2 is required of process 1 of 2 (--nccl): found 2.21.0",
    );
  });
});

Deno.test("sums on cards need CUDA, and several processes that ask for them", async () => {
  const choice = { distributed: "nccl", nccl: "auto", distributedTimeout: 50 } as const;
  await withDevice("f32", async (device) => {
    const two: Group = { ...alone, size: 2 };
    await assertRejects(
      () => openDeviceSums(choice, two, device),
      OptionError,
      "Cannot use --distributed nccl as --backend cuda is required: found --backend cpu",
    );
    assertEquals(await openDeviceSums(choice, alone, device), undefined);
    assertEquals(await openDeviceSums({ ...choice, distributed: "tcp" }, two, device), undefined);
  });
});
