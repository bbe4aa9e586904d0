// Loads, stores and asynchronous copies as statements of JavaScript.
import type { OperandText } from "./operand_text.ts";
import { type PtxInstruction, PtxSyntaxError, UnknownPtx } from "./parse.ts";

const elementLetters: Readonly<Record<string, "f" | "r" | "h">> = { f32: "f", b32: "r", b16: "h" };

/**
 * The statement of an instruction that meets memory, or nothing where it is another.
 *
 * @param at Number of the instruction, for messages
 */
export function memoryText(
  instruction: PtxInstruction,
  operand: OperandText,
  at: number,
): string | undefined {
  const { operation } = instruction;
  if (operation.startsWith("ld.param.")) return parameterText(instruction, operand);
  if (operation.startsWith("cp.async.")) return copyText(instruction, operand, at);
  const found = /^(ld|st)\.(global|shared)(?:\.v([24]))?\.(f32|b32|b16)$/.exec(operation);
  if (found === null) return undefined;
  const [, kind, space, vector, type] = found;
  const { operands, line } = instruction;
  const count = Number(vector ?? 1);
  const [values, address] = kind === "ld" ? operands : [operands[1], operands[0]];
  const list = operand.list(values!);
  if (list.length !== count || (vector === undefined) === values!.startsWith("{")) {
    throw new UnknownPtx(`${count} values are required: ${line}`);
  }
  const size = type === "b16" ? 2 : 4;
  const global = space === "global";
  const start = operand.address(address!, global ? "d" : "r", line);
  const check = `${global ? "global" : "shared"}(${start},${size * count},${at})`;
  const memory = `${global ? "G" : "S"}${8 * size}`;
  const moves = list.map((value, i) => {
    const place = `${memory}[(a>>${size / 2})+${i}]`;
    const seen = global ? "" : `${kind === "ld" ? "read" : "write"}((a>>2)+${i},t,${at});`;
    const letter = elementLetters[type!]!;
    const bits = operand.bits(value, letter, line);
    return kind === "ld" ? `${seen}${bits}=${place};` : `${seen}${place}=${bits};`;
  });
  return `{const a=${check};${moves.join("")}}`;
}

function parameterText(
  { operation, operands, line }: PtxInstruction,
  operand: OperandText,
): string {
  const found = /^\[p\+(\d+)\]$/.exec(operands[1]!);
  const type = operation.slice("ld.param.".length);
  const size = type === "b64" ? 8 : 4;
  const place = Number(found?.[1]);
  if (!["b32", "b64", "f32"].includes(type) || !(place % size === 0)) throw new UnknownPtx(line);
  if (place + size > operand.program.parameterBytes) throw new PtxSyntaxError(line);
  const word = (i: number) => `W[${place / 4 + i}]`;
  if (type === "b64") {
    return `${operand.of(operands[0]!, "d", line)}=(${word(0)}>>>0)+(${word(1)}>>>0)*2**32;`;
  }
  return `${operand.bits(operands[0]!, type === "f32" ? "f" : "r", line)}=${word(0)};`;
}

function copyText({ operation, operands, line }: PtxInstruction, operand: OperandText, at: number) {
  if (operation === "cp.async.commit_group") return "copies.commit(t);";
  if (operation === "cp.async.wait_all") return "copies.wait(t,-1);";
  if (operation === "cp.async.wait_group") {
    if (!/^\d+$/.test(operands[0]!)) throw new UnknownPtx(line);
    return `copies.wait(t,${operands[0]});`;
  }
  const [target, source, bytes, size] = operands;
  const sizes = operation === "cp.async.cg.shared.global" ? ["16"] : ["4", "8", "16"];
  if (!/^cp\.async\.c[ag]\.shared\.global$/.test(operation) || !sizes.includes(bytes!)) {
    throw new UnknownPtx(line);
  }
  const [to, from] = [operand.address(target!, "r", line), operand.address(source!, "d", line)];
  return `copies.issue(t,${to},${from},${bytes},${operand.of(size!, "r", line)},${at});`;
}
