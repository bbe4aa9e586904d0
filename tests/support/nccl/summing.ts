// A process that sums by a library of NCCL's interface, on an interpreted card whose memory the library
// sees: deno run … summing.ts LIBRARY [RENDEZVOUS [leave]]. It prints what came of it as JSON. With `leave`
// process 1 leaves without a word.
import { Device } from "../../../core/device.ts";
import { tensor } from "../../../core/tensor.ts";
import { watchedLibrary } from "../../../train/distributed/call_watch.ts";
import { type NcclLibrary, openNccl } from "../../../train/distributed/nccl_library.ts";
import { NcclSums } from "../../../train/distributed/nccl_sums.ts";
import { openGroup } from "../../../train/distributed/open_group.ts";
import { type InterpretedBackend, interpretedCuda } from "../ptx/interpreted_driver.ts";

/** Seconds that a call may take. */
const stuckTime = 2;

/** The library, given addresses of this process in place of the card's. */
function seeing({ calls, ...library }: NcclLibrary, { state }: InterpretedBackend): NcclLibrary {
  const addressOf = (address: number) => {
    const { base, bytes } = state.memory;
    const start = Deno.UnsafePointer.value(Deno.UnsafePointer.of(bytes as Uint8Array<ArrayBuffer>));
    return Number(start) + address - base;
  };
  return {
    ...library,
    calls: { ...calls, sum: (address, ...rest) => calls.sum(addressOf(address), ...rest) },
  };
}

if (import.meta.main) {
  const [path, rendezvous, leave] = Deno.args as [string, string?, string?];
  const choice = {
    ...{ distributed: "nccl", mpi: "auto", distributedTimeout: 20 } as const,
    ...(rendezvous !== undefined && { rendezvous }),
  };
  const group = await openGroup(choice);
  const card = interpretedCuda();
  const device = new Device(card.backend);
  let said: unknown;
  try {
    using _scope = device.scope("sums");
    const opened = openNccl(path, (name) => Deno.env.get(name));
    const library = watchedLibrary(seeing(opened, card), stuckTime);
    await using sums = await NcclSums.open(library, group, device, { timeout: 20 });
    const numbers = tensor(device, Array.from({ length: 200 }, (_, i) => i + group.rank / 4));
    const others = tensor(device, [group.rank, 8]);
    if (leave === "leave" && group.rank === 1) Deno.exit(9);
    for (let round = 0; round < 3; round++) await sums.queue([numbers, others]);
    const found = [...await sums.settled(numbers.read()), ...await sums.settled(others.read())];
    await sums.finish();
    said = { name: sums.name, found };
  } catch (error) {
    said = { error: (error as Error).message };
  }
  console.log(JSON.stringify(said));
  await device[Symbol.asyncDispose]();
  if (leave !== undefined) group.abort(1);
  else await group[Symbol.asyncDispose]();
}
