/**
 * A small assembler for WebAssembly: instructions are functions from code to code, so that a kernel
 * reads as an expression; `assemble` makes a module with one exported function. Source: the
 * WebAssembly 3.0 binary format.
 *
 * @module
 */

import { bytesOf, type Code, Constant, signed, unsigned } from "./code.ts";

export type { Code };

/** Types that a local of a routine can have. */
export type ValueType = "i32" | "f64" | "v128";

const typeCodes = { i32: 0x7f, f64: 0x7c, v128: 0x7b } satisfies Record<ValueType, number>;
const none = 0x40;

const plain = (opcode: number) => (...operands: Code[]): Code => [operands, opcode];
const vector = (opcode: number) => {
  const bytes = [0xfd, ...unsigned(opcode)];
  return (...operands: Code[]): Code => [operands, bytes];
};
/** Alignments are hints; one byte is always allowed. */
const memory = (opcode: number) => (address: Code, offset = 0): Code => [
  address,
  opcode,
  0,
  unsigned(offset),
];
const vectorMemory = (opcode: number) => (address: Code, offset = 0): Code => [
  address,
  0xfd,
  unsigned(opcode),
  0,
  unsigned(offset),
];

/** 32-bit integers; the operand order is the arithmetic's. */
export const i32 = {
  of: (value: number): Code => [0x41, signed(value)],
  load: memory(0x28),
  /** Sixteen bits, with zeros above. */
  loadHalf: memory(0x2f),
  /** Sum of all parts. */
  sum: (...parts: readonly Code[]): Code => parts.reduce((a, b) => [a, b, 0x6a]),
  add: plain(0x6a),
  sub: plain(0x6b),
  mul: plain(0x6c),
  divide: plain(0x6e),
  and: plain(0x71),
  shiftLeft: plain(0x74),
  isZero: plain(0x45),
  equal: plain(0x46),
  less: plain(0x49),
  least: (a: Code, b: Code): Code => [a, b, a, b, 0x49, 0x1b],
};

/** Doubles, for sums that run long. */
export const f64 = {
  of: (value: number): Code => [0x44, ...new Uint8Array(Float64Array.of(value).buffer)],
  add: plain(0xa0),
  promote: plain(0xbb),
  demote: plain(0xb6),
};

/** Instructions on 128 bits, whatever lies in them. */
export const v128 = {
  load: vectorMemory(0x00),
  loadSplat: vectorMemory(0x09),
  /** Four times sixteen bits, with zeros above. */
  loadHalves: vectorMemory(0x04),
  /** One number in lane 0, zeros elsewhere. */
  loadZero: vectorMemory(0x5c),
  loadLane: (address: Code, lanes: Code, lane: number): Code => [
    [address, lanes],
    [0xfd, 0x56, 0, 0, lane],
  ],
  store: (address: Code, value: Code, offset = 0): Code => [
    [address, value],
    [0xfd, 0x0b, 0, unsigned(offset)],
  ],
  storeLane: (address: Code, value: Code, lane: number, offset = 0): Code => [
    [address, value],
    [0xfd, 0x5a, 0, unsigned(offset), lane],
  ],
  /** Four lanes of 32 bits, by their index in `a` (0…3) and `b` (4…7). */
  shuffle: (a: Code, b: Code, lanes: readonly number[]): Code => [
    [a, b],
    [0xfd, 0x0d, lanes.flatMap((lane) => [0, 1, 2, 3].map((byte) => lane * 4 + byte))],
  ],
  not: vector(0x4d),
  /** Whether any bit is set, as an integer. */
  any: vector(0x53),
  and: vector(0x4e),
  or: vector(0x50),
  xor: vector(0x51),
  /** `a` where the mask has ones, otherwise `b`. */
  select: (mask: Code, a: Code, b: Code): Code => [[a, b, mask], [0xfd, 0x52]],
};

/** Four words that one instruction makes, all zeros or ones, are made where they are used. */
const lanes = (words: ArrayLike<number>): Code => {
  const bytes = [...new Uint8Array(Uint32Array.from(words).buffer)];
  const cheap = bytes.every((byte) => byte === bytes[0]) && [0, 255].includes(bytes[0]!);
  return cheap ? vectorOf(bytes) : new Constant(bytes);
};
const vectorOf = (bytes: readonly number[]): Code => [0xfd, 0x0c, bytes];

/** Instructions on vectors of four 32-bit floats. */
export const f32x4 = {
  of: (value: number): Code => lanes(new Uint32Array(new Float32Array(4).fill(value).buffer)),
  lane: (value: Code, lane: number): Code => [value, 0xfd, 0x1f, lane],
  splat: vector(0x13),
  fromSigned: vector(0xfa),
  fromUnsigned: vector(0xfb),
  abs: vector(0xe0),
  neg: vector(0xe1),
  sqrt: vector(0xe3),
  add: vector(0xe4),
  sub: vector(0xe5),
  mul: vector(0xe6),
  div: vector(0xe7),
  /** IEEE's maximum. */
  max: vector(0xe9),
  /** The second if it is smaller, otherwise the first, also of NaN: one machine instruction. */
  smaller: vector(0xea),
  /** The second if it is larger, otherwise the first. */
  larger: vector(0xeb),
  equal: vector(0x41),
  less: vector(0x43),
  atMost: vector(0x45),
  relaxedMadd: vector(0x105),
};

