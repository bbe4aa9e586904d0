/**
 * Renders a row program to a WebAssembly routine over `rows x columns`, four columns at a time; the
 * last columns of a row go one by one through the same vector code, of which lane 0 counts.
 *
 * @module
 */

import { depth, type Expr } from "../../../core/expr.ts";
import type { RowProgram } from "../../../core/program.ts";
import { type Motion, type Pass, passesOf, varies } from "../passes.ts";
import { type Code, f32x4, f64, i32, i32x4, type Local, loop, Routine, v128 } from "./assembler.ts";
import { laneOperations } from "./functions.ts";
import { type Format, loadsOf } from "./load.ts";
import { head, type Target } from "./task.ts";

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

/**
 * `formats` are those of the inputs. The task's words are rows, columns, then base, row step and column step of each operand (bytes
 * for memory, values for indices; in the order inputs, outputs, indices), then the scalars.
 */
export function renderRow(
  program: RowProgram,
  motions: readonly Motion[],
  formats: readonly Format[],
  { relaxed, memory }: Target,
): RowRoutine | undefined {
  const { uniform, list, scratch } = passesOf(program);
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
  const values = new Map<Expr, Local>();
  const scalars = new Map<number, "f32" | "u32">();
  let known = true;

  const valueOf = (e: Expr): Code => {
    if (e.op === "constant") {
      return e.kind === "f32" ? f32x4.of(e.attribute) : i32x4.of(e.attribute);
    }
    return values.get(e)!.get;
  };
  const load = (operand: number, lane: Lane): Code => {
    const { motion, base, columnStep, at } = operands[operand]!;
    const loads = loadsOf(formats[operand] ?? "f32", routine);
    if (lane === "row" || motion === "fixed") return loads.splat(base.get);
    if (motion === "unit") {
      const along = loads.bytes === 4 ? j!.get : i32.divide(j!.get, i32.of(2));
      const address = i32.add(base.get, along);
      return lane === "four" ? loads.four(address) : loads.splat(address);
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
  const compute = (e: Expr, lane: Lane): Code => {
    switch (e.op) {
      case "input":
        return load(e.attribute, varies(e) ? lane : "row");
      case "old":
        return load(inputs + e.attribute, lane);
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
      default: {
        const operation = operations[e.op];
        if (operation === undefined) known = false;
        return operation === undefined ? [] : operation(...e.args.map(valueOf));
      }
    }
  };
  const declare = (e: Expr, lane: Lane): Code => {
    if (e.op === "constant") return [];
    let value = values.get(e);
    const code = compute(e, lane);
    if (value === undefined) values.set(e, value = vector());
    return value.set(code);
  };
  const scratchAt = (slot: number) =>
    i32.add(i32.add(room.get, i32.mul(width!.get, i32.of(slot))), j!.get);
  const store = (operand: number, value: Code, lane: Lane): Code => {
    const { motion, base, columnStep, at } = operands[operand]!;
    if (lane === "row" || motion === "fixed") return v128.storeLane(base.get, value, 0);
    if (motion === "unit") {
      const address = i32.add(base.get, j!.get);
      return lane === "four" ? v128.store(address, value) : v128.storeLane(address, value, 0);
    }
    if (lane === "one") return v128.storeLane(at.get, value, 0);
    return [0, 1, 2, 3].map((n) =>
      v128.storeLane(i32.add(at.get, i32.mul(columnStep.get, i32.of(n))), value, n)
    );
  };

  const renderPass = ({ row, columns, reductions, stored }: Pass, pass: number): Code => {
    const before = row.map((e) => declare(e, "row"));
    if (reductions.length + stored.length === 0) return before;
    const moving = operands.filter(({ motion, at }, k) =>
      (at.type === "v128" &&
        columns.some((e) => e.op === "index" && e.attribute === k - indices)) ||
      (at.type === "i32" && motion === "step")
    );
    const element = (lane: "four" | "one"): Code => [
      columns.map((e) => {
        const slot = scratch.get(e);
        if (slot === undefined) return declare(e, lane);
        const value = values.get(e) ?? vector();
        if (depth(e) < pass) {
          values.set(e, value);
          const address = scratchAt(slot);
          return value.set(lane === "four" ? v128.load(address) : v128.loadSplat(address));
        }
        const code = declare(e, lane);
        const address = scratchAt(slot);
        return [
          code,
          lane === "four"
            ? v128.store(address, valueOf(e))
            : v128.storeLane(address, valueOf(e), 0),
        ];
      }),
      reductions.map((e) => accumulators.get(e)!.add(valueOf(e.args[0]!), lane)),
      stored.map((k) => store(inputs + k, valueOf(program.outputs[k]!), lane)),
      moving.map(({ at, columnStep }) => {
        const step = i32.mul(columnStep.get, i32.of(lane === "four" ? 4 : 1));
        return at.set(
          at.type === "i32" ? i32.add(at.get, step) : i32x4.add(at.get, i32x4.splat(step)),
        );
      }),
    ];
    const accumulators = new Map(
      reductions.map((e) => [e, accumulator(e.op === "rowSum", routine)]),
    );
    const all = [...accumulators.values()];
    const stop = integer();
    const four = element("four");
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
      all.some(({ fold }) => fold !== undefined)
        ? [
          // The outer loop steps by what the inner one has done.
          loop(stop, i32.of(0), whole!.get, i32.of(4 * chunk), [
            loop(
              j!,
              stop.get,
              i32.least(i32.add(stop.get, i32.of(4 * chunk)), whole!.get),
              i32.of(16),
              four,
            ),
            all.map(({ fold }) => fold ?? []),
          ]),
        ]
        : loop(j!, i32.of(0), whole!.get, i32.of(16), four),
      loop(j!, whole!.get, width!.get, i32.of(4), element("one")),
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
    loop(i!, i32.of(0), rows!.get, i32.of(1), [
      list.map(renderPass),
      program.outputs.map((e, k) => varies(e) ? [] : store(inputs + k, valueOf(e), "row")),
      operands.map(({ base, rowStep }) => base.step(rowStep.get)),
    ]),
  ];
  if (!known) return undefined;
  return { bytes: routine.assemble(body, memory), scratch: scratch.size, scalars };
}

/** Which columns a piece of code is for: none, four, or one. */
type Lane = "row" | "four" | "one";

function compare(op: "lt" | "le" | "eq", kind: Expr["kind"]) {
  const lanes = kind === "f32" ? f32x4 : i32x4;
  return { lt: lanes.less, le: lanes.atMost, eq: lanes.equal }[op];
}

/** A reduction under way: lanes apart; sums are folded into a double after every chunk. */
function accumulator(sums: boolean, routine: Routine) {
  const lanes = routine.local("v128");
  const swap = (order: number[]) => v128.shuffle(lanes.get, lanes.get, order);
  if (!sums) {
    const larger = (other: Code) => lanes.set(f32x4.max(lanes.get, other));
    return {
      start: lanes.set(f32x4.of(-3.4028234663852886e38)),
      add: (value: Code, lane: Lane) =>
        larger(lane === "four" ? value : f32x4.splat(f32x4.lane(value, 0))),
      fold: undefined,
      result: [larger(swap([2, 3, 0, 1])), larger(swap([1, 0, 3, 2])), lanes.get],
    };
  }
  const total = routine.local("f64");
  const join = (value: Code) => total.set(f64.add(total.get, f64.promote(f32x4.lane(value, 0))));
  return {
    start: [total.set(f64.of(0)), lanes.set(f32x4.of(0))],
    add: (value: Code, lane: Lane) =>
      lane === "four" ? lanes.set(f32x4.add(lanes.get, value)) : join(value),
    fold: [
      lanes.set(f32x4.add(lanes.get, swap([2, 3, 0, 1]))),
      join(f32x4.add(lanes.get, swap([1, 0, 3, 2]))),
      lanes.set(f32x4.of(0)),
    ],
    result: f32x4.splat(f64.demote(total.get)),
  };
}
