// A program as functions of JavaScript: each runs a stretch of instructions for some threads.
import {
  flushed,
  fusedMultiplyAdd,
  halfToFloat,
  permuteBytes,
  reverseBits,
  roundToEven,
  saturate,
  toBfloat,
  toTf32,
} from "./arithmetic.ts";
import { memoryText } from "./memory_text.ts";
import type { OperandText } from "./operand_text.ts";
import { scalarPtx } from "./operations.ts";
import { type ParsedPtx, type PtxInstruction, UnknownPtx } from "./parse.ts";

/** Runs instructions for `n` threads, whose numbers are listed. */
export type Stretch = (n: number, threads: Int32Array, block: number) => void;

/** A part of a block that is either JavaScript or an instruction of a warp or block. */
export type PtxPart = { readonly text: string } | { readonly together: PtxInstruction };

/** Instructions that are entered at the first and left after the last. */
export interface BasicBlock {
  readonly parts: readonly PtxPart[];
  /** Where it goes: register slot of the predicate, if any. */
  readonly branch:
    | { readonly slot: number; readonly negated: boolean; readonly to: number }
    | undefined;
  /** The barrier at which threads wait, of those with a number, after the parts. */
  readonly barrier: PtxInstruction | undefined;
}

/** Whether threads wait at an instruction for some others, not for all. */
const waits = ({ operation, operands }: PtxInstruction) =>
  operation === "bar.sync" && operands.length === 2;

/** Instructions that a function has at most: larger ones are not optimised. */
const longest = 60;

/** Names that the functions use. */
export const helpers = {
  flushed,
  fusedMultiplyAdd,
  halfToFloat,
  permuteBytes,
  reverseBits,
  roundToEven,
  saturate,
  toBfloat,
  toTf32,
} as const;

/** Basic blocks of a program. */
export function basicBlocks(program: ParsedPtx, operand: OperandText): BasicBlock[] {
  const { instructions, labels } = program;
  const starts = new Set([0, ...labels.values()]);
  instructions.forEach((each, i) => {
    if (each.operation === "bra" || waits(each)) starts.add(i + 1);
  });
  starts.delete(instructions.length);
  const order = [...starts].sort((a, b) => a - b);
  const blockAt = new Map(order.map((start, block) => [start, block]));
  return order.map((start, block) => {
    const end = order[block + 1] ?? instructions.length;
    const own = instructions.slice(start, end);
    const last = own.at(-1)!;
    const isBranch = last.operation === "bra";
    const to = isBranch ? blockAt.get(labels.get(last.operands[0]!)!)! : -1;
    const slot = last.guard === undefined ? -1 : operand.slot(last.guard.register, last.line);
    const barrier = waits(last) ? last : undefined;
    return {
      parts: partsOf(isBranch || barrier !== undefined ? own.slice(0, -1) : own, start, operand),
      barrier,
      branch: isBranch ? { slot, negated: last.guard?.negated ?? false, to } : undefined,
    };
  });
}

const isTogether = ({ operation }: PtxInstruction) =>
  /^(shfl|vote|ldmatrix|mma)\.sync|^wgmma\.|^bar\./.test(operation);

function partsOf(
  instructions: readonly PtxInstruction[],
  start: number,
  operand: OperandText,
): PtxPart[] {
  const parts: PtxPart[] = [];
  let lines: string[] = [];
  const end = () => {
    if (lines.length > 0) parts.push({ text: lines.join("\n") });
    lines = [];
  };
  instructions.forEach((instruction, i) => {
    if (instruction.operation === "ret") return;
    if (isTogether(instruction)) {
      end();
      if (instruction.guard !== undefined) throw new UnknownPtx(instruction.line);
      parts.push({ together: instruction });
      return;
    }
    lines.push(statementOf(instruction, start + i, operand));
    if (lines.length === longest) end();
  });
  end();
  return parts;
}

/** One instruction of thread `t`. */
function statementOf(instruction: PtxInstruction, at: number, operand: OperandText): string {
  const { guard, line } = instruction;
  const text = memoryText(instruction, operand, at) ?? packText(instruction, operand) ??
    scalarText(instruction, operand);
  if (guard === undefined) return text;
  const held = operand.of(guard.register, "p", line);
  return `if(${guard.negated ? "!" : ""}${held}){${text}}`;
}

/** Words from halves, halves from words, and 64 bits from words, kept as bits. */
function packText(
  { operation, operands, line }: PtxInstruction,
  operand: OperandText,
): string | undefined {
  const [to, from] = operands as [string, string];
  if (operation === "mov.b64" && from.startsWith("{")) {
    const [low, high] = operand.list(from).map((word) => operand.of(word, "r", line));
    const slot = operand.slot(to, line);
    return `B[2*(${slot}+t)]=${low};B[2*(${slot}+t)+1]=${high};`;
  }
  if (operation === "fence.proxy.async.shared::cta") return "show(t);";
  if (operation !== "mov.b32" || !(to + from).includes("{")) return undefined;
  if (from.startsWith("{")) {
    const [low, high] = operand.list(from).map((half) => operand.of(half, "h", line));
    return `${operand.of(to, "r", line)}=(${low}&65535)|${high}<<16;`;
  }
  const [low, high] = operand.list(to).map((half) => operand.of(half, "h", line));
  const word = operand.of(from, "r", line);
  return `${low}=${word}&65535;${high}=${word}>>>16;`;
}

function scalarText({ operation, operands, line }: PtxInstruction, operand: OperandText): string {
  const found = scalarPtx[operation];
  if (found === undefined) throw new UnknownPtx(`The interpreter does not know ${line}`);
  const [types, value] = found;
  if (types.length !== operands.length || !operands[0]!.startsWith("%")) throw new UnknownPtx(line);
  const [to, ...rest] = operands.map((each, i) => operand.of(each, types[i]!, line));
  return `${to}=${value(...rest)};`;
}
