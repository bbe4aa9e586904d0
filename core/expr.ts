/**
 * Scalar expressions: what one element of an operation computes, as an immutable graph of interned
 * nodes. Reductions over a row are nodes like any other, so maps, softmax, norms and losses are one
 * kind of program. Not here: how a node is rendered or differentiated (`scalar.ts`, `derive.ts`).
 *
 * @module
 */

import type { Kind } from "./dtype.ts";
import type { ExprOp, ScalarOp, UnaryOp } from "./operations.ts";

/**
 * Where a value varies: 0 nowhere, 1 from row to row, 2 from column to column, 3 along both. Asked by
 * {@linkcode variesByRow} and {@linkcode variesByColumn}.
 */
export type Level = 0 | 1 | 2 | 3;

/** An expression of kind `f32`. */
export type Float = Expr<"f32">;
/** An expression of kind `u32`. */
export type Word = Expr<"u32">;
/** An expression of kind `bool`. */
export type Bool = Expr<"bool">;

let serial = 0;
const interned = new Map<string, Expr>();

/** One node; equal structure is the same object, so identity is equality. */
export class Expr<K extends Kind = Kind> {
  /** Makes kinds incompatible in TypeScript without a field at run time. */
  declare protected readonly brand: K;
  /** Number of this node, unique in the process. */
  readonly id: number = serial++;

  /**
   * Made by {@linkcode node}, which keeps equal nodes one.
   *
   * @param op What the node is
   * @param args Operands
   * @param kind Type of the value
   * @param level Where the value varies
   * @param attribute Constant or slot number of a leaf
   */
  constructor(
    readonly op: ExprOp,
    readonly args: readonly Expr[],
    readonly kind: K,
    readonly level: Level,
    readonly attribute: number,
  ) {}

  /** Sum; a summand of 0 leaves no node. */
  add(other: Float | number): Float {
    const [a, b] = [this as unknown as Float, float(other)];
    if (isConstant(a, 0)) return b;
    return isConstant(b, 0) ? a : fold("add", a, b, (x, y) => x + y);
  }
  /** Difference; taking 0 off leaves no node. */
  sub(other: Float | number): Float {
    const [a, b] = [this as unknown as Float, float(other)];
    if (isConstant(a, 0)) return b.neg();
    return isConstant(b, 0) ? a : fold("sub", a, b, (x, y) => x - y);
  }
  /** Product; a factor of 1 leaves no node. One of 0 does: infinities times 0 are NaN. */
  mul(other: Float | number): Float {
    const [a, b] = [this as unknown as Float, float(other)];
    if (isConstant(a, 1)) return b;
    return isConstant(b, 1) ? a : fold("mul", a, b, (x, y) => x * y);
  }
  /** Quotient; a divisor of 1 leaves no node. */
  div(other: Float | number): Float {
    const [a, b] = [this as unknown as Float, float(other)];
    return isConstant(b, 1) ? a : fold("div", a, b, (x, y) => x / y);
  }
  /** Negation; done twice it gives the value back. */
  neg(): Float {
    if (this.op === "neg") return this.args[0] as Float;
    return this.op === "constant" ? float(-this.attribute) : this.unary("neg");
  }
  /** A scalar function of one argument, by its row in the scalar table. */
  unary(op: UnaryOp): Float {
    return node(op, [this], "f32");
  }
  /** A comparison of two values of the same kind: `lt`, `le` or `eq`. */
  compare(op: "lt" | "le" | "eq", other: Expr | number): Bool {
    return node(op, [this, typeof other === "number" ? literal(this.kind, other) : other], "bool");
  }
  /** `this` where it is true, otherwise `other`; both are booleans. */
  and(other: Bool): Bool {
    return node("and", [this, other], "bool");
  }
  /** Whether the boolean is false. */
  not(): Bool {
    return node("not", [this], "bool");
  }
}

