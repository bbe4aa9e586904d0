// Runs a program: blocks one after another, of each the threads that are furthest behind.
import { AsyncCopies } from "./copies.ts";
import { CardFault, type CardRange } from "./card_range.ts";
import { type BasicBlock, basicBlocks, helpers, type Stretch } from "./compile.ts";
import { NamedBarriers } from "./named_barriers.ts";
import { OperandText } from "./operand_text.ts";
import { type ParsedPtx, parsePtx, type PtxInstruction, tilesGap, UnknownPtx } from "./parse.ts";
import { SharedMemory, SharedMemoryRace } from "./shared_memory.ts";
import { WarpGroups } from "./warp_groups.ts";
import { type WarpOperand, type WarpStep, warpStep } from "./warp_steps.ts";

const sharedMemory = new SharedMemory();
/** Basic blocks that one block of threads runs at most. */
const patience = 1e6;

/** A launch. */
export interface PtxLaunch {
  readonly memory: CardRange;
  /** Parameters, as words. */
  readonly parameters: Int32Array;
  readonly blocks: number;
  /** Bytes of shared memory that the launch adds. */
  readonly sharedBytes: number;
}

interface Block {
  readonly steps: readonly Stretch[];
  readonly branch: BasicBlock["branch"];
  /** Lets a group wait at a barrier. */
  readonly wait: WarpStep | undefined;
}

/** Memory of registers: programs run one after another, so that all of them share it. */
const files = [0, 1, 2].map(() => new ArrayBuffer(0));

/** A file of registers, which grows by more than is asked for. */
function registerFile(kind: 0 | 1 | 2, bytes: number): ArrayBuffer {
  if (files[kind]!.byteLength < bytes) files[kind] = new ArrayBuffer(2 * Math.ceil(bytes / 8) * 8);
  return files[kind]!;
}

/** A program that can run. */
export class PtxMachine {
  readonly program: ParsedPtx;
  readonly #operand: OperandText;
  readonly #words: Int32Array;
  readonly #doubles: Float64Array;
  readonly #predicates: Uint8Array;
  readonly #blocks: readonly Block[];
  readonly #copies: AsyncCopies;
  readonly #groups: WarpGroups;
  /** Basic block at which each thread is. */
  readonly #at: Int32Array;
  readonly #listed: Int32Array;
  /** Whether each thread waits at a barrier. */
  readonly #waiting: Uint8Array;
  readonly #barriers = new NamedBarriers(sharedMemory.clocks);
  #launch: PtxLaunch | undefined;
  /** Instruction that last met shared memory. */
  #instruction = 0;

