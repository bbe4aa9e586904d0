// Runs of one process that start at once do not count the same free memory twice.
import { assertEquals, assertMatch, assertRejects } from "@std/assert";
import { Device } from "../../core/device.ts";
import { OptionError } from "../../core/errors.ts";
import { empty } from "../../core/memory.ts";
import { openCpu } from "../../kernels/cpu/backend.ts";
import type { FreeMemory } from "../../train/device/available_memory.ts";
import { memoryOfRuns, MemoryShare } from "../../train/device/memory_share.ts";
import { tensorBytes } from "../../train/memory_count.ts";
import { planMemory, requireMemory } from "../../train/memory_plan.ts";
import { prepareData, type PreparedData } from "../../train/prepare.ts";
import { locateFolders, type RunFolders } from "../../train/run/run_folders.ts";
import { RunPlace } from "../../train/run/run_place.ts";
import { Workspace } from "../support/workspace.ts";

const workspace = await Workspace.open();
Deno.test.afterAll(() => workspace[Symbol.asyncDispose]());

/** A machine whose memory is free but for what the tensors of some devices take. */
class Machine {
  readonly devices: Device[] = [];
  constructor(readonly bytes: number) {}

  device(): Device {
    const device = new Device(openCpu());
    this.devices.push(device);
    return device;
  }

  readonly ask = (): Promise<FreeMemory> => {
    const taken = this.devices.reduce((sum, { backend }) => sum + backend.statistics.bytes, 0);
    return Promise.resolve({ bytes: this.bytes - taken, place: "a small machine" });
  };
}

/** Folders and data of a run, and the bytes that it takes. */
async function prepared(
  body: (folders: RunFolders, data: PreparedData, required: number) => Promise<void>,
) {
  const folders = await locateFolders(workspace.config("rte", { batch: 8, evalBatch: 1 }));
  await using place = await RunPlace.open(folders.config, {});
  const data = await prepareData(folders, place, {});
  await using device = new Device(openCpu());
  const buffers = 65 * 2 ** 20;
  await body(folders, data, tensorBytes(await planMemory(folders, data, device)) + buffers);
}

const alone = { rank: 0, size: 1 };

Deno.test("runs that start at once are promised different memory, and one waits for another", () =>
  prepared(async (folders, data, required) => {
    const machine = new Machine(2.5 * required);
    const log: string[] = [];
    const start = async (name: string) => {
      const memory = new MemoryShare();
      const say = (line: string) => log.push(`${name} ${line}`);
      const options = { share: alone, memory, say, ask: machine.ask };
      await requireMemory(folders, data, machine.device(), options);
      log.push(`${name} begins`);
      return memory;
    };
    const names = ["a", "b", "c"];
    const starts = names.map(start);
    while (log.length < 3) await new Promise((resume) => setTimeout(resume, 5));
    const begun = names.filter((name) => log.includes(`${name} begins`));
    const [late] = names.filter((name) => !begun.includes(name));
    assertEquals(begun.length, 2);
    assertMatch(
      log.find((line) => line.startsWith(`${late} `))!,
      /^. memory: \d\S* GB are required and \d\S* GB left on a small machine: waiting for another run of this process to end$/,
    );
    const { backend } = machine.devices[0]!;
    assertEquals(memoryOfRuns(backend), { runs: 2, taken: 0, promised: 2 * required });
    // What a run has taken is free no more, and counts once.
    const at = names.indexOf(begun[0]!);
    const device = machine.devices[at]!;
    using _scope = device.scope("run");
    empty(device, [1000]);
    const held = { runs: 2, taken: 4000, promised: 2 * required - 4000 };
    assertEquals(memoryOfRuns(backend), held);
    assertEquals(log.length, 3);
    (await starts[at]!)[Symbol.dispose]();
    const others = await Promise.all(starts.filter((_, i) => i !== at));
    assertEquals(log[3], `${late} begins`);
    for (const memory of others) memory[Symbol.dispose]();
    assertEquals(memoryOfRuns(backend).runs, 0);
  }));

Deno.test("a run that would not fit alone, or whose wait is ended, is refused", () =>
  prepared(async (folders, data, required) => {
    const machine = new Machine(1.5 * required);
    using memory = new MemoryShare();
    const options = { share: alone, ask: machine.ask };
    const controller = new AbortController();
    await requireMemory(folders, data, machine.device(), { ...options, memory });
    const other = (bytes: number, signal?: AbortSignal) =>
      requireMemory(folders, data, machine.device(), {
        ...{ ...options, memory: new MemoryShare(), signal },
        ask: async () => ({ ...await machine.ask(), bytes }),
      });
    await assertRejects(() => other(0.9 * required), OptionError, "found 0.00 GB free on a small");
    const waiting = other(1.5 * required, controller.signal);
    const refused = assertRejects(() => waiting, OptionError);
    controller.abort();
    const [whole, left] = [required, required / 2].map((bytes) => (bytes / 1e9).toPrecision(3));
    assertEquals(
      (await refused).message,
      `Cannot begin as ${whole} GB of memory are required: found ${left} GB left on a small machine ` +
        "when the wait for another run was ended",
    );
    assertEquals(memoryOfRuns(machine.devices[0]!.backend).runs, 1);
  }));
