/**
 * Sums by NCCL, on the stream of a card's own work. Where a process is lost, what others queued never
 * ends by itself, so whoever waits looks after the others, and breaks off.
 *
 * @module
 */

import type { Device } from "../../core/device.ts";
import { TrainingError } from "../../core/errors.ts";
import { sizeOf } from "../../core/shape.ts";
import { type Tensor, tensor } from "../../core/tensor.ts";
import type { CudaBackend } from "../../kernels/cuda/backend.ts";
import type { DeviceSums } from "./device_sums.ts";
import type { Group } from "./group.ts";
import { inTime } from "./in_time.ts";
import type { Patience } from "./message_group.ts";
import { ncclIdBytes, type NcclLibrary, ncclResults } from "./nccl_library.ts";

/** Milliseconds in which NCCL is asked without a pause, and then of a pause. */
const [eager, pause] = [2, 20];
/** Milliseconds in which a card ends what was broken off. */
const endingTime = 5000;

const healthy = "a communicator without errors";

/** A communicator of NCCL's over all processes of a group. */
export class NcclSums implements DeviceSums {
  /** Version of NCCL. */
  readonly name: string;
  readonly #state = new Int32Array(1);
  readonly #now: () => number;
  /** Longest time that a read behind sums took, in milliseconds. */
  #longest = 0;
  #isOver = false;
  readonly #leave = () => {
    this.#abort();
    this.library.leave(Deno.exitCode);
  };

  private constructor(
    private readonly library: NcclLibrary,
    private readonly communicator: number,
    private readonly group: Group,
    private readonly device: Device,
    private readonly patience: Patience,
  ) {
    this.name = `NCCL ${library.version}`;
    this.#now = patience.now ?? (() => performance.now());
    // Where a process exits meanwhile, the driver would wait for the card.
    globalThis.addEventListener("unload", this.#leave);
  }

  /**
   * Makes a communicator, and tries it.
   *
   * @throws {TrainingError} If NCCL fails, or a process does not come in time
   */
  static async open(
    library: NcclLibrary,
    group: Group,
    device: Device,
    patience: Patience,
  ): Promise<NcclSums> {
    const communicator = await begun(library, group);
    const sums = new NcclSums(library, communicator, group, device, patience);
    try {
      await sums.#ready();
      await sums.#try();
      return sums;
    } catch (error) {
      await sums[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** Queues sums; see {@linkcode DeviceSums}. */
  async queue(tensors: readonly Tensor[]): Promise<void> {
    const { calls } = this.library;
    this.#requireOpen();
    const backend = this.device.backend as CudaBackend;
    const buffers = tensors.map(({ value }) => value.storage.buffer);
    backend.queueForeign(buffers, (addresses, stream) => {
      this.#require("a success of ncclGroupStart", calls.groupStart());
      tensors.forEach(({ value: { offset, shape } }, i) => {
        const address = addresses[i]! + 4 * offset;
        const queued = calls.sum(address, sizeOf(shape), this.communicator, stream);
        this.#require("a success of ncclAllReduce", queued);
      });
      this.#require("a success of ncclGroupEnd", calls.groupEnd());
    });
    // A thread of NCCL's puts them on the stream; what is queued next must come behind them.
    await this.#ready();
  }

  /** Waits for a read; see {@linkcode DeviceSums}. */
  async settled<T>(read: Promise<T>): Promise<T> {
    let isDone = false;
    const done = read.then(() => {}, () => {}).then(() => void (isDone = true));
    const begun = this.#now();
    for (;;) {
      await inTime(pause, done);
      const waited = this.#now() - begun;
      if (isDone) {
        this.#longest = Math.max(this.#longest, waited);
        return await read;
      }
      this.#require(healthy, this.#asyncState());
      await this.#look(waited, "the sum of gradients");
    }
  }

  /** Meets the others; see {@linkcode DeviceSums}. */
  async finish(): Promise<void> {
    await this.group.gather("");
    const { calls } = this.library;
    this.#require("a success of ncclCommFinalize", calls.finalize(this.communicator));
    await this.#ready();
    this.#isOver = true;
    globalThis.removeEventListener("unload", this.#leave);
    const destroyed = calls.destroy(this.communicator);
    this.library.close();
    requireSuccess(this.library, "a success of ncclCommDestroy", destroyed);
  }

  /** Breaks off what did not finish, and waits until the card has ended it. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#isOver) return;
    this.#abort();
    const backend = this.device.backend as CudaBackend;
    const ended = backend.driver.wait().then(() => true, () => true);
    if (!await inTime(endingTime, ended)) backend.abandon();
    this.library.close();
  }

  /** Sums one number, so that what cannot work is told before anything depends on it. */
  async #try(): Promise<void> {
    using _scope = this.device.scope("first sum");
    const { rank, size } = this.group;
    const number = tensor(this.device, [rank + 1]);
    await this.queue([number]);
    const found = await this.settled(number.item());
    const required = size * (size + 1) / 2;
    if (found === required) return;
    throw new TrainingError(
      `Cannot sum by ${this.name} as ${required} is required of a first sum: found ${found}`,
    );
  }

  /** Waits until NCCL has done what it was told, which is not what the card does. */
  async #ready(): Promise<void> {
    const begun = this.#now();
    for (;;) {
      const state = this.#asyncState();
      if (state === ncclResults.success) return;
      this.#require(healthy, state);
      const waited = this.#now() - begun;
      if (waited < eager) continue;
      await this.#look(waited, "a connection to all processes");
      await new Promise((resume) => setTimeout(resume, 1));
    }
  }

  /** Looks after the others: whether some are lost, or the time is over. */
  async #look(waited: number, what: string): Promise<void> {
    this.group.requireAll?.();
    const limit = 1000 * this.patience.timeout + this.#longest;
    if (waited <= limit) return;
    await this.group.callRoll?.();
    throw new TrainingError(
      `Cannot go on as ${what} is required within ${Number((limit / 1000).toPrecision(2))} s ` +
        `(--distributed-timeout): found none by ${this.name}, though all processes answer`,
    );
  }

  #asyncState(): number {
    this.#requireOpen();
    const asked = this.library.calls.state(this.communicator, this.#state);
    return asked === ncclResults.success ? this.#state[0]! : asked;
  }

  /** Requires a communicator whose memory is there. */
  #requireOpen(): void {
    if (this.#isOver) throw new TrainingError(`Cannot sum by ${this.name} as its sums are over`);
  }

  #require(what: string, result: number): void {
    if (result !== ncclResults.inProgress) requireSuccess(this.library, what, result);
  }

  /** Breaks off; what NCCL and the driver do as a process exits is not safe any more. */
  #abort(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.library.calls.abort(this.communicator);
  }
}

/** A communicator that is being made, over all processes of a group. */
async function begun(library: NcclLibrary, group: Group): Promise<number> {
  try {
    const { calls } = library;
    const id = new Uint8Array(ncclIdBytes);
    if (group.rank === 0) {
      requireSuccess(library, "a success of ncclGetUniqueId", calls.uniqueId(id));
    }
    const [common] = await group.gather(group.rank === 0 ? id.toHex() : "");
    const out = new Uint8Array(8);
    const answer = calls.init(out, group.size, Uint8Array.fromHex(common!), group.rank);
    if (answer !== ncclResults.inProgress) {
      requireSuccess(library, "a success of ncclCommInitRankConfig", answer);
    }
    return Number(new DataView(out.buffer).getBigUint64(0, true));
  } catch (error) {
    library.close();
    throw error;
  }
}

function requireSuccess({ version, calls }: NcclLibrary, what: string, result: number): void {
  if (result === ncclResults.success) return;
  const details = calls.lastError();
  throw new TrainingError(
    `Cannot sum by NCCL ${version} as ${what} is required: found ` +
      `${calls.meaning(result)} (${result})${details === "" ? "" : `, ${details}`}`,
  );
}