  /** Compiles a text. */
  constructor(text: string) {
    this.program = parsePtx(text);
    const { threads } = this.program;
    const operand = this.#operand = new OperandText(this.program);
    const [words, doubles, predicates] = operand.sizes;
    this.#words = new Int32Array(registerFile(0, 4 * words), 0, words);
    this.#doubles = new Float64Array(registerFile(1, 8 * doubles), 0, doubles);
    this.#predicates = new Uint8Array(registerFile(2, predicates), 0, predicates);
    const memory = () => this.#launch!.memory;
    this.#copies = new AsyncCopies(threads, sharedMemory, memory, sharedPlace);
    this.#groups = new WarpGroups({
      words: this.#words,
      pairs: new Int32Array(this.#doubles.buffer),
      predicates: this.#predicates,
      shared: sharedMemory,
      slots: (text) => operand.list(text).map((each) => operand.slot(each, text)),
    });
    this.#at = new Int32Array(threads);
    this.#listed = new Int32Array(threads);
    this.#waiting = new Uint8Array(threads);
    this.#blocks = this.#compile(basicBlocks(this.program, operand));
  }

  #compile(blocks: readonly BasicBlock[]): Block[] {
    const texts: string[] = [];
    const steps = blocks.map(({ parts }) =>
      parts.map((part) =>
        "text" in part ? texts.push(part.text) - 1 : this.#together(part.together)
      )
    );
    const functions = texts.map((text) =>
      `(n,threads,block)=>{const L=launch(),W=L.parameters,M=L.memory,G32=M.words,G16=M.halves;` +
      `const global=(a,b,i)=>M.place(a,b,i);for(let i=0;i<n;i++){const t=threads[i];\n${text}\n}}`
    );
    const scope = {
      ...helpers,
      launch: () => this.#launch,
      I: this.#words,
      F: new Float32Array(this.#words.buffer),
      D: this.#doubles,
      B: new Int32Array(this.#doubles.buffer),
      P: this.#predicates,
      S32: sharedMemory.words,
      S16: sharedMemory.halves,
      shared: sharedPlace,
      read: (word: number, t: number, at: number) => {
        this.#instruction = at;
        sharedMemory.read(word, t);
      },
      write: (word: number, t: number, at: number) => {
        this.#instruction = at;
        sharedMemory.write(word, t);
      },
      copies: this.#copies,
      show: (t: number) => sharedMemory.show(t),
    };
    const source = `"use strict";const {${Object.keys(scope)}}=scope;return [${functions}];`;
    const stretches: Stretch[] = new Function("scope", source)(scope);
    return blocks.map(({ branch, barrier }, b) => ({
      wait: barrier === undefined ? undefined : this.#comes(barrier, true),
      steps: steps[b]!.map((step) => typeof step === "number" ? stretches[step]! : step),
      branch,
    }));
  }

  /** An instruction that all threads of a warp or of the block execute together. */
  #together(instruction: PtxInstruction): Stretch {
    const { line, operation, operands } = instruction;
    if (operation === "bar.sync" && operands[0] === "0") return (n) => this.#barrier(n, line);
    const group = operation === "bar.arrive"
      ? this.#comes(instruction, false)
      : this.#groups.step(instruction);
    if (group !== undefined) return (n, threads) => eachUnit(n, threads, 128, group, line);
    if (operation === "bar.red.or.pred" && operands[1] === "0") {
      const slots = [0, 2].map((i) => this.#operand.slot(operands[i]!, line));
      return (n, threads) => this.#any(n, threads, slots as [number, number], line);
    }
    const step = warpStep(instruction, (text) => this.#warpOperand(text, line), {
      words: this.#words,
      predicates: this.#predicates,
      matrixRow,
    });
    if (step === undefined) throw new UnknownPtx(`The interpreter does not know ${line}`);
    return (n, threads) => eachUnit(n, threads, 32, step, line);
  }

  #warpOperand(text: string, line: string): WarpOperand {
    const list = this.#operand.list(text);
    const value = list.every((each) => each === list[0] && each.startsWith("0f"))
      ? Number(`0x${list[0]!.slice(2)}`)
      : undefined;
    const slots = list.map((each) => value === undefined ? this.#operand.slot(each, line) : -1);
    return { slots, value };
  }

  /** A group comes to a barrier with a number, and waits there or not. */
  #comes({ operands, line }: PtxInstruction, waits: boolean): WarpStep {
    const [id, count] = operands as [string, string];
    const slot = id.startsWith("%") ? this.#operand.slot(id, line) : undefined;
    return (first) => {
      const number = slot === undefined ? Number(id) : this.#words[slot + first]!;
      if (waits) this.#waiting.fill(1, first, first + 128);
      for (const t of this.#barriers.come(first, number, Number(count), waits, line)) {
        this.#waiting[t] = 0;
      }
    };
  }

  #barrier(n: number, line: string): void {
    const living = this.#at.reduce((sum, at) => at < this.#blocks.length ? sum + 1 : sum, 0);
    if (n !== living) throw new UnknownPtx(`${n} of ${living} threads are at ${line}`);
    sharedMemory.clocks.meet();
  }

  /** A barrier after which all threads know whether any has a predicate. */
  #any(n: number, threads: Int32Array, [to, from]: readonly [number, number], line: string): void {
    this.#barrier(n, line);
    const own = threads.subarray(0, n);
    const any = own.some((t) => this.#predicates[from + t] !== 0) ? 1 : 0;
    for (const t of own) this.#predicates[to + t] = any;
  }

  /**
   * Runs all blocks.
   *
   * @throws {CardFault} If the card would stop
   * @throws {SharedMemoryRace} If the result depends on which thread comes first
   */
  run(launch: PtxLaunch): void {
    this.#launch = launch;
    try {
      for (let block = 0; block < launch.blocks; block++) this.#runBlock(block, launch.sharedBytes);
    } catch (error) {
      if (error instanceof SharedMemoryRace) error.message += `: ${this.#line}`;
      throw error;
    } finally {
      this.#launch = undefined;
    }
  }

  get #line(): string {
    return this.program.instructions[this.#instruction]!.line;
  }

  #runBlock(block: number, sharedBytes: number): void {
    this.#words.fill(-1);
    this.#doubles.fill(NaN);
    this.#at.fill(0);
    this.#copies.begin();
    this.#groups.begin();
    this.#barriers.begin();
    this.#waiting.fill(0);
    const { threads, sharedBytes: own, instructions } = this.program;
    const products = instructions.some(({ operation }) => operation.startsWith("wgmma."));
    sharedMemory.begin(own + tilesGap + sharedBytes, threads, products);
    const end = this.#blocks.length;
    for (let turn = 0; turn < patience; turn++) {
      let at = end;
      for (let t = 0; t < threads; t++) if (this.#waiting[t] === 0) at = Math.min(at, this.#at[t]!);
      if (at === end) {
        if (this.#waiting.includes(1)) throw new UnknownPtx("Threads wait for each other");
        return;
      }
      let n = 0;
      for (let t = 0; t < threads; t++) {
        if (this.#waiting[t] === 0 && this.#at[t] === at) this.#listed[n++] = t;
      }
      const { steps, branch, wait } = this.#blocks[at]!;
      for (const step of steps) step(n, this.#listed, block);
      this.#move(n, at, branch);
      if (wait !== undefined) eachUnit(n, this.#listed, 128, wait, "a barrier");
    }
    throw new Error("A program does not end");
  }

  /** Threads go on to the next basic block or to where they branch. */
  #move(n: number, at: number, branch: Block["branch"]): void {
    for (let i = 0; i < n; i++) {
      const t = this.#listed[i]!;
      const taken = branch !== undefined &&
        (branch.slot < 0 || (this.#predicates[branch.slot + t] !== 0) !== branch.negated);
      this.#at[t] = taken ? branch.to : at + 1;
    }
  }
}

/** Runs a step for each warp or warp group, of which no thread may be missing. */
function eachUnit(
  n: number,
  threads: Int32Array,
  size: number,
  step: WarpStep,
  line: string,
): void {
  for (let i = 0; i < n; i += size) {
    const first = threads[i]!;
    if (first % size !== 0 || threads[i + size - 1] !== first + size - 1 || i + size > n) {
      throw new UnknownPtx(`Threads beside ${first} are missing at ${line}`);
    }
    step(first);
  }
}

function sharedPlace(address: number, bytes: number, at: number): number {
  if (!(address >= 0 && address <= sharedMemory.end - bytes)) {
    throw new CardFault(700, `instruction ${at} reaches ${address} of shared memory`);
  }
  if (address % bytes !== 0) throw new CardFault(716, `instruction ${at} reaches ${address}`);
  return address;
}

function matrixRow(address: number, thread: number): Uint16Array {
  const place = sharedPlace(address, 16, -1);
  for (let i = 0; i < 4; i++) sharedMemory.read((place >> 2) + i, thread);
  return sharedMemory.halves.subarray(place >> 1, (place >> 1) + 8);
}
