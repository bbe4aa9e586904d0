/**
 * The CUDA backend: renders programs to PTX, which the driver compiles, and runs them on one card.
 * Nothing but the driver is needed.
 *
 * @module
 */

import type {
  Affine,
  Backend,
  BackendStatistics,
  Binding,
  Bound,
  Buffer,
  Capturing,
  FusedAttention,
} from "../../core/backend.ts";
import type { Dtype } from "../../core/dtype.ts";
import type { GatherProgram, Program, RowProgram, ScatterAddProgram } from "../../core/program.ts";
import { Counts } from "../plan/counts.ts";
import { Layouts } from "../plan/layouts.ts";
import { CudaAttention } from "./attention/attentions.ts";
import { LtProducts } from "./blas/lt_products.ts";
import type { Driver } from "./driver/driver.ts";
import { type CardBuffer, CardMemory } from "./memory/card_memory.ts";
import { Staging } from "./memory/staging.ts";
import { usualProducts } from "./product/product_policy.ts";
import type { Precision } from "./product/product_shape.ts";
import { CudaProducts } from "./product/products.ts";
import { CardCapturing } from "./queue/card_capturing.ts";
import type { WorkHost } from "./queue/card_work.ts";
import type { CardLaunch } from "./queue/launch.ts";
import { Modules } from "./queue/modules.ts";
import { LaunchQueue } from "./queue/queue.ts";
import type { QueueOptions } from "./queue_options.ts";
import { gatherLaunch } from "./row/gather.ts";
import { rowLaunch } from "./row/row_launch.ts";

/** Runs programs on an NVIDIA card. */
export class CudaBackend implements Backend {
  /** Name that `--backend` takes. */
  readonly name = "cuda";
  /** Card, and how products are computed. */
  readonly description: string;
  readonly #counts = new Counts();
  /** Buffers and bytes that are allocated now, and programs run since the device was opened. */
  readonly statistics: BackendStatistics = this.#counts;
  /** Where products round their factors, activations are stored as rounded. */
  readonly activations: "bf16" | undefined;
  readonly #memory: CardMemory;
  readonly #staging: Staging;
  readonly #modules: Modules;
  readonly #queue: LaunchQueue;
  readonly #products: CudaProducts;
  readonly #lt: LtProducts | undefined;
  /** Captures work where programs become graphs. */
  readonly capturing: Capturing | undefined;
  readonly #capturing: CardCapturing | undefined;
  /** Attention in one go. */
  readonly attention: FusedAttention | undefined;
  readonly #launches = new Layouts<CardLaunch>();
  #isAbandoned = false;

