/**
 * Renders a row program to a WebAssembly routine over `rows x columns`, four columns at a time; the
 * last columns of a row go one by one through the same vector code, of which lane 0 counts.
 *
 * @module
 */

import { depth, type Expr, variesByColumn } from "../../../../core/expr.ts";
import type { RowProgram } from "../../../../core/program.ts";
import { scalarRow } from "../../../../core/scalar.ts";
import {
  loneProducts,
  type Motion,
  planWithScratch,
  type RowPass,
  type ScratchPlan,
} from "../../../plan/row_passes.ts";
import { f32x4, i32, i32x4, type Local, loop, Routine, v128 } from "../assembler/assembler.ts";
import type { Code } from "../assembler/code.ts";
import type { Format } from "../assembler/load.ts";
import { laneOperations, multiplyAdd } from "../assembler/scalar_functions.ts";
import { head, type Target, taskWord } from "../threads/task.ts";
import { onward, RowOperands, toFirstColumn } from "./operands.ts";
import { Quotients } from "./quotients.ts";
import { accumulator, type Lane, type Term } from "./row_reduction.ts";

/** A routine, and what it needs beside its operands. */
export interface RowRoutine {
  /** Bytes of the WebAssembly module. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Rows of floats that values between passes take. */
  readonly scratch: number;
  /** Kind of each scalar slot that the program reads. */
  readonly scalars: ReadonlyMap<number, "f32" | "u32">;
}

/** Columns whose sum is kept in 32 bits before it joins a double. */
const chunk = 1024;
/** Nodes that one turn of a loop over columns computes at most, where it computes any twice. */
const turnNodes = 64;

/**
 * `formats` are those of the inputs. The task's words are rows, columns, then base, row step and
 * column step of each operand (bytes for memory, values for indices; in the order inputs, outputs,
 * indices), then the scalars.
 */
export function renderRowRoutine(
  program: RowProgram,
  motions: readonly Motion[],
  formats: readonly Format[],
  target: Target,
): RowRoutine {
  return new RowCode(program, motions, formats, target).render();
}

/** The code of one program over operands of some motions. */
class RowCode {
  readonly #routine = new Routine(2);
  readonly #plan: ScratchPlan;
  readonly #operations: ReturnType<typeof laneOperations>;
  readonly #operands: RowOperands;
  /** Rows and columns; the row's bytes, and those of its whole fours; the row and the byte at hand. */
  readonly #variables = this.#routine.locals(6, "i32");
  /** Products that are multiplied where they are summed. */
  readonly #lone: ReadonlySet<Expr>;
  readonly #values = new Map<Expr, Local>();
  readonly #quotients = new Quotients(this.#routine, (e) => this.#valueOf(e));
  readonly #scalars = new Map<number, "f32" | "u32">();

  constructor(
    readonly program: RowProgram,
    readonly motions: readonly Motion[],
    formats: readonly Format[],
    readonly target: Target,
  ) {
    this.#plan = planWithScratch(program);
    this.#operations = laneOperations(this.#routine, target.relaxed);
    const inMemory = this.#firstIndex;
    const column = this.#variables[5];
    this.#operands = new RowOperands(this.#routine, { motions, formats, inMemory, column });
    this.#lone = target.relaxed ? loneProducts(program) : new Set<Expr>();
  }

