// Products of warp groups: asynchronous, so that what they need must stay and what they give comes late.
import { cutOff, floatOf } from "./arithmetic.ts";
import { elementAddress } from "./matrix_descriptor.ts";
import { type PtxInstruction, UnknownPtx } from "./parse.ts";
import { type SharedMemory, SharedMemoryRace } from "./shared_memory.ts";

/** Runs for a warp group whose first thread is given. */
export type GroupStep = (first: number) => void;

/** What a warp group needs of the machine. */
export interface GroupHost {
  readonly words: Int32Array;
  /** Words of the registers of 64 bits. */
  readonly pairs: Int32Array;
  readonly predicates: Uint8Array;
  readonly shared: SharedMemory;
  /** Slots of registers between braces, or of one alone. */
  readonly slots: (text: string) => readonly number[];
}

/** Threads of a group. */
const threads = 128;
/** Accumulators before their product has come: a number, as NaN would be computed again. */
const poison = 0x5e123456;

type ReadElement = (outer: number, inner: number) => number;

interface Product {
  readonly sums: readonly number[];
  readonly n: number;
  readonly inner: number;
  readonly adds: boolean;
  /** Registers of A, and what they held. */
  readonly left: readonly number[];
  readonly held: Int32Array;
  /** Words of shared memory that are read. */
  readonly reads: readonly number[];
  readonly a: ReadElement;
  readonly b: ReadElement;
  readonly line: string;
  group: number;
}

interface GroupState {
  readonly pending: Product[];
  /** Accumulators of pending products, by their first slot. */
  readonly sums: Map<number, { values: Float32Array; pending: number }>;
  /** Registers at the last fence. */
  fenced: Int32Array | undefined;
  committed: number;
}

/** The warp groups of one block. */
export class WarpGroups {
  readonly #states = new Map<number, GroupState>();

  constructor(readonly host: GroupHost) {}

  /** Begins a block. */
  begin(): void {
    this.#states.clear();
  }

  /** The step of an instruction, or nothing where it is another. */
  step(instruction: PtxInstruction): GroupStep | undefined {
    const { operation, operands, line } = instruction;
    switch (operation) {
      case "wgmma.fence.sync.aligned":
        return (first) => this.#state(first).fenced = this.host.words.slice();
      case "wgmma.commit_group.sync.aligned":
        return (first) => this.#state(first).committed++;
      case "wgmma.wait_group.sync.aligned":
        if (!/^\d+$/.test(operands[0]!)) throw new UnknownPtx(line);
        return (first) => this.#wait(first, Number(operands[0]));
    }
    return operation.startsWith("wgmma.mma_async.") ? this.#product(instruction) : undefined;
  }

