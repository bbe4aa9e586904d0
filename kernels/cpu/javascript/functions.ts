/**
 * Functions that generated loops call: the random word and the error function.
 *
 * @module
 */

import { threefryBlock, type Words } from "../../../core/threefry.ts";

/** `(k0, k1, first, position)` to a random word. */
export type Draw = (k0: number, k1: number, first: number, position: number) => number;

let draw: Draw | undefined;

/**
 * One word of a Threefry-2x32-20 block. Unrolled, as it runs once for each element of a mask; made
 * when asked for, as pages may forbid generated code.
 */
export function drawFunction(): Draw {
  return draw ??= new Function("k0", "k1", "first", "position", drawText()) as Draw;
}

function drawText(): string {
  const lines = ["let k2, x, y;"];
  const words: Words<string> = {
    of: String,
    add: (a, b) => `(${a} + ${b} | 0)`,
    xor: (a, b) => `(${a} ^ ${b})`,
    rotateLeft: (a, bits) => `(${a} << ${bits} | ${a} >>> ${32 - bits})`,
    assign: (variable, value) => {
      lines.push(`${variable} = ${value};`);
      return variable;
    },
  };
  const [x, y] = threefryBlock(words, ["k0", "k1"], ["first", "(position >>> 1)"]);
  lines.push(`return ((position & 1) === 0 ? ${x} : ${y}) >>> 0;`);
  return lines.join("\n");
}

const nodesPerUnit = 16;
const terms = 11;
const limit = 6;
const table = erfTable();

/** Taylor coefficients of erf around each node, by the recurrence of its derivatives. */
function erfTable(): Float64Array {
  const out = new Float64Array((limit * nodesPerUnit + 1) * terms);
  for (let node = 0; node <= limit * nodesPerUnit; node++) {
    const x = node / nodesPerUnit;
    // erf(x) = 2x/sqrt(pi) exp(-x²) Σ (2x²)^n / (2n+1)!!, whose terms are all positive.
    let sum = 0;
    for (let n = 0, term = 1; term > sum * 1e-18; n++, term *= (2 * x * x) / (2 * n + 1)) {
      sum += term;
    }
    const slope = 2 / Math.sqrt(Math.PI) * Math.exp(-x * x);
    const c = [slope * x * sum, slope];
    // f'' = -2x f', so (n+2)(n+1) c[n+2] = -2 (x (n+1) c[n+1] + n c[n]).
    for (let n = 0; n + 2 < terms; n++) {
      const next = n === 0 ? x * c[1]! : x * (n + 1) * c[n + 1]! + n * c[n]!;
      c.push(-2 * next / ((n + 2) * (n + 1)));
    }
    out.set(c, node * terms);
  }
  return out;
}

/** Error function, accurate to about 1e-16. */
export function erfDouble(x: number): number {
  const a = Math.abs(x);
  if (!(a < limit)) return Math.sign(x);
  const node = Math.round(a * nodesPerUnit);
  const h = a - node / nodesPerUnit;
  const base = node * terms;
  let y = table[base + terms - 1]!;
  for (let n = terms - 2; n >= 0; n--) y = y * h + table[base + n]!;
  return x < 0 ? -y : y;
}
