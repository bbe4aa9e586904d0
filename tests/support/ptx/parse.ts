// Reads the PTX that kernels/cuda writes: registers, shared memory, instructions and labels.

/** An instruction, its operands as they stand. */
export interface PtxInstruction {
  readonly operation: string;
  readonly operands: readonly string[];
  /** Predicate register and whether it is negated. */
  readonly guard: { readonly register: string; readonly negated: boolean } | undefined;
  /** The whole line, for messages. */
  readonly line: string;
}

/** One program. */
export interface ParsedPtx {
  /** Threads of a block. */
  readonly threads: number;
  readonly parameterBytes: number;
  /** Registers by type. */
  readonly registers: ReadonlyMap<string, number>;
  /** Where each array of shared memory begins, in bytes; that of the launch is `tiles`. */
  readonly shared: ReadonlyMap<string, number>;
  /** Bytes of shared memory that the text declares. */
  readonly sharedBytes: number;
  readonly instructions: readonly PtxInstruction[];
  /** Instruction before which each label stands. */
  readonly labels: ReadonlyMap<string, number>;
}

/** Bytes before the shared memory of a launch: it begins at no rounder address than the text asks. */
export const tilesGap = 16;

/** What a driver's compiler refuses. */
export class PtxSyntaxError extends Error {}

/** What the interpreter does not know: the text or the interpreter is wrong. */
export class UnknownPtx extends Error {}

const header =
  /^\.version (?:7\.0\n\.target sm_80|8\.0\n\.target sm_90a)\n\.address_size 64\n(\.extern \.shared \.align 16 \.b8 tiles\[\];\n)?\.visible \.entry program\(\.param \.align 8 \.b8 p\[(\d+)\]\)\n\.reqntid (\d+), 1, 1\n(?:\.minnctapersm [1-9]\n)?\{\n([^]*)\n\}\n$/;
const statement = /^(?:@(!?)(%p\d+) )?([a-z][\w.:]*)(?: (.+))?;$/;
const registerLetters: Readonly<Record<string, string>> = {
  pred: "p",
  b16: "h",
  b32: "r",
  b64: "d",
  f32: "f",
};

/**
 * Reads a text.
 *
 * @throws {PtxSyntaxError} If the driver would refuse it
 */
export function parsePtx(text: string): ParsedPtx {
  const found = header.exec(text.replace(/^(\/\/[^\n]*\n)+/, ""));
  if (found === null) throw new PtxSyntaxError("header, entry point or braces");
  const [, dynamic, parameterBytes, threads, body] = found;
  const registers = new Map<string, number>();
  const shared = new Map<string, number>();
  const labels = new Map<string, number>();
  const instructions: PtxInstruction[] = [];
  let sharedBytes = 0;
  for (const line of body!.split("\n")) {
    const declared = /^\.reg \.(\w+) %([a-z])<(\d+)>;$/.exec(line);
    const array = /^\.shared \.align 16 \.b32 (\w+)\[(\d+)\];$/.exec(line);
    const label = /^(\w+):$/.exec(line);
    if (line === "" || line.startsWith("//")) continue;
    if (declared !== null) {
      if (registerLetters[declared[1]!] !== declared[2]) throw new PtxSyntaxError(line);
      registers.set(declared[2]!, Number(declared[3]));
    } else if (array !== null) {
      shared.set(array[1]!, sharedBytes);
      sharedBytes = Math.ceil((sharedBytes + 4 * Number(array[2])) / 16) * 16;
    } else if (label !== null) {
      if (labels.has(label[1]!)) throw new PtxSyntaxError(line);
      labels.set(label[1]!, instructions.length);
    } else instructions.push(instruction(line));
  }
  if (dynamic !== undefined) shared.set("tiles", sharedBytes + tilesGap);
  const program = { registers, shared, sharedBytes, instructions, labels };
  instructions.forEach((each) => check(each, program));
  return { ...program, threads: Number(threads), parameterBytes: Number(parameterBytes) };
}

function instruction(line: string): PtxInstruction {
  const found = statement.exec(line);
  if (found === null) throw new PtxSyntaxError(line);
  const [, negation, register, operation, rest = ""] = found;
  const operands = rest === "" ? [] : rest.match(/\{[^}]*\}|\[[^\]]*\]|[^,\s]+/g)!;
  if (operands.join(", ") !== rest) throw new PtxSyntaxError(line);
  const guard = register === undefined ? undefined : { register, negated: negation === "!" };
  return { operation: operation!, operands, guard, line };
}

/** Registers are declared, labels placed. */
function check(
  { operation, operands, line }: PtxInstruction,
  { registers, labels }: Pick<ParsedPtx, "registers" | "labels">,
): void {
  for (const [name, letter, number] of line.matchAll(/%([a-z])(\d+)\b/g)) {
    if (Number(number) >= (registers.get(letter!) ?? 0)) {
      throw new PtxSyntaxError(`${name}: ${line}`);
    }
  }
  if (operation === "bra" && !labels.has(operands[0]!)) throw new PtxSyntaxError(line);
}
