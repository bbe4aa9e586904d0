import { assert, assertEquals } from "@std/assert";
import { empty } from "../../../core/memory.ts";
import { freeMemory, isOnHost, withinLimit } from "../../../train/device/available_memory.ts";
import { withInterpreted } from "../../support/interpreted_device.ts";
import { withDevice } from "../../support/with_device.ts";

Deno.test("what a card's process gave back is free, though the process holds it", () =>
  withInterpreted({}, async (device) => {
    const first = (await freeMemory(device.backend))!;
    const tensor = empty(device, [2 ** 20]);
    const beside = (await freeMemory(device.backend))!;
    assertEquals(first.bytes - beside.bytes, 2 ** 22);
    tensor[Symbol.dispose]();
    assertEquals(await freeMemory(device.backend), first);
    assert(!isOnHost(device.backend));
  }));

Deno.test("tensors of the CPU lie in the machine's memory, of which nothing is known unasked", () =>
  withDevice("f32", async (device) => {
    assert(isOnHost(device.backend));
    assertEquals(await freeMemory(device.backend), undefined);
  }));

Deno.test("a container's limit counts where it is below what the machine has", () => {
  const machine = { total: 100, available: 80 };
  const unlimited = 2 ** 63;
  for (const limit of [0, 100, 101, unlimited, NaN]) {
    assertEquals(withinLimit(machine, limit, 30), machine);
  }
  assertEquals(withinLimit(machine, 60, 20), { total: 60, available: 40 });
  assertEquals(withinLimit(machine, 99, 1), { total: 99, available: 80 });
  assertEquals(withinLimit(machine, 50, 60), { total: 50, available: 0 });
});