  /** Number of the operands in memory; those after them are indices. */
  get #firstIndex(): number {
    return this.program.inputs.length + this.program.outputs.length;
  }

  render(): RowRoutine {
    const { program: { inputs, outputs } } = this;
    const { uniform, list, scratch } = this.#plan;
    const [rows, columns, width, whole, i] = this.#variables;
    const word = (index: number) => taskWord(this.#routine.parameters[0]!, index);
    const body = [
      rows.set(word(0)),
      columns.set(word(1)),
      width.set(i32.shiftLeft(columns.get, i32.of(2))),
      whole.set(i32.and(width.get, i32.of(-16))),
      this.#operands.read((index) => word(2 + index)),
      uniform.map((e) => this.#declare(e, "row")),
      loop(i, rows.get, 1, [
        list.map((pass, index) => this.#pass(pass, index)),
        outputs.map((e, k) =>
          variesByColumn(e) ? [] : this.#operands.store(inputs.length + k, this.#valueOf(e), "row")
        ),
        this.#operands.nextRow(),
      ]),
    ];
    const bytes = this.#routine.assemble(body, this.target.memory);
    return { bytes, scratch: scratch.size, scalars: this.#scalars };
  }

  #vector(): Local {
    return this.#routine.local("v128");
  }

  #valueOf(e: Expr): Code {
    if (e.op === "constant") {
      return e.kind === "f32" ? f32x4.of(e.attribute) : i32x4.of(e.attribute);
    }
    return this.#values.get(e)!.get;
  }

  /** A node's value from those of its operands. */
  #compute(e: Expr, lane: Lane, copy: number): Code {
    const { inputs } = this.program;
    const valueOf = (arg: Expr) => this.#valueOf(arg);
    switch (e.op) {
      case "input":
        return this.#operands.load(e.attribute, variesByColumn(e) ? lane : "row", copy);
      case "old":
        return this.#operands.load(inputs.length + e.attribute, lane, copy);
      case "index":
        return this.#operands.index(this.#firstIndex + e.attribute, variesByColumn(e));
      case "scalar": {
        this.#scalars.set(e.attribute, e.kind as "f32" | "u32");
        const place = head + 2 + 3 * this.motions.length + e.attribute;
        return v128.loadSplat(this.#routine.parameters[0]!.get, 4 * place);
      }
      case "columns":
        return f32x4.fromUnsigned(i32x4.splat(this.#variables[1].get));
      case "wordShift":
        return i32x4.shiftRight(valueOf(e.args[0]!), e.args[1]!.attribute);
      case "lt":
      case "le":
      case "eq":
        return compare(e.op, e.args[0]!.kind)(...e.args.map(valueOf));
      case "div":
        return this.#quotients.quotient(e);
      case "constant":
        return valueOf(e);
      case "rowSum":
      case "rowMax":
        throw new TypeError(`Cannot render ${e.op} as a value of its own`);
      default:
        return this.#operations[e.op](...e.args.map(valueOf));
    }
  }

  #declare(e: Expr, lane: Lane, copy = 0): Code {
    if (e.op === "constant") return [];
    let value = this.#values.get(e);
    const code = this.#compute(e, lane, copy);
    if (value === undefined) this.#values.set(e, value = this.#vector());
    return value.set(code);
  }

  #pass(pass: RowPass, index: number): Code {
    const { columns, reductions, stored } = pass;
    const before: Code[] = [pass.row.map((e) => this.#declare(e, "row"))];
    if (reductions.length + stored.length === 0) return before;
    before.push(this.#quotients.invert(columns));
    const moving = this.#operands.moving((k) =>
      columns.some((e) => e.op === "index" && e.attribute === k - this.#firstIndex)
    );
    const { scratch } = this.#plan;
    const copies = unrolled(columns.filter((e) => !scratch.has(e) || depth(e) === index));
    const accumulators = reductions.map((e) =>
      accumulator(e.op === "rowSum", this.#routine, copies)
    );
    const element = (lane: "four" | "one", copy = 0): Code => [
      columns.map((e) => this.#column(e, index, lane, copy)),
      reductions.map((e, r) => accumulators[r]!.add(this.#termOf(e.args[0]!), lane, copy)),
      stored.map((k) => {
        const value = this.#valueOf(this.program.outputs[k]!);
        return this.#operands.store(this.program.inputs.length + k, value, lane, copy);
      }),
      moving.map((operand) => onward(operand, lane)),
    ];
    return [
      before,
      accumulators.map(({ start }) => start),
      moving.map(toFirstColumn),
      this.#alongRow(element, copies, accumulators.flatMap(({ fold }) => fold ?? [])),
      reductions.map((e, r) => {
        const value = this.#vector();
        this.#values.set(e, value);
        return value.set(accumulators[r]!.result);
      }),
    ];
  }

  /** A node of an element: computed, or loaded from the scratch where an earlier pass stored it. */
  #column(e: Expr, pass: number, lane: "four" | "one", copy: number): Code {
    if (this.#lone.has(e)) return [];
    const slot = this.#plan.scratch.get(e);
    if (slot === undefined) return this.#declare(e, lane, copy);
    const address = this.#scratchAt(slot);
    if (depth(e) < pass) {
      const value = this.#values.get(e) ?? this.#vector();
      this.#values.set(e, value);
      return value.set(lane === "four" ? v128.load(address, 16 * copy) : v128.loadSplat(address));
    }
    return [
      this.#declare(e, lane, copy),
      lane === "four"
        ? v128.store(address, this.#valueOf(e), 16 * copy)
        : v128.storeLane(address, this.#valueOf(e), 0),
    ];
  }

  #scratchAt(slot: number): Code {
    const [, , width, , , j] = this.#variables;
    const scratch = this.#routine.parameters[1]!;
    return i32.add(i32.add(scratch.get, i32.mul(width.get, i32.of(slot))), j.get);
  }

  /** What joins a reduction; a product that is summed alone is multiplied and added at once. */
  #termOf(e: Expr): Term {
    const value = () => this.#valueOf(e);
    if (!this.#lone.has(e)) return { value: value(), onto: (sum) => f32x4.add(value(), sum) };
    const [a, b] = e.args.map((arg) => this.#valueOf(arg)) as [Code, Code];
    const madd = multiplyAdd(this.target.relaxed);
    return { value: f32x4.mul(a, b), onto: (sum) => madd(a, b, sum) };
  }

  /** The loops over a row: as many fours as are unrolled, the other fours, then one by one. */
  #alongRow(
    element: (lane: "four" | "one", copy?: number) => Code,
    copies: number,
    folds: readonly Code[],
  ): Code {
    const [, , width, whole, , j] = this.#variables;
    const [stop, together] = this.#routine.locals(2, "i32");
    const step = 16 * copies;
    const fours = (to: Code, from: Code) =>
      loop(j, to, step, Array.from({ length: copies }, (_, n) => element("four", n)), from);
    return [
      together.set(i32.and(width.get, i32.of(-step))),
      folds.length === 0 ? fours(together.get, i32.of(0)) : loop(
        stop,
        together.get,
        4 * chunk,
        [fours(i32.least(i32.sum(stop.get, i32.of(4 * chunk)), together.get), stop.get), folds],
      ),
      copies === 1 ? [] : [loop(j, whole.get, 16, element("four"), together.get), folds],
      loop(j, width.get, 4, element("one"), whole.get),
    ];
  }
}

function compare(op: "lt" | "le" | "eq", kind: Expr["kind"]) {
  const lanes = kind === "f32" ? f32x4 : i32x4;
  return { lt: lanes.less, le: lanes.atMost, eq: lanes.equal }[op];
}

/** How many times four columns are computed in one turn of the loop: more often where it is short. */
function unrolled(computed: readonly Expr[]): number {
  const nodes = computed.filter(({ op }) => op !== "constant");
  if (nodes.some((e) => scalarRow(e.op)?.costly)) return 1;
  return [8, 4, 2].find((copies) => copies * nodes.length <= turnNodes) ?? 1;
}
