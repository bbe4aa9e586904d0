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
import type { Patience } from "./message_group.ts";
import { ncclIdBytes, type NcclLibrary, ncclResults } from "./nccl_library.ts";

/** Milliseconds in which NCCL is asked without a pause, and then of a pause. */
const [eager, pause] = [2, 20];

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
  readonly #leave = () => this.#abort();

  private constructor(
    private readonly library: NcclLibrary,
    private readonly communicator: number,
    private readonly group: Group,
    private readonly patience: Patience,
  ) {
    this.name = `NCCL ${library.version}`;
    this.#now = patience.now ?? (() => performance.now());
    // The driver waits for the card when a process exits.
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
    const { calls } = library;
    const id = new Uint8Array(ncclIdBytes);
    if (group.rank === 0) {
      requireSuccess(library, "a success of ncclGetUniqueId", calls.uniqueId(id));
    }
    const [common] = await group.gather(group.rank === 0 ? id.toHex() : "");
    const out = new Uint8Array(8);
    const begun = calls.init(out, group.size, Uint8Array.fromHex(common!), group.rank);
    if (begun !== ncclResults.inProgress) {
      requireSuccess(library, "a success of ncclCommInitRankConfig", begun);
    }
    const communicator = Number(new DataView(out.buffer).getBigUint64(0, true));
    const sums = new NcclSums(library, communicator, group, patience);
    try {
      await sums.#ready();
      await sums.#try(device);
      return sums;
    } catch (error) {
      sums.#abort();
      throw error;
    }
  }

  /** Queues sums; see {@linkcode DeviceSums}. */
  async queue(tensors: readonly Tensor[]): Promise<void> {
    const { calls } = this.library;
    const backend = tensors[0]!.device.backend as CudaBackend;
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
      await soon(done, pause);
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
    requireSuccess(this.library, "a success of ncclCommDestroy", calls.destroy(this.communicator));
  }

  /** Breaks off what did not finish. */
  [Symbol.asyncDispose](): Promise<void> {
    this.#abort();
    return Promise.resolve();
  }

  /** Sums one number, so that what cannot work is told before anything depends on it. */
  async #try(device: Device): Promise<void> {
    using _scope = device.scope("first sum");
    const { rank, size } = this.group;
    const number = tensor(device, [rank + 1]);
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
    // Its memory is gone.
    if (this.#isOver) throw new TrainingError(`Cannot sum by ${this.name} as its sums are over`);
    const asked = this.library.calls.state(this.communicator, this.#state);
    return asked === ncclResults.success ? this.#state[0]! : asked;
  }

  #require(what: string, result: number): void {
    if (result !== ncclResults.inProgress) requireSuccess(this.library, what, result);
  }

  #abort(): void {
    globalThis.removeEventListener("unload", this.#leave);
    if (this.#isOver) return;
    this.#isOver = true;
    this.library.calls.abort(this.communicator);
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

/** Waits for work, for so many milliseconds at most. */
async function soon(work: Promise<void>, milliseconds: number): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, milliseconds);
  await Promise.race([work, promise]);
  clearTimeout(timer);
}
