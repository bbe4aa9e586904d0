/**
 * The queue of launches: parameters are laid out as they come, and go to the card in segments. A
 * segment that was seen before is a graph, whose launch costs the host one call.
 *
 * @module
 */

import type { Affine, Bound } from "../../../core/backend.ts";
import type { Driver } from "../driver/driver.ts";
import { firstAddress } from "../memory/card_memory.ts";
import type { CardCapturing } from "./card_capturing.ts";
import { Graphs, type Queueing } from "./graphs.ts";
import type { CardLaunch } from "./launch.ts";
import { LaunchSegment } from "./segment.ts";

/**
 * Launches after which the first segment goes out; each that follows without a pause has twice as
 * many, so that the card begins early and has enough to do meanwhile.
 */
const usualShortest = 16;
/**
 * Launches that a segment has at most. A prime: layers of equal launches are cut at other places each
 * time, so that no segment comes twice in a step, whose graph would have to be given other addresses
 * each time.
 */
const longest = 127;
/** The same while programs are compiled. */
const mostWaiting = 4096;

/** Sends launches to the card. */
export class LaunchQueue {
  readonly #segment = new LaunchSegment();
  /** Runs segments. */
  readonly graphs: Graphs;
  /** Told of each launch. */
  capturing: CardCapturing | undefined;
  /** Launches after which the segment at hand goes out. */
  #length: number;

  /**
   * @param driver Runs them on its stream
   * @param queueing How segments run
   * @param busy Whether programs are being compiled
   * @param shortest Launches of a first segment
   */
  constructor(
    readonly driver: Driver,
    queueing: Queueing,
    readonly busy: () => boolean,
    readonly shortest = usualShortest,
  ) {
    this.graphs = new Graphs(driver, queueing);
    this.#length = shortest;
  }

  /** Launches so far, and how many of them went out as parts of graphs. */
  readonly counts = { launches: 0, inGraphs: 0 };

  /** Counts launches that went out as parts of graphs. */
  countGraphs(launches: number): void {
    this.counts.launches += launches;
    this.counts.inGraphs += launches;
  }

  /**
   * Adds a launch.
   *
   * @param operands All operands in memory
   * @param indices Operands that are computed: their offsets alone count
   */
  launch(
    launch: CardLaunch,
    operands: readonly Bound[],
    indices: readonly Affine[],
    scalars: readonly number[],
  ): void {
    const segment = this.#segment;
    const at = segment.add(launch);
    const { words, floats } = segment;
    const { elementBytes, offsets, scalars: kinds } = launch;
    for (let k = 0; k < operands.length; k++) {
      const address = firstAddress(operands[k]!, elementBytes[k]!);
      words[at + 2 * k] = address;
      words[at + 2 * k + 1] = address / 2 ** 32;
    }
    for (let i = 0; i < launch.indices; i++) words[at + offsets + i] = indices[i]!.offset;
    const first = at + launch.words.length - kinds.length;
    for (let i = 0; i < kinds.length; i++) {
      (kinds[i] === "f32" ? floats : words)[first + i] = scalars[i] ?? 0;
    }
    this.capturing?.launched(launch, operands, scalars, segment, at);
    // While programs are compiled, launches wait together rather than for the first of them.
    if (segment.launches.length < (this.busy() ? mostWaiting : this.#length)) return;
    this.#send();
    this.#length = Math.min(longest, 2 * this.#length);
  }

  /** Sends what waits; segments are short again after it. */
  flush(): void {
    this.#length = this.shortest;
    this.#send();
  }

  #send(): void {
    const segment = this.#segment;
    const count = segment.launches.length;
    if (count === 0) return;
    try {
      this.counts.launches += count;
      if (this.graphs.run(segment)) this.counts.inGraphs += count;
    } finally {
      segment.clear();
    }
  }

  /** Forgets what waits, and ends the graphs. */
  close(): void {
    this.#segment.clear();
    this.graphs.close();
  }
}
