/**
 * Text of PTX programs: registers by type, parameters by their place, instructions line by line.
 *
 * @module
 */

/** Types of registers: predicates, words of 16, 32 and 64 bits, floats. */
export type RegisterType = "pred" | "b16" | "b32" | "b64" | "f32";

const prefixes: Readonly<Record<RegisterType, string>> = {
  pred: "p",
  b16: "h",
  b32: "r",
  b64: "d",
  f32: "f",
};

/** Cards that a text is for: those from compute capability 8.0 on, or those of 9.0 alone. */
export type PtxTarget = "sm_80" | "sm_90a";

/** Versions of PTX that know them. */
const versions: Readonly<Record<PtxTarget, string>> = { sm_80: "7.0", sm_90a: "8.0" };

/** What a program may ask of its compiler. */
export interface PtxOptions {
  readonly target?: PtxTarget;
  /** Blocks that a multiprocessor has registers for, at least. */
  readonly resident?: number | undefined;
}

/** A program as PTX, with entry point `program`. */
export interface PtxProgram {
  /** The text. */
  readonly code: string;
  /** Threads of a block. */
  readonly threads: number;
  /** Bytes of shared memory that a launch asks for, beside what the text declares. */
  readonly sharedBytes: number;
  /** Bytes of parameters. */
  readonly parameterBytes: number;
}

/** A float as an immediate operand. */
export function floatText(value: number): string {
  const bits = new Uint32Array(Float32Array.of(value).buffer)[0]!;
  return `0f${bits.toString(16).toUpperCase().padStart(8, "0")}`;
}

/** Writes one program. */
export class PtxText {
  readonly #counts = new Map<RegisterType, number>();
  readonly #lines: string[] = [];
  readonly #shared: string[] = [];
  #parameters = 0;
  #labels = 0;

  /** A new register. */
  register(type: RegisterType): string {
    const count = this.#counts.get(type) ?? 0;
    this.#counts.set(type, count + 1);
    return `%${prefixes[type]}${count}`;
  }

  /** Adds an instruction. */
  add(instruction: string): void {
    this.#lines.push(`${instruction};`);
  }

  /** Adds an instruction whose first operand is a new register, which it returns. */
  into(type: RegisterType, operation: string, ...operands: (string | number)[]): string {
    const register = this.register(type);
    this.add(`${operation} ${[register, ...operands].join(", ")}`);
    return register;
  }

  /** Quotient and remainder of two words. */
  divide(value: string, by: string | number): readonly [quotient: string, remainder: string] {
    const quotient = this.into("b32", "div.u32", value, by);
    const whole = this.into("b32", "mul.lo.u32", quotient, by);
    return [quotient, this.into("b32", "sub.u32", value, whole)];
  }

  /** A new label, not placed yet. */
  label(): string {
    return `L${this.#labels++}`;
  }

  /** Places a label. */
  place(label: string): void {
    this.#lines.push(`${label}:`);
  }

  /** Reserves parameters of `bytes` each and gives the place of the first. */
  reserve(count: number, bytes: 4 | 8): number {
    const first = Math.ceil(this.#parameters / bytes) * bytes;
    this.#parameters = first + count * bytes;
    return first;
  }

  /** Bytes of parameters. */
  get parameterBytes(): number {
    return Math.max(4, this.#parameters);
  }

  /** Loads a word of the parameters. */
  parameter(place: number, type: "b32" | "b64" | "f32" = "b32"): string {
    return this.into(type, `ld.param.${type}`, `[p+${place}]`);
  }

  /** Declares words of shared memory and gives the register of their address. */
  shared(name: string, words: number): string {
    this.#shared.push(`.shared .align 16 .b32 ${name}[${words}];`);
    return this.into("b32", "mov.u32", name);
  }

  /** A special register: `tid.x`, `ctaid.x`, … */
  special(name: string): string {
    return this.into("b32", "mov.u32", `%${name}`);
  }

  /** The whole program for blocks of `threads`. */
  program(
    threads: number,
    sharedBytes = 0,
    { target = "sm_80", resident }: PtxOptions = {},
  ): PtxProgram {
    const registers = [...this.#counts].map(([type, count]) =>
      `.reg .${type} %${prefixes[type]}<${count}>;`
    );
    const dynamic = sharedBytes > 0 ? ".extern .shared .align 16 .b8 tiles[];\n" : "";
    const code = `.version ${versions[target]}
.target ${target}
.address_size 64
${dynamic}.visible .entry program(.param .align 8 .b8 p[${this.parameterBytes}])
.reqntid ${threads}, 1, 1
${resident === undefined ? "" : `.minnctapersm ${resident}\n`}{
${[...registers, ...this.#shared, ...this.#lines].join("\n")}
ret;
}
`;
    return { code, threads, sharedBytes, parameterBytes: this.parameterBytes };
  }
}