/** Finds or makes the node; the level follows from the operands. */
export function node<K extends Kind>(
  op: ExprOp,
  args: readonly Expr[],
  kind: K,
  attribute = 0,
  level: Level = args.reduce<number>((all, arg) => all | arg.level, 0) as Level,
): Expr<K> {
  const key = `${op}|${kind}|${level}|${attribute}|${args.map((arg) => arg.id).join()}`;
  let found = interned.get(key) as Expr<K> | undefined;
  if (found === undefined) interned.set(key, found = new Expr(op, args, kind, level, attribute));
  return found;
}

/** Whether the value differs from column to column of a row. */
export function variesByColumn(e: Expr): boolean {
  return (e.level & 2) !== 0;
}

/** Whether the value differs from row to row. */
export function variesByRow(e: Expr): boolean {
  return (e.level & 1) !== 0;
}

function isConstant(e: Expr, value: number): boolean {
  return e.op === "constant" && e.attribute === value;
}

function fold(op: ScalarOp, a: Float, b: Float, compute: (x: number, y: number) => number): Float {
  if (a.op === "constant" && b.op === "constant") return float(compute(a.attribute, b.attribute));
  return node(op, [a, b], "f32");
}

function literal(kind: Kind, value: number): Expr {
  return node("constant", [], kind, finite(value));
}

/** Shading languages refuse constants that overflow 32 bits. */
function finite(value: number): number {
  if (!Number.isFinite(Math.fround(value))) {
    throw new TypeError(`Cannot use ${value} as a constant as it must be finite in 32 bits`);
  }
  return value;
}

/** A float constant, or the expression itself. */
export function float(value: Float | number): Float {
  return typeof value === "number" ? literal("f32", value) as Float : value;
}
/** A constant for every element of an output: it fills memory. */
export function filled(value: number): Float {
  return node("constant", [], "f32", finite(value), 3);
}
/** A number given at each run, which may be infinite, for every element of an output. */
export function filledBy(slot: number): Float {
  return node("scalar", [], "f32", slot, 3);
}
/** An unsigned 32-bit constant. */
export function word(value: number): Word {
  return literal("u32", value) as Word;
}
/** Element of the operation's `slot`-th input. */
export function input<K extends "f32" | "u32">(slot: number, kind: K, level: Level): Expr<K> {
  return node("input", [], kind, slot, level);
}
/** A number given at each run: sizes, rates, step sizes and keys never enter a program's text. */
export function scalar<K extends "f32" | "u32">(slot: number, kind: K): Expr<K> {
  return node("scalar", [], kind, slot);
}
/** An affine function of the coordinates (offset and strides are given at each run). */
export function index(slot: number, level: Level): Word {
  return node("index", [], "u32", slot, level);
}
/** Length of the row. */
export const columns: Float = node("columns", [], "f32");
/** What the `slot`-th output held before the run: an update in place. */
export function old(slot: number): Float {
  return node("old", [], "f32", slot, 3);
}

/** Whether a float is not NaN. */
export function isNumber(a: Float): Bool {
  return a.compare("eq", a);
}

/** `a` where the condition holds, otherwise `b`. */
export function select<K extends Kind>(condition: Bool, a: Expr<K>, b: Expr<K>): Expr<K> {
  return a === b ? a : node("select", [condition, a, b], a.kind);
}
/** The larger of two floats, NaN where one of them is: IEEE's maximum. */
export function larger(a: Float, b: Float): Float {
  return node("max", [a, b], "f32");
}
/** A word as a float. */
export function toFloat(a: Word): Float {
  return node("toFloat", [a], "f32");
}
/** A float that is not negative as a word, without its fraction. */
export function toWord(a: Float): Word {
  return node("toWord", [a], "u32");
}
/** Sum of two words, modulo 2^32. */
export function addWords(a: Word, b: Word): Word {
  return node("wordAdd", [a, b], "u32");
}
/** Difference of two words, modulo 2^32. */
export function subtractWords(a: Word, b: Word): Word {
  return node("wordSubtract", [a, b], "u32");
}
/** Product of two words, modulo 2^32. */
export function multiplyWords(a: Word, b: Word): Word {
  return node("wordMultiply", [a, b], "u32");
}
/** `a >> bits`, filling with zeros. */
export function shiftRight(a: Word, bits: number): Word {
  return node("wordShift", [a, word(bits)], "u32");
}
/** One word of Threefry-2x32-20: block `(first, position >> 1)`, word `position & 1`. */
export function draw(key: readonly [Word, Word], first: Word, position: Word): Word {
  return node("draw", [key[0], key[1], first, position], "u32");
}
/** The value, through which no derivative flows: the paper's NoGrad. */
export function stop(a: Float): Float {
  return a.op === "stop" || a.op === "constant" ? a : node("stop", [a], "f32");
}

