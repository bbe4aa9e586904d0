// Where operands lie while a program is interpreted, as expressions of JavaScript: `t` is the thread.
import { floatOf } from "./arithmetic.ts";
import { type ParsedPtx, UnknownPtx } from "./parse.ts";

/** Registers of all threads: one after another by register, threads next to each other. */
export class OperandText {
  /** First slot of each type in the file of 32 bits. */
  readonly #first: Readonly<Record<string, number>>;
  /** Slots of the files of 32 bits, 64 bits and predicates. */
  readonly sizes: readonly [words: number, doubles: number, predicates: number];

  constructor(readonly program: ParsedPtx) {
    const { registers, threads } = program;
    const count = (letter: string) => registers.get(letter) ?? 0;
    const [r, f, h] = [count("r"), count("f"), count("h")];
    this.#first = { r: 0, f: r, h: r + f, d: 0, p: 0 };
    this.sizes = [(r + f + h) * threads, count("d") * threads, count("p") * threads];
  }

  /** Slot of a register of thread 0. */
  slot(register: string, line: string): number {
    const found = /^%([rfhdp])(\d+)$/.exec(register);
    if (found === null) {
      throw new UnknownPtx(`A register is required: found ${register} in ${line}`);
    }
    return (this.#first[found[1]!]! + Number(found[2])) * this.program.threads;
  }

  /** An operand of a type: see `scalarPtx`; registers must have that type. */
  of(operand: string, type: string, line: string): string {
    const letter = operand.startsWith("%") ? operand[1]! : "";
    if (letter !== "" && /^%[rfhdp]\d/.test(operand)) {
      if (letter !== type && !(type === "x" && "rf".includes(letter))) {
        throw new UnknownPtx(`A register of type ${type} is required: found ${operand} in ${line}`);
      }
      const file = type === "f" ? "F" : type === "d" ? "D" : type === "p" ? "P" : "I";
      return `${file}[${this.slot(operand, line)}+t]`;
    }
    if (type === "f" && /^0f[0-9A-F]{8}$/.test(operand)) return floatLiteral(operand);
    if (type === "d" && /^\d+$/.test(operand)) return operand;
    if (type === "r") {
      if (/^(0x[0-9a-f]+|-?\d+)$/.test(operand)) return `(${Number(operand) | 0})`;
      if (operand === "%tid.x") return "t";
      if (operand === "%ctaid.x") return "block";
      const shared = this.program.shared.get(operand);
      if (shared !== undefined) return String(shared);
    }
    throw new UnknownPtx(`An operand of type ${type} is required: found ${operand} in ${line}`);
  }

  /** The bits of a register or float, where even those of a NaN count. */
  bits(operand: string, type: "f" | "r" | "h", line: string): string {
    const value = this.of(operand, type, line);
    if (operand.startsWith("%")) return `I[${this.slot(operand, line)}+t]`;
    return type === "f" ? `(${Number(`0x${operand.slice(2)}`) | 0})` : value;
  }

  /** Registers between braces, or one alone. */
  list(operand: string): string[] {
    return operand.replace(/[{}\s]/g, "").split(",");
  }

  /** An address in brackets: its register and what is added to it. */
  address(operand: string, type: "r" | "d", line: string): string {
    const found = /^\[(%[rd]\d+)(?:\+(\d+))?\]$/.exec(operand);
    if (found === null) throw new UnknownPtx(`An address is required: found ${operand} in ${line}`);
    return `${this.of(found[1]!, type, line)}+${found[2] ?? 0}`;
  }
}

function floatLiteral(text: string): string {
  const value = floatOf(Number(`0x${text.slice(2)}`));
  return Object.is(value, -0) ? "(-0)" : `(${value})`;
}
