/**
 * Launches as the driver takes them: alone, or as nodes of a graph.
 *
 * @module
 */

import type { Driver } from "../driver/driver.ts";
import { withCaptured } from "./capture.ts";
import type { CardLaunch } from "./launch.ts";
import { mostParameters } from "./modules.ts";

/** Bytes whose address the driver is told: engines move small arrays that have no buffer yet. */
function unmoved(bytes: number): Uint8Array<ArrayBuffer> {
  return new Uint8Array(new ArrayBuffer(bytes));
}

/** Describes launches to the driver. */
export class LaunchNodes {
  readonly #node = unmoved(72);
  readonly #fields = new DataView(this.#node.buffer);
  readonly #extra = unmoved(40);
  readonly #extraFields = new DataView(this.#extra.buffer);
  readonly #size = unmoved(8);
  readonly #parameters = unmoved(mostParameters);
  readonly #words = new Uint32Array(this.#parameters.buffer);

  /** @param driver Runs them on its stream */
  constructor(readonly driver: Driver) {
    const { library } = driver;
    // CU_LAUNCH_PARAM_BUFFER_POINTER, CU_LAUNCH_PARAM_BUFFER_SIZE, CU_LAUNCH_PARAM_END.
    const address = (bytes: Uint8Array) => BigInt(library.addressOf(bytes));
    [1n, address(this.#parameters), 2n, address(this.#size), 0n].forEach((word, i) =>
      this.#extraFields.setBigUint64(8 * i, word, true)
    );
    this.#fields.setBigUint64(48, address(this.#extra), true);
  }

  /** Queues a launch whose parameters stand at a place. */
  start(launch: CardLaunch, words: Uint32Array, at: number): void {
    if (launch.foreign !== undefined) return launch.foreign(addressesOf(launch, words, at));
    this.#put(launch, words, at);
    const { handle, threads, sharedBytes } = launch.kernel;
    const code = this.driver.code(
      "cuLaunchKernel",
      handle,
      launch.blocks,
      1,
      1,
      threads,
      1,
      1,
      sharedBytes,
      this.driver.stream,
      0,
      this.#extra,
    );
    if (code !== 0) throw this.driver.failure(`the launch of ${launch.kernel.name}`, code);
  }

  /** Copies a launch's parameters to where the driver reads them. */
  #put({ words: { length } }: CardLaunch, words: Uint32Array, at: number): void {
    for (let i = 0; i < length; i++) this.#words[i] = words[at + i]!;
    this.#size[0] = 4 * length;
    this.#size[1] = (4 * length) >> 8;
  }

  /** Describes a launch's node. */
  #describe(launch: CardLaunch, words: Uint32Array, at: number): void {
    this.#put(launch, words, at);
    const { handle, threads, sharedBytes } = launch.kernel;
    const fields = this.#fields;
    fields.setBigUint64(0, BigInt(handle), true);
    [launch.blocks, 1, 1, threads, 1, 1, sharedBytes].forEach((value, i) =>
      fields.setUint32(8 + 4 * i, value, true)
    );
  }

  /** Adds a launch to a graph, after some of its nodes; gives its node. */
  add(
    source: number,
    before: readonly number[],
    launch: CardLaunch,
    words: Uint32Array,
    at: number,
  ): number {
    const { driver } = this;
    const handles = new BigUint64Array(before.map(BigInt));
    const after = before.length === 0
      ? [null, 0] as const
      : [new Uint8Array(handles.buffer), before.length] as const;
    if (launch.foreign !== undefined) {
      const name = "cuGraphAddChildGraphNode";
      return this.#captured(
        launch,
        words,
        at,
        (child) => driver.result(name, source, ...after, child),
      );
    }
    this.#describe(launch, words, at);
    return driver.result("cuGraphAddKernelNode_v2", source, ...after, this.#node);
  }

  /** Gives a node of a graph that runs other parameters. */
  set(
    executable: number,
    node: number,
    launch: CardLaunch,
    words: Uint32Array,
    at: number,
  ): void {
    const { driver } = this;
    if (launch.foreign !== undefined) {
      const name = "cuGraphExecChildGraphNodeSetParams";
      return this.#captured(
        launch,
        words,
        at,
        (child) => driver.call(name, executable, node, child),
      );
    }
    this.#describe(launch, words, at);
    driver.call("cuGraphExecKernelNodeSetParams_v2", executable, node, this.#node);
  }

  /** Gives what a foreign launch queues as a graph of its own to those who copy it. */
  #captured<T>(
    launch: CardLaunch,
    words: Uint32Array,
    at: number,
    use: (child: number) => T,
  ): T {
    return withCaptured(
      this.driver,
      () => launch.foreign!(addressesOf(launch, words, at)),
      use,
    );
  }
}

/** Addresses of a launch's operands. */
function addressesOf({ offsets }: CardLaunch, words: Uint32Array, at: number): number[] {
  return Array.from(
    { length: offsets / 2 },
    (_, k) => words[at + 2 * k]! + 2 ** 32 * words[at + 2 * k + 1]!,
  );
}
