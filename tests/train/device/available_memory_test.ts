import { assert, assertEquals } from "@std/assert";
import { empty } from "../../../core/memory.ts";
import { freeMemory, isOnHost } from "../../../train/device/available_memory.ts";
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