/** Reductions nested in the expression: the passes over a row it takes. */
export function depth(e: Expr): number {
  const known = depths.get(e);
  if (known !== undefined) return known;
  const inner = e.args.reduce((most, arg) => Math.max(most, depth(arg)), 0);
  const value = isReduction(e) ? inner + 1 : inner;
  depths.set(e, value);
  return value;
}
const depths = new WeakMap<Expr, number>();

/** Whether the node reduces a row to one value. */
export function isReduction(e: Expr): boolean {
  return e.op === "rowSum" || e.op === "rowMax";
}

/**
 * Largest value of the row, -Infinity where there is none; differentiable only under {@linkcode stop}.
 * NaN is passed over or handed on, as the backend likes: whoever needs one of them asks for
 * {@linkcode isNumber}.
 */
export function rowMax(a: Float): Float {
  return !variesByColumn(a) ? a : node("rowMax", [a], "f32", 0, variesByRow(a) ? 1 : 0);
}

/** Sum of the row; factors that do not vary along it are moved out, so derived passes stay few. */
export function rowSum(a: Float): Float {
  if (!variesByColumn(a)) return a.mul(columns);
  const [x, y] = a.args as readonly Float[];
  if (x !== undefined && y !== undefined) {
    if (a.op === "mul" && !variesByColumn(x)) return x.mul(rowSum(y));
    if (a.op === "mul" && !variesByColumn(y)) return y.mul(rowSum(x));
    if (a.op === "div" && !variesByColumn(y)) return rowSum(x).div(y);
    if (a.op === "add" || a.op === "sub") {
      const apart = a.op === "add" ? rowSum(x).add(rowSum(y)) : rowSum(x).sub(rowSum(y));
      if (depth(apart) < depth(a) + 1) return apart;
    }
  }
  if (a.op === "neg") return rowSum(x!).neg();
  return node("rowSum", [a], "f32", 0, variesByRow(a) ? 1 : 0);
}

/** Rebuilds the expression with nodes replaced. */
export function substitute(e: Expr, replacements: ReadonlyMap<Expr, Expr>): Expr {
  const done = new Map<Expr, Expr>(replacements);
  const visit = (n: Expr): Expr => {
    let result = done.get(n);
    if (result === undefined) {
      const args = n.args.map(visit);
      const same = args.every((arg, i) => arg === n.args[i]);
      if (same) result = n;
      else if (n.op === "rowSum") result = rowSum(args[0] as Float);
      else if (n.op === "rowMax") result = rowMax(args[0] as Float);
      else result = node(n.op, args, n.kind, n.attribute);
      done.set(n, result);
    }
    return result;
  };
  return visit(e);
}

/** Every node below the roots, operands before users. */
export function topological(roots: readonly Expr[]): Expr[] {
  const order: Expr[] = [];
  const seen = new Set<Expr>();
  const visit = (n: Expr): void => {
    if (seen.has(n)) return;
    seen.add(n);
    n.args.forEach(visit);
    order.push(n);
  };
  roots.forEach(visit);
  return order;
}