  /**
   * Made by `openCuda`.
   *
   * @param driver The card's context
   * @param precision How products are computed
   * @param options How programs are queued and products chosen
   * @throws {DeviceError} If the driver fails, or cuBLASLt cannot be used; both are closed then
   */
  constructor(
    readonly driver: Driver,
    readonly precision: Precision,
    options: QueueOptions = {},
  ) {
    const { graphs = true, blocking = false, library, policy = usualProducts, fused = true } =
      options;
    const { name, address, capability, processors, sharedBytes } = driver.facts;
    this.activations = precision === "bf16" ? "bf16" : undefined;
    const lt = precision === "bf16" ? library : undefined;
    const by = lt === undefined ? "" : ` by ${lt.name}`;
    this.description = `CUDA, ${name} at ${address}, products in ${precision}${by}`;
    try {
      this.#memory = new CardMemory(driver);
      this.#staging = new Staging(driver);
      this.#modules = new Modules(driver, options.compilers);
      const busy = () => this.#modules.busy;
      this.#queue = new LaunchQueue(driver, { graphs, blocking }, busy, options.shortest);
      if (graphs && !blocking) this.#capturing = this.#makeCapturing(options.parallel ?? false);
      this.capturing = this.#queue.capturing = this.#capturing;
      const host = { driver, memory: this.#memory, modules: this.#modules };
      this.#lt = lt === undefined ? undefined : new LtProducts(lt, host);
    } catch (error) {
      this.#close();
      lt?.close();
      throw error;
    }
    this.attention = fused
      ? new CudaAttention({
        precision,
        modules: this.#modules,
        queue: this.#queue,
        count: () => this.#counts.runs++,
      })
      : undefined;
    this.#products = new CudaProducts({
      lt: this.#lt,
      precision,
      policy,
      capability,
      processors,
      sharedBytes,
      memory: this.#memory,
      modules: this.#modules,
      queue: this.#queue,
      rowLaunch: this.#rowLaunch.bind(this),
    });
  }

  /** Launches so far, and how many of them went out as parts of graphs. */
  get launches(): Readonly<{ launches: number; inGraphs: number }> {
    return this.#queue.counts;
  }

  /** Bytes of the card's memory that are held, as much as was ever in use at once. */
  get heldBytes(): number {
    return this.#memory.heldBytes;
  }

  /** Doubles are left to the CPU. */
  supports(dtype: Dtype): boolean {
    return dtype !== "f64";
  }

  /**
   * Takes memory of the card.
   *
   * @throws {DeviceError} If it has none left
   */
  allocate(bytes: number, shape?: readonly number[]): Buffer {
    const buffer = this.#memory.take(bytes, shape);
    this.#counts.allocated(bytes);
    return buffer;
  }

  /** Gives memory back; what is queued runs before it can be used again. */
  release(buffer: Buffer): void {
    this.#counts.released(buffer.bytes);
    this.#memory.give(buffer as CardBuffer);
  }

  /** Queues an upload after what was queued. */
  write(buffer: Buffer, offset: number, source: ArrayBufferView): void {
    if (source.byteLength === 0) return;
    this.#capturing?.spoil();
    this.#queue.flush();
    this.#staging.write((buffer as CardBuffer).address + offset, source);
  }

  /**
   * Waits for what was queued and copies to the host.
   *
   * @throws {DeviceError} If a program failed, now or at any time before: the context is lost then,
   * and another must be opened
   */
  read(buffer: Buffer, offset: number, bytes: number): Promise<ArrayBuffer> {
    this.#capturing?.spoil();
    this.#queue.flush();
    return this.#staging.read((buffer as CardBuffer).address + offset, bytes);
  }

  /**
   * Lets a library that others opened queue work on the card's stream, behind all that was queued.
   *
   * @param buffers What it reads and writes
   * @param work Is given their addresses, and the stream
   */
  queueForeign(
    buffers: readonly Buffer[],
    work: (addresses: readonly number[], stream: number) => void,
  ): void {
    this.#capturing?.spoil();
    this.#queue.flush();
    this.driver.checkContext();
    work(buffers.map((buffer) => (buffer as CardBuffer).address), this.driver.stream);
  }

  #makeCapturing(parallel: boolean): CardCapturing {
    const host: Omit<WorkHost, "used"> = {
      parallel,
      memory: this.#memory,
      graphs: this.#queue.graphs,
      flush: () => this.#queue.flush(),
      count: (runs, launches, bytes) => {
        this.#counts.runs += runs;
        this.#counts.allocated(bytes);
        this.#counts.released(bytes);
        this.#queue.countGraphs(launches);
      },
    };
    return new CardCapturing(host, () => this.#counts.runs);
  }

  /** Queues a program. */
  run(program: Program, binding: Binding): void {
    this.#counts.runs++;
    // What no rows are added to is 0.
    const written = program.family === "scatterAdd" ? binding.space.slice(1) : binding.space;
    const nothing = program.family === "matmul" ? written.slice(0, -1) : written;
    if (nothing.includes(0)) return;
    switch (program.family) {
      case "row":
        return this.#row(program, binding);
      case "matmul":
        return this.#products.record(program, binding);
      case "gather":
      case "scatterAdd":
        return this.#byIndex(program, binding);
      default:
        program satisfies never;
    }
  }

  #row(program: RowProgram, { space, inputs, outputs, indices, scalars }: Binding): void {
    const bound = [...inputs, ...outputs];
    this.#queue.launch(this.#rowLaunch(program, space, bound, indices), bound, indices, scalars);
  }

  #rowLaunch(
    program: RowProgram,
    space: readonly number[],
    bound: readonly Bound[],
    indices: readonly Affine[],
  ): CardLaunch {
    const operands = indices.length === 0 ? bound : [...bound, ...indices];
    return this.#launches.find(
      program,
      space,
      operands,
      () => rowLaunch(program, { space, bound, indices }, this.#modules),
    );
  }

  #byIndex(program: GatherProgram | ScatterAddProgram, binding: Binding): void {
    const operands = [...binding.inputs, ...binding.outputs];
    const launch = this.#launches.find(
      program,
      binding.space,
      operands,
      () => gatherLaunch(program, binding, this.#modules),
    );
    this.#queue.launch(launch, operands, [], []);
  }

  /** Leaves the card as it is, where what was queued may never end: the process is to exit. */
  abandon(): void {
    this.#isAbandoned = true;
  }

  /** Gives the card back, once no read is on its way: it is copied from memory that goes. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#isAbandoned) return;
    await this.#staging.idle();
    this.#close();
  }

  /** Closes what was made, which is not all where opening failed. */
  #close(): void {
    this.#capturing?.close();
    this.#queue?.close();
    this.driver.library.calls.cuStreamSynchronize(this.driver.stream);
    this.#lt?.close();
    this.#modules?.close();
    this.#staging?.close();
    this.#memory?.close();
    this.driver.close();
  }
}
