/**
 * Renders a row program to a WebAssembly routine over `rows x columns`, four columns at a time; the
 * last columns of a row go one by one through the same vector code, of which lane 0 counts.
 *
 * @module
 */

import { depth, type Expr } from "../../../../core/expr.ts";
import type { RowProgram } from "../../../../core/program.ts";
import { scalarRow } from "../../../../core/scalar.ts";
import {
  loneProducts,
  type Motion,
  planRow,
  type RowPass,
  varies,
} from "../../../plan/row_passes.ts";
import { f32x4, i32, i32x4, type Local, loop, Routine, v128 } from "../assembler/assembler.ts";
import type { Code } from "../assembler/code.ts";
import { type Format, loadsOf } from "../assembler/load.ts";
import { laneOperations, multiplyAdd } from "../assembler/scalar_functions.ts";
import { head, type Target } from "../threads/task.ts";
import { accumulator, type Lane, type Term } from "./row_reduction.ts";

/** A routine, and what it needs beside its operands. */
export interface RowRoutine {
  /** The module. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Rows of scratch. */
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
  { relaxed, memory }: Target,
): RowRoutine {
  const { uniform, list, scratch } = planRow(program);
  const routine = new Routine(2);
  const [task, room] = routine.parameters as [Local, Local];
  const operations = laneOperations(routine, relaxed);
  const inputs = program.inputs.length;
  const indices = inputs + program.outputs.length;
  const word = (index: number) => i32.load(task.get, 4 * (head + index));
  const integer = () => routine.local("i32");
  const vector = () => routine.local("v128");

  const [rows, cols, width, whole, i, j] = Array.from({ length: 6 }, integer) as Local[];
  const operands = motions.map((motion, k) => ({
    motion,
    base: integer(),
    rowStep: integer(),
    columnStep: integer(),
    // Memory runs along as an address, an index as four values.
    at: k < indices ? integer() : vector(),
  }));
  const lone = relaxed ? loneProducts(program) : new Set<Expr>();
  const values = new Map<Expr, Local>();
  /** Quotients whose divisor is the same for a whole row: multiplied by its inverse. */
  const inverses = new Map<Expr, Local>();
  const scalars = new Map<number, "f32" | "u32">();

  const valueOf = (e: Expr): Code => {
    if (e.op === "constant") {
      return e.kind === "f32" ? f32x4.of(e.attribute) : i32x4.of(e.attribute);
    }
    return values.get(e)!.get;
  };
  const termOf = (e: Expr): Term => {
    if (!lone.has(e)) return { value: valueOf(e), onto: (sum) => f32x4.add(valueOf(e), sum) };
    const [a, b] = e.args.map(valueOf) as [Code, Code];
    return { value: f32x4.mul(a, b), onto: (sum) => multiplyAdd(relaxed)(a, b, sum) };
  };
  const load = (operand: number, lane: Lane, copy: number): Code => {
    const { motion, base, columnStep, at } = operands[operand]!;
    const loads = loadsOf(formats[operand] ?? "f32", routine);
    if (lane === "row" || motion === "fixed") return loads.splat(base.get);
    if (motion === "unit") {
      const along = loads.bytes === 4 ? j!.get : i32.divide(j!.get, i32.of(2));
      const address = i32.add(base.get, along);
      return lane === "four" ? loads.four(address, 4 * loads.bytes * copy) : loads.splat(address);
    }
    if (lane === "one") return loads.splat(at.get);
    if (loads.bytes === 2) {
      const lanes = vector();
      return [0, 1, 2, 3].map((n) => {
        const value = loads.splat(i32.add(at.get, i32.mul(columnStep.get, i32.of(n))));
        const mine = i32x4.of(...[0, 1, 2, 3].map((lane) => lane === n ? 0xffffffff : 0));
        return lanes.set(v128.select(mine, value, lanes.get));
      }).concat(lanes.get);
    }
    return [1, 2, 3].reduce<Code>(
      (lanes, n) => v128.loadLane(i32.add(at.get, i32.mul(columnStep.get, i32.of(n))), lanes, n),
      v128.loadZero(at.get),
    );
  };
  const compute = (e: Expr, lane: Lane, copy: number): Code => {
    switch (e.op) {
      case "input":
        return load(e.attribute, varies(e) ? lane : "row", copy);
      case "old":
        return load(inputs + e.attribute, lane, copy);
      case "index": {
        const { base, at } = operands[indices + e.attribute]!;
        return varies(e) ? at.get : i32x4.splat(base.get);
      }
      case "scalar":
        scalars.set(e.attribute, e.kind as "f32" | "u32");
        return v128.loadSplat(task.get, 4 * (head + 2 + 3 * motions.length + e.attribute));
      case "columns":
        return f32x4.fromUnsigned(i32x4.splat(cols!.get));
      case "wordShift":
        return i32x4.shiftRight(valueOf(e.args[0]!), e.args[1]!.attribute);
      case "lt":
      case "le":
      case "eq":
        return compare(e.op, e.args[0]!.kind)(...e.args.map(valueOf));
      case "div":
        if (inverses.has(e)) return f32x4.mul(valueOf(e.args[0]!), inverses.get(e)!.get);
        return f32x4.div(...e.args.map(valueOf));
      case "constant":
      case "rowSum":
      case "rowMax":
        return valueOf(e);
      default:
        return operations[e.op](...e.args.map(valueOf));
    }
  };
  const declare = (e: Expr, lane: Lane, copy = 0): Code => {
    if (e.op === "constant") return [];
    let value = values.get(e);
    const code = compute(e, lane, copy);
    if (value === undefined) values.set(e, value = vector());
    return value.set(code);
  };
  const scratchAt = (slot: number) =>
    i32.add(i32.add(room.get, i32.mul(width!.get, i32.of(slot))), j!.get);
  const store = (operand: number, value: Code, lane: Lane, copy = 0): Code => {
    const { motion, base, columnStep, at } = operands[operand]!;
    if (lane === "row" || motion === "fixed") return v128.storeLane(base.get, value, 0);
    if (motion === "unit") {
      const address = i32.add(base.get, j!.get);
      return lane === "four"
        ? v128.store(address, value, 16 * copy)
        : v128.storeLane(address, value, 0);
    }
    if (lane === "one") return v128.storeLane(at.get, value, 0);
    return [0, 1, 2, 3].map((n) =>
      v128.storeLane(i32.add(at.get, i32.mul(columnStep.get, i32.of(n))), value, n)
    );
  };

  const renderPass = ({ row, columns, reductions, stored }: RowPass, pass: number): Code => {
    const before = [row.map((e) => declare(e, "row"))];
    if (reductions.length + stored.length === 0) return before;
    for (const e of columns) {
      if (e.op !== "div" || varies(e.args[1]!)) continue;
      const inverse = vector();
      inverses.set(e, inverse);
      before.push([inverse.set(f32x4.div(f32x4.of(1), valueOf(e.args[1]!)))]);
    }
    const moving = operands.filter(({ motion, at }, k) =>
      (at.type === "v128" &&
        columns.some((e) => e.op === "index" && e.attribute === k - indices)) ||
      (at.type === "i32" && motion === "step")
    );
    const element = (lane: "four" | "one", copy = 0): Code => [
      columns.map((e) => {
        if (lone.has(e)) return [];
        const slot = scratch.get(e);
        if (slot === undefined) return declare(e, lane, copy);
        const value = values.get(e) ?? vector();
        if (depth(e) < pass) {
          values.set(e, value);
          const address = scratchAt(slot);
          return value.set(
            lane === "four" ? v128.load(address, 16 * copy) : v128.loadSplat(address),
          );
        }
        const code = declare(e, lane, copy);
        const address = scratchAt(slot);
        return [
          code,
          lane === "four"
            ? v128.store(address, valueOf(e), 16 * copy)
            : v128.storeLane(address, valueOf(e), 0),
        ];
      }),
      reductions.map((e) => accumulators.get(e)!.add(termOf(e.args[0]!), lane, copy)),
      stored.map((k) => store(inputs + k, valueOf(program.outputs[k]!), lane, copy)),
      moving.map(({ at, columnStep }) => {
        const step = i32.mul(columnStep.get, i32.of(lane === "four" ? 4 : 1));
        return at.set(
          at.type === "i32" ? i32.add(at.get, step) : i32x4.add(at.get, i32x4.splat(step)),
        );
      }),
    ];
    const copies = unrolled(columns.filter((e) => !scratch.has(e) || depth(e) === pass));
    const accumulators = new Map(
      reductions.map((e) => [e, accumulator(e.op === "rowSum", routine, copies)]),
    );
    const all = [...accumulators.values()];
    const folds = all.flatMap(({ fold }) => fold ?? []);
    const [stop, together] = [integer(), integer()];
    const step = 16 * copies;
    const fours = (to: Code, from: Code) =>
      loop(j!, to, step, Array.from({ length: copies }, (_, n) => element("four", n)), from);
    return [
      before,
      all.map(({ start }) => start),
      moving.map(({ at, base, columnStep }) =>
        at.set(
          at.type === "i32" ? base.get : i32x4.add(
            i32x4.splat(base.get),
            i32x4.mul(i32x4.splat(columnStep.get), i32x4.of(0, 1, 2, 3)),
          ),
        )
      ),
      together.set(i32.and(width!.get, i32.of(-step))),
      folds.length === 0 ? fours(together.get, i32.of(0)) : loop(
        stop,
        together.get,
        4 * chunk,
        [fours(i32.least(i32.sum(stop.get, i32.of(4 * chunk)), together.get), stop.get), folds],
      ),
      copies === 1 ? [] : [
        loop(j!, whole!.get, 16, element("four"), together.get),
        folds,
      ],
      loop(j!, width!.get, 4, element("one"), whole!.get),
      reductions.map((e) => {
        const value = vector();
        values.set(e, value);
        return value.set(accumulators.get(e)!.result);
      }),
    ];
  };

  const start = [
    rows!.set(word(0)),
    cols!.set(word(1)),
    width!.set(i32.shiftLeft(cols!.get, i32.of(2))),
    whole!.set(i32.and(width!.get, i32.of(-16))),
    operands.map(({ base, rowStep, columnStep }, k) => [
      base.set(word(2 + 3 * k)),
      rowStep.set(word(3 + 3 * k)),
      columnStep.set(word(4 + 3 * k)),
    ]),
    uniform.map((e) => declare(e, "row")),
  ];
  const body = [
    start,
    loop(i!, rows!.get, 1, [
      list.map(renderPass),
      program.outputs.map((e, k) => varies(e) ? [] : store(inputs + k, valueOf(e), "row")),
      operands.map(({ base, rowStep }) => base.step(rowStep.get)),
    ]),
  ];
  return { bytes: routine.assemble(body, memory), scratch: scratch.size, scalars };
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
