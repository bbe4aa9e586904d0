// Instructions that a warp executes together, on registers by their slots.
import { cutOff, floatOf } from "./arithmetic.ts";
import { type PtxInstruction, UnknownPtx } from "./parse.ts";

/** The registers of all threads, as words. */
export type Words = Int32Array;

/** Runs for a warp whose first thread is given. */
export type WarpStep = (first: number) => void;

/** Registers of an operand, by the slot of thread 0, or the word that stands for them. */
export interface WarpOperand {
  readonly slots: readonly number[];
  readonly value: number | undefined;
}

/** What a warp needs beside its registers. */
export interface WarpHost {
  readonly words: Words;
  /** Predicates of all threads, by the same slots as their own file has. */
  readonly predicates: Uint8Array;
  /** Word of shared memory at an address that a thread of a warp names: 16 bytes lie there. */
  readonly matrixRow: (address: number, thread: number) => Uint16Array;
}

/** The step of an instruction, or nothing where it is another. */
export function warpStep(
  { operation, operands, line }: PtxInstruction,
  operand: (text: string) => WarpOperand,
  host: WarpHost,
): WarpStep | undefined {
  const { words } = host;
  if (operation === "shfl.sync.bfly.b32") {
    if (operands[3] !== "31" || operands[4] !== "0xffffffff") throw new UnknownPtx(line);
    const [to, from] = [operand(operands[0]!).slots[0]!, operand(operands[1]!).slots[0]!];
    return shuffle(words, to, from, Number(operands[2]));
  }
  if (operation === "vote.sync.ballot.b32") {
    const [to, from] = [operand(operands[0]!).slots[0]!, operand(operands[1]!).slots[0]!];
    if (!operands[1]!.startsWith("%p") || operands[2] !== "0xffffffff") throw new UnknownPtx(line);
    return ballot(host, to, from);
  }
  const matrices = /^ldmatrix\.sync\.aligned\.m8n8\.x4(\.trans)?\.shared\.b16$/.exec(operation);
  if (matrices !== null) {
    const found = /^\[(%r\d+)\+(\d+)\]$/.exec(operands[1]!);
    if (found === null) throw new UnknownPtx(line);
    const place = [operand(found[1]!).slots[0]!, Number(found[2])] as const;
    return loadMatrices(host, operand(operands[0]!).slots, place, matrices[1] !== undefined);
  }
  const type = /^mma\.sync\.aligned\.m16n8k(\d+)\.row\.col\.f32\.(\w+)\.\2\.f32$/.exec(operation);
  if (type === null) return undefined;
  const [d, a, b, c] = operands.map(operand) as [
    WarpOperand,
    WarpOperand,
    WarpOperand,
    WarpOperand,
  ];
  if ([d, a, b, c].some(({ slots }, i) => slots.length !== [4, 4, 2, 4][i])) {
    throw new UnknownPtx(line);
  }
  const kind = `${type[1]}${type[2]}`;
  if (kind === "16bf16") return multiply(words, [d, a, b, c], 16, readHalves);
  if (kind === "8tf32") return multiply(words, [d, a, b, c], 8, readTf32);
  throw new UnknownPtx(line);
}

const lanes = Array.from({ length: 32 }, (_, lane) => lane);
const taken = new Int32Array(32);

function shuffle(words: Words, to: number, from: number, mask: number): WarpStep {
  return (first) => {
    for (const lane of lanes) taken[lane] = words[from + first + (lane ^ mask)]!;
    for (const lane of lanes) words[to + first + lane] = taken[lane]!;
  };
}

function ballot({ words, predicates }: WarpHost, to: number, from: number): WarpStep {
  return (first) => {
    const bits = lanes.reduce((all, lane) => all | (predicates[from + first + lane]! << lane), 0);
    for (const lane of lanes) words[to + first + lane] = bits;
  };
}

function loadMatrices(
  { words, matrixRow }: WarpHost,
  to: readonly number[],
  [from, offset]: readonly [number, number],
  transposed: boolean,
): WarpStep {
  return (first) => {
    const rows = lanes.map((lane) =>
      matrixRow(words[from + first + lane]! + offset, first + lane).slice()
    );
    for (let i = 0; i < 4; i++) {
      for (const lane of lanes) {
        const [group, pair] = [lane >> 2, 2 * (lane & 3)];
        const [low, high] = transposed
          ? [rows[8 * i + pair]![group]!, rows[8 * i + pair + 1]![group]!]
          : [rows[8 * i + group]![pair]!, rows[8 * i + group]![pair + 1]!];
        words[to[i]! + first + lane] = low | (high << 16);
      }
    }
  };
}

const left = new Float64Array(16 * 16);
const right = new Float64Array(8 * 16);

/** Puts the elements of a factor where their outer and inner index say. */
type ReadFactor = (
  into: Float64Array,
  words: Words,
  slots: readonly number[],
  first: number,
  rows: number,
) => void;

/** Two halves a word, neighbours along the inner axis of 16. */
const readHalves: ReadFactor = (into, words, slots, first, rows) => {
  const groups = rows / 8;
  slots.forEach((slot, i) => {
    for (const lane of lanes) {
      const word = words[slot + first + lane]!;
      const outer = (lane >> 2) + 8 * (i % groups);
      const at = outer * 16 + 2 * (lane & 3) + 8 * Math.floor(i / groups);
      into[at] = floatOf(word << 16);
      into[at + 1] = floatOf(word & 0xffff0000);
    }
  });
};

/** One float a word, of which the upper 19 bits count; the inner axis has 8. */
const readTf32: ReadFactor = (into, words, slots, first, rows) => {
  const groups = rows / 8;
  slots.forEach((slot, i) => {
    for (const lane of lanes) {
      const outer = (lane >> 2) + 8 * (i % groups);
      const at = outer * 8 + (lane & 3) + 4 * Math.floor(i / groups);
      into[at] = floatOf(words[slot + first + lane]! & 0xffffe000);
    }
  });
};

/** Exact products, whose sum is cut off to 32 bits, as matrix units do. */
function multiply(
  words: Words,
  [d, a, b, c]: readonly [WarpOperand, WarpOperand, WarpOperand, WarpOperand],
  inner: number,
  read: ReadFactor,
): WarpStep {
  const floats = new Float32Array(words.buffer);
  const before = c.value === undefined ? undefined : floatOf(c.value);
  return (first) => {
    read(left, words, a.slots, first, 16);
    read(right, words, b.slots, first, 8);
    for (let i = 0; i < 4; i++) {
      for (let lane = 0; lane < 32; lane++) {
        const row = ((lane >> 2) + 8 * (i >> 1)) * inner;
        const column = (2 * (lane & 3) + (i & 1)) * inner;
        let sum = before ?? floats[c.slots[i]! + first + lane]!;
        for (let k = 0; k < inner; k++) sum += left[row + k]! * right[column + k]!;
        floats[d.slots[i]! + first + lane] = cutOff(sum);
      }
    }
  };
}
