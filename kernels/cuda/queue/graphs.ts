/**
 * Segments as graphs of the driver's: one node a launch, each after the one before, or after those
 * that it needs. The second time a segment comes it becomes a graph; from then on only nodes whose parameters changed are set anew.
 *
 * @module
 */

import type { Driver } from "../driver/driver.ts";
import type { CardLaunch } from "./launch.ts";
import { LaunchNodes } from "./launch_nodes.ts";
import { type Launches, type LaunchSegment, placesOf } from "./segment.ts";

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

/** A segment as the driver has it. */
export interface Graph {
  /** The graph, whose nodes live as long as it does. */
  readonly source: number;
  readonly executable: number;
  readonly nodes: Float64Array;
  /** Parameters as the nodes have them. */
  readonly words: Uint32Array;
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
  #kept = 0;

  readonly #nodes: LaunchNodes;

  /**
   * @param driver Runs them on its stream
   * @param queueing How segments run
   */
  constructor(readonly driver: Driver, readonly queueing: Queueing) {
    this.#nodes = new LaunchNodes(driver);
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
    this.runGraph(entry.graph ??= this.build(segment), segment);
    return true;
  }

  /** Runs a segment as the graph that was built of it, or of one with other parameters. */
  runGraph(graph: Graph, segment: Launches): void {
    this.#update(graph, segment);
    this.driver.call("cuGraphLaunch", graph.executable, this.driver.stream);
  }

  /** Ends a graph. */
  end(graph: Graph): void {
    const { calls } = this.driver.library;
    calls.cuGraphExecDestroy(graph.executable);
    calls.cuGraphDestroy(graph.source);
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
    for (const { graph } of [...this.#entries.values()].flat()) {
      if (graph !== undefined) this.end(graph);
    }
    this.#entries.clear();
    this.#kept = 0;
  }

  #plain({ launches, words }: LaunchSegment): void {
    let at = 0;
    for (const launch of launches) {
      this.#nodes.start(launch, words, at);
      if (this.queueing.blocking) this.#await(launch);
      at += placesOf(launch);
    }
  }

  #await({ kernel, blocks, foreign }: CardLaunch): void {
    const code = this.driver.code("cuStreamSynchronize", this.driver.stream);
    if (code === 0) return;
    const counted = foreign === undefined ? ` of ${blocks} blocks` : "";
    throw this.driver.failure(`${kernel.name}${counted}`, code);
  }

  /** Makes a graph of a segment, whose nodes have its parameters. */
  build(segment: Launches): Graph {
    const source = this.driver.result("cuGraphCreate", 0);
    try {
      return this.#fill(source, segment);
    } catch (error) {
      this.driver.library.calls.cuGraphDestroy(source);
      throw error;
    }
  }

  #fill(source: number, { launches, words, used, after }: Launches): Graph {
    const { driver } = this;
    const nodes = new Float64Array(launches.length);
    let at = 0;
    launches.forEach((launch, i) => {
      const before = after?.[i] ?? (i === 0 ? [] : [i - 1]);
      nodes[i] = this.#nodes.add(source, before.map((each) => nodes[each]!), launch, words, at);
      at += placesOf(launch);
    });
    const executable = driver.result("cuGraphInstantiateWithFlags", source, 0);
    return { source, executable, nodes, words: words.slice(0, used) };
  }

  /** Sets the nodes anew whose parameters are others. */
  #update({ executable, nodes, words: known }: Graph, { launches, words }: Launches): void {
    let at = 0;
    for (let i = 0; i < launches.length; i++) {
      const launch = launches[i]!;
      // The word that fills up to two is anything.
      const end = at + launch.words.length;
      let j = at;
      while (j < end && words[j] === known[j]) j++;
      if (j < end) {
        this.#nodes.set(executable, nodes[i]!, launch, words, at);
        for (j = at; j < end; j++) known[j] = words[j]!;
      }
      at += placesOf(launch);
    }
  }

  /** Ends all graphs. */
  close(): void {
    this.#forget();
  }
}

function sameLaunches(a: readonly CardLaunch[], b: readonly CardLaunch[]): boolean {
  return a.length === b.length && a.every((launch, i) => launch === b[i]);
}