/** Instructions on vectors of four 32-bit integers. */
export const i32x4 = {
  /** Whole part of floats from 0 on. */
  fromFloat: vector(0xf9),
  of: (...values: readonly number[]): Code =>
    lanes(Array.from({ length: 4 }, (_, i) => values[i % values.length]!)),
  splat: vector(0x11),
  add: vector(0xae),
  sub: vector(0xb1),
  mul: vector(0xb5),
  shiftLeft: (value: Code, bits: number): Code => [[value, i32.of(bits)], [0xfd, unsigned(0xab)]],
  shiftRight: (value: Code, bits: number): Code => [[value, i32.of(bits)], [0xfd, unsigned(0xad)]],
  shiftRightSigned: (value: Code, bits: number): Code => [
    [value, i32.of(bits)],
    [0xfd, unsigned(0xac)],
  ],
  equal: vector(0x37),
  less: vector(0x3a),
  atMost: vector(0x3e),
};

/** A variable of the function. */
export class Local {
  /**
   * Made by {@linkcode Routine.local}.
   *
   * @param index Number in the function
   * @param type Its type
   */
  constructor(readonly index: number, readonly type: ValueType) {}
  /** Code that reads the local. */
  get get(): Code {
    return [0x20, unsigned(this.index)];
  }
  /** Code that assigns the local. */
  set(value: Code): Code {
    return [value, 0x21, unsigned(this.index)];
  }
  /** Assigns and yields the value. */
  tee(value: Code): Code {
    return [value, 0x22, unsigned(this.index)];
  }
  /** Adds a constant to an integer. */
  step(by: Code): Code {
    return this.set(i32.add(this.get, by));
  }
}

/** Code under a condition. */
export function when(condition: Code, then: Code, otherwise: Code = []): Code {
  return [condition, 0x04, none, then, 0x05, otherwise, 0x0b];
}

/** `do body while (again)`. */
export function repeat(body: Code, again: Code): Code {
  return [0x03, none, body, again, 0x0d, 0, 0x0b];
}

/** `for (i = from; i < to; i += step)` over unsigned integers. */
export function loop(i: Local, to: Code, step: number, body: Code, from = i32.of(0)): Code {
  const more = i32.less(i.get, to);
  return [i.set(from), when(more, repeat([body, i.step(i32.of(step))], more))];
}

/** A list of variables, as long as its type says. */
export type Locals<N extends number, List extends Local[] = []> = number extends N ? Local[]
  : List["length"] extends N ? List
  : Locals<N, [...List, Local]>;

/** A function in the making: `parameters` integers in, nothing out. */
export class Routine {
  readonly #types: ValueType[];
  /** The function's arguments. */
  readonly parameters: readonly Local[];

  /**
   * Starts a function.
   *
   * @param parameters How many integers it takes
   */
  constructor(parameters: number) {
    this.#types = new Array<ValueType>(parameters).fill("i32");
    this.parameters = this.#types.map((type, index) => new Local(index, type));
  }

  /** A new local of the routine. */
  local(type: ValueType): Local {
    this.#types.push(type);
    return new Local(this.#types.length - 1, type);
  }

  /** As many new locals of one type. */
  locals<N extends number>(count: N, type: ValueType): Locals<N> {
    return Array.from({ length: count }, () => this.local(type)) as Local[] as Locals<N>;
  }

  /** The module with `body` as its function `run`, over the memory imported as `host.memory`. */
  assemble(body: Code, memory: MemoryType): Uint8Array<ArrayBuffer> {
    const constants = new Map<string, Code>();
    const made = (constant: Constant): Code => {
      const key = constant.bytes.join();
      let use = constants.get(key);
      if (use === undefined) {
        const local = this.local("v128");
        before.push(local.set(vectorOf(constant.bytes)));
        constants.set(key, use = local.get);
      }
      return use;
    };
    const before: Code[] = [];
    const main = bytesOf(body, made);
    const locals = this.#types.slice(this.parameters.length).map((type) => [1, typeCodes[type]]);
    const text = bytesOf([unsigned(locals.length), locals, before, main, 0x0b]);
    const section = (id: number, content: Code) => {
      const bytes = bytesOf(content);
      return [id, unsigned(bytes.length), bytes];
    };
    const name = (text: string) => [text.length, [...new TextEncoder().encode(text)]];
    const limits = [memory.shared ? 3 : 1, unsigned(memory.minimum), unsigned(memory.maximum)];
    return Uint8Array.from(bytesOf([
      [0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
      section(1, [1, 0x60, this.parameters.length, this.parameters.map(() => 0x7f), 0]),
      section(2, [1, name("host"), name("memory"), 0x02, limits]),
      section(3, [1, 0]),
      section(7, [1, name("run"), 0x00, 0]),
      section(10, [1, unsigned(text.length), text]),
    ]));
  }
}

/** Size and kind of the memory a module imports. */
export interface MemoryType {
  /** Pages of 64 KiB at first. */
  readonly minimum: number;
  /** Pages of 64 KiB at most. */
  readonly maximum: number;
  /** Whether threads share it. */
  readonly shared: boolean;
}
