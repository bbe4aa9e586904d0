import { assertEquals, assertRejects } from "@std/assert";
import type { Backend } from "../../../core/backend.ts";
import { OptionError } from "../../../core/errors.ts";
import { resolveConfig } from "../../../train/config/config.ts";
import { alone } from "../../../train/distributed/group.ts";
import { ownConfig, ownDevice } from "../../../train/distributed/joined_run.ts";
import {
  neighboursOf,
  sharedCards,
  threadsOfNeighbour,
} from "../../../train/distributed/neighbours.ts";
import { SharedStop } from "../../../train/distributed/shared_stop.ts";
import { inGroup } from "../../support/linked_groups.ts";

const hosts = ["a", "b", "a", "a"];
const backendOf = (name: string, description: string) => ({ name, description }) as Backend;

Deno.test("processes of one machine take turns, and share its cores", async () => {
  const found = await inGroup(4, neighboursOf, { hosts });
  assertEquals(found.map(({ turn, count }) => [turn, count]), [[0, 3], [0, 1], [1, 3], [2, 3]]);
  assertEquals([8, 7, 2].map((cores) => threadsOfNeighbour(found[0]!, cores)), [2, 2, 1]);
});

Deno.test("a process of several has a turn and threads, which settings go before", async () => {
  const given = { task: "rte", data: "d", model: "m", out: "o" } as const;
  const config = resolveConfig(given);
  assertEquals(await ownDevice(alone, config), config);
  const choices = await inGroup(2, (group) => ownDevice(group, config));
  const threads = Math.max(1, Math.floor(navigator.hardwareConcurrency / 2));
  assertEquals(choices.map(({ turn, threads }) => [turn, threads]), [[0, threads], [1, threads]]);
  const named = await inGroup(
    2,
    (group) => ownDevice(group, resolveConfig({ ...given, threads: 5 })),
  );
  assertEquals(named.map(({ threads }) => threads), [5, 5]);
  const outs = await inGroup(2, (group) => Promise.resolve(ownConfig(group, config).out));
  assertEquals(outs, ["o", undefined]);
});

Deno.test("a card of CUDA that processes share is said, one each is not, and the CPU is everyone's", async () => {
  const cards = ["CUDA, X at 1", "CUDA, X at 1", "CUDA, X at 2", "CUDA, X at 1"];
  const told = await inGroup(
    4,
    (group) => sharedCards(group, backendOf("cuda", cards[group.rank]!)),
    { hosts },
  );
  const line = "process 0 of 4 and process 3 of 4 share CUDA, X at 1 of a";
  assertEquals(told, [[line], [line], [line], [line]]);
  assertEquals(await inGroup(2, (group) => sharedCards(group, backendOf("cpu", "CPU"))), [[], []]);
});

Deno.test("a GPU of WebGPU is no two processes', a software adapter may be", async () => {
  await inGroup(2, async (group) => {
    await assertRejects(
      () => sharedCards(group, backendOf("webgpu", "WebGPU, X")),
      OptionError,
      "Cannot share WebGPU, X of here as one process for each GPU of WebGPU is required, or " +
        "--backend cuda or cpu: found process 0 of 2 and process 1 of 2",
    );
  });
  const software = backendOf("webgpu", "WebGPU, llvmpipe (software)");
  assertEquals(await inGroup(2, (group) => sharedCards(group, software)), [[], []]);
  const apart = (group: Parameters<typeof sharedCards>[0]) =>
    sharedCards(group, backendOf("webgpu", "WebGPU, X"));
  assertEquals(await inGroup(2, apart, { hosts }), [[], []]);
});

Deno.test("a wish to stop is everyone's signal once it was agreed", () => {
  const asked = new AbortController();
  const stop = new SharedStop(asked.signal);
  assertEquals([stop.wishes, new SharedStop(undefined).wishes], [0, 0]);
  asked.abort();
  assertEquals([stop.wishes, stop.signal.aborted], [1, false]);
  stop.agree(0);
  assertEquals(stop.signal.aborted, false);
  stop.agree(1);
  assertEquals(stop.signal.aborted, true);
});
