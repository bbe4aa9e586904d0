/**
 * Segments as graphs of the driver's: one node a launch, each after the one before. The second time a
 * segment comes it becomes a graph; from then on only nodes whose parameters changed are set anew.
 *
 * @module
 */

import type { Driver } from "../driver/driver.ts";
import { withCaptured } from "./capture.ts";
import type { CardLaunch } from "./launch.ts";
import { mostParameters } from "./modules.ts";
import type { LaunchSegment } from "./segment.ts";

/** Segments that are remembered; beyond these all are forgotten. */
const most = 256;

/** Segments that are worth a graph have at least so many launches. */
const least = 4;

/** A segment that was seen. */
interface Entry {
  /** What runs, in order. */
  readonly launches: readonly CardLaunch[];
  /** The graph, once there is one. */
  graph?: Graph;
}

interface Graph {
  /** The graph, whose nodes live as long as it does. */
  readonly source: number;
  readonly executable: number;
  readonly nodes: Float64Array;
  /** Parameters as the nodes have them. */
  readonly words: Uint32Array;
}

/** Bytes whose address the driver is told: engines move small arrays that have no buffer yet. */
function unmoved(bytes: number): Uint8Array<ArrayBuffer> {
  return new Uint8Array(new ArrayBuffer(bytes));
}

/** How segments run. */
export interface Queueing {
  /** Whether segments that come again become graphs. */
  readonly graphs: boolean;
  /** Whether each program is waited for, so that a fault is told of the program that has it. */
  readonly blocking: boolean;
}

/** Runs segments. */
export class Graphs {
  readonly #entries = new Map<number, Entry[]>();
  readonly #node = unmoved(72);
  readonly #fields = new DataView(this.#node.buffer);
  readonly #extra = unmoved(40);
  readonly #extraFields = new DataView(this.#extra.buffer);
  readonly #size = unmoved(8);
  readonly #parameters = unmoved(mostParameters);
  readonly #words = new Uint32Array(this.#parameters.buffer);
  #kept = 0;

  /**
   * @param driver Runs them on its stream
   * @param queueing How segments run
   */
  constructor(readonly driver: Driver, readonly queueing: Queueing) {
    const { library } = driver;
    // CU_LAUNCH_PARAM_BUFFER_POINTER, CU_LAUNCH_PARAM_BUFFER_SIZE, CU_LAUNCH_PARAM_END.
    const address = (bytes: Uint8Array) => BigInt(library.addressOf(bytes));
    [1n, address(this.#parameters), 2n, address(this.#size), 0n].forEach((word, i) =>
      this.#extraFields.setBigUint64(8 * i, word, true)
    );
    this.#fields.setBigUint64(48, address(this.#extra), true);
  }

  /** Runs a segment; tells whether as a graph. */
  run(segment: LaunchSegment): boolean {
    const { graphs, blocking } = this.queueing;
    const worth = graphs && !blocking && segment.launches.length >= least;
    const entry = worth ? this.#find(segment) : undefined;
    if (entry === undefined) {
      this.#plain(segment);
      return false;
    }
    const graph = entry.graph ??= this.#build(segment);
    this.#update(graph, segment);
    this.driver.call("cuGraphLaunch", graph.executable, this.driver.stream);
    return true;
  }

  /** The entry of a segment that was seen before; where it was not, it is from now on. */
  #find({ launches }: LaunchSegment): Entry | undefined {
    let hash = 0;
    for (const { id } of launches) hash = (Math.imul(hash ^ id, 0x9e3779b1) ^ (hash >>> 15)) >>> 0;
    const bucket = this.#entries.get(hash);
    const found = bucket?.find((entry) => sameLaunches(entry.launches, launches));
    if (found !== undefined) return found;
    if (this.#kept >= most) this.#forget();
    this.#kept++;
    const entry = { launches: [...launches] };
    if (bucket === undefined) this.#entries.set(hash, [entry]);
    else bucket.push(entry);
    return undefined;
  }

  #forget(): void {
    const { calls } = this.driver.library;
    for (const { graph } of [...this.#entries.values()].flat()) {
      if (graph === undefined) continue;
      calls.cuGraphExecDestroy(graph.executable);
      calls.cuGraphDestroy(graph.source);
    }
    this.#entries.clear();
    this.#kept = 0;
  }

  #plain({ launches, words }: LaunchSegment): void {
    let at = 0;
    for (const launch of launches) {
      this.#start(launch, words, at);
      if (this.queueing.blocking) this.#await(launch);
      at += placesOf(launch);
    }
  }

  #start(launch: CardLaunch, words: Uint32Array, at: number): void {
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

  #await({ kernel, blocks, foreign }: CardLaunch): void {
    const code = this.driver.code("cuStreamSynchronize", this.driver.stream);
    if (code === 0) return;
    const counted = foreign === undefined ? ` of ${blocks} blocks` : "";
    throw this.driver.failure(`${kernel.name}${counted}`, code);
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

  #kernelNode(
    source: number,
    after: readonly [Uint8Array | null, number],
    launch: CardLaunch,
    words: Uint32Array,
    at: number,
  ): number {
    this.#describe(launch, words, at);
    return this.driver.result("cuGraphAddKernelNode_v2", source, ...after, this.#node);
  }

  #build(segment: LaunchSegment): Graph {
    const source = this.driver.result("cuGraphCreate", 0);
    try {
      return this.#fill(source, segment);
    } catch (error) {
      this.driver.library.calls.cuGraphDestroy(source);
      throw error;
    }
  }

  #fill(source: number, { launches, words, used }: LaunchSegment): Graph {
    const { driver } = this;
    const nodes = new Float64Array(launches.length);
    const before = new Uint8Array(8);
    const previous = new DataView(before.buffer);
    let at = 0;
    launches.forEach((launch, i) => {
      const after = i === 0 ? [null, 0] as const : [before, 1] as const;
      nodes[i] = launch.foreign === undefined
        ? this.#kernelNode(source, after, launch, words, at)
        : this.#captured(
          launch,
          words,
          at,
          (child) => driver.result("cuGraphAddChildGraphNode", source, ...after, child),
        );
      previous.setBigUint64(0, BigInt(nodes[i]!), true);
      at += placesOf(launch);
    });
    const executable = driver.result("cuGraphInstantiateWithFlags", source, 0);
    return { source, executable, nodes, words: words.slice(0, used) };
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

  /** Sets the nodes anew whose parameters are others. */
  #update({ executable, nodes, words: known }: Graph, { launches, words }: LaunchSegment): void {
    let at = 0;
    for (let i = 0; i < launches.length; i++) {
      const launch = launches[i]!;
      // The word that fills up to two is anything.
      const end = at + launch.words.length;
      let j = at;
      while (j < end && words[j] === known[j]) j++;
      if (j < end) {
        this.#set(executable, nodes[i]!, launch, words, at);
        for (j = at; j < end; j++) known[j] = words[j]!;
      }
      at += placesOf(launch);
    }
  }

  #set(
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

  /** Ends all graphs. */
  close(): void {
    this.#forget();
  }
}

/** Addresses of a launch's operands. */
function addressesOf({ offsets }: CardLaunch, words: Uint32Array, at: number): number[] {
  return Array.from(
    { length: offsets / 2 },
    (_, k) => words[at + 2 * k]! + 2 ** 32 * words[at + 2 * k + 1]!,
  );
}

function placesOf({ words: { length } }: CardLaunch): number {
  return length + (length & 1);
}

function sameLaunches(a: readonly CardLaunch[], b: readonly CardLaunch[]): boolean {
  return a.length === b.length && a.every((launch, i) => launch === b[i]);
}