  #state(first: number): GroupState {
    let state = this.#states.get(first);
    if (state === undefined) {
      state = { pending: [], sums: new Map(), fenced: undefined, committed: 0 };
      this.#states.set(first, state);
    }
    return state;
  }

  #product({ operation, operands, line }: PtxInstruction): GroupStep {
    const found = /^wgmma\.mma_async\.sync\.aligned\.m64n(\d+)k(\d+)\.f32\.(tf32|bf16)\.\3$/.exec(
      operation,
    );
    const [n, inner] = [Number(found?.[1]), Number(found?.[2])];
    const bytes = found?.[3] === "tf32" ? 4 : 2;
    if (!(n % 8 === 0 && n >= 8 && n <= 256) || inner * bytes !== 32) throw new UnknownPtx(line);
    const [d, a, b, scale, ...immediates] = operands as [
      string,
      string,
      string,
      string,
      ...string[],
    ];
    const fromRegisters = a.startsWith("{");
    const turns = bytes === 4 ? [] : immediates.slice(2);
    const count = 2 + (bytes === 4 ? 0 : fromRegisters ? 1 : 2);
    const [scaleA, scaleB] = immediates;
    if (
      immediates.length !== count || scaleA !== "1" || scaleB !== "1" ||
      !turns.every((each) => each === "0" || each === "1")
    ) throw new UnknownPtx(line);
    const { slots, words, predicates } = this.host;
    const sums = slots(d);
    const left = fromRegisters ? slots(a) : [];
    if (sums.length !== n / 2 || (fromRegisters && left.length !== 4)) throw new UnknownPtx(line);
    const described = (text: string, outer: number, turned: boolean) => {
      const slot = slots(text)[0]!;
      return (first: number, reads: number[]) =>
        this.#described(slot + first, [outer, inner], { bytes, turned }, { reads, line });
    };
    const readB = described(b, n, turns.at(-1) === "1");
    const readA = fromRegisters ? undefined : described(a, 64, turns[0] === "1");
    const predicate = slots(scale)[0]!;
    return (first) => {
      const state = this.#state(first);
      const reads: number[] = [];
      const held = snapshot(words, left, first);
      const product: Product = {
        sums,
        n,
        inner,
        adds: predicates[predicate + first] !== 0,
        left,
        held,
        reads,
        a: readA?.(first, reads) ?? registerReader(held, bytes),
        b: readB(first, reads),
        line,
        group: state.committed,
      };
      this.#issue(state, product, first);
    };
  }

  /** How an element is read, with the words that all of them take. */
  #described(
    slot: number,
    [outer, inner]: readonly [number, number],
    matrix: Parameters<typeof elementAddress>[2],
    { reads, line }: { reads: number[]; line: string },
  ): ReadElement {
    const { pairs, shared } = this.host;
    const [low, high] = [pairs[2 * slot]!, pairs[2 * slot + 1]!];
    const address = elementAddress(low, high, matrix, line);
    const seen = new Set<number>();
    for (let o = 0; o < outer; o++) for (let k = 0; k < inner; k++) seen.add(address(o, k) >> 2);
    reads.push(...seen);
    if (reads.some((word) => 4 * word >= shared.end)) throw new UnknownPtx(line);
    return matrix.bytes === 4
      ? (o, k) => floatOf(shared.words[address(o, k) >> 2]! & 0xffffe000)
      : (o, k) => floatOf(shared.halves[address(o, k) >> 1]! << 16);
  }

  #issue(state: GroupState, product: Product, first: number): void {
    const { words, shared } = this.host;
    const { sums, left, held, line, adds } = product;
    const { fenced } = state;
    if (fenced === undefined) throw new SharedMemoryRace(`A fence is missing before ${line}`);
    const key = sums[0]!;
    let live = state.sums.get(key);
    const own = live === undefined && adds ? [...left, ...sums] : left;
    const before = snapshot(fenced, own, first);
    const now = live === undefined && adds ? snapshot(words, own, first) : held;
    if (before.some((word, i) => word !== now[i])) {
      throw new SharedMemoryRace(`Registers were written after the last fence before ${line}`);
    }
    if (live === undefined) {
      const values = new Float32Array(snapshot(words, sums, first).buffer);
      state.sums.set(key, live = { values, pending: 0 });
      for (const slot of sums) words.fill(poison, slot + first, slot + first + threads);
    }
    live.pending++;
    for (const word of product.reads) shared.borrow(word, first);
    state.pending.push(product);
  }

  #wait(first: number, left: number): void {
    const state = this.#state(first);
    const limit = state.committed - left;
    while (state.pending.length > 0 && state.pending[0]!.group < limit) {
      this.#complete(state, state.pending.shift()!, first);
    }
  }

  #complete(state: GroupState, product: Product, first: number): void {
    const { words, shared } = this.host;
    const { sums, left, held, line } = product;
    if (snapshot(words, left, first).some((word, i) => word !== held[i])) {
      throw new SharedMemoryRace(`Registers of A were written in the time of ${line}`);
    }
    const live = state.sums.get(sums[0]!)!;
    multiply(product, live.values);
    for (const word of product.reads) shared.giveBack(word, first);
    if (--live.pending > 0) return;
    if (snapshot(words, sums, first).some((word) => word !== poison)) {
      throw new SharedMemoryRace(`Accumulators were written in the time of ${line}`);
    }
    const bits = new Int32Array(live.values.buffer);
    sums.forEach((slot, i) =>
      words.set(bits.subarray(i * threads, (i + 1) * threads), slot + first)
    );
    state.sums.delete(sums[0]!);
  }
}

function snapshot(words: Int32Array, slots: readonly number[], first: number): Int32Array {
  const held = new Int32Array(slots.length * threads);
  slots.forEach((slot, i) =>
    held.set(words.subarray(slot + first, slot + first + threads), i * threads)
  );
  return held;
}

/** Elements of A in the registers of a group: 16 rows a warp. */
function registerReader(held: Int32Array, bytes: 2 | 4): ReadElement {
  const half = 16 / bytes;
  return (row, k) => {
    const register = (row >> 3 & 1) + 2 * Math.floor(k / half);
    const lane = 4 * (row & 7) + Math.floor(k % half * bytes / 4);
    const word = held[register * threads + 32 * (row >> 4) + lane]!;
    if (bytes === 4) return floatOf(word & 0xffffe000);
    return floatOf(k % 2 === 0 ? word << 16 : word & 0xffff0000);
  };
}

/** Exact products, whose sum is cut off to 32 bits, as matrix units do. */
function multiply({ n, inner, adds, a, b }: Product, sums: Float32Array): void {
  const read = (count: number, element: ReadElement) => {
    const all = new Float64Array(count * inner);
    for (let o = 0; o < count; o++) {
      for (let k = 0; k < inner; k++) all[o * inner + k] = element(o, k);
    }
    return all;
  };
  const [left, right] = [read(64, a), read(n, b)];
  for (let row = 0; row < 64; row++) {
    for (let column = 0; column < n; column++) {
      const register = 4 * (column >> 3) + 2 * (row >> 3 & 1) + (column & 1);
      const at = register * threads + 32 * (row >> 4) + 4 * (row & 7) + ((column & 7) >> 1);
      let sum = adds ? sums[at]! : 0;
      for (let k = 0; k < inner; k++) sum += left[row * inner + k]! * right[column * inner + k]!;
      sums[at] = cutOff(sum);
    }
  }
}
