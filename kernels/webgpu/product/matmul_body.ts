/**
 * The loops of a product, as straight-line code: the compiler guards loops and does not unroll
 * them, so accumulators are named and the inner tile is written out.
 *
 * @module
 */

import type { Dtype } from "../../../core/dtype.ts";
import {
  type Access,
  type Block,
  declareBlock,
  type ElementText,
  fetchBlock,
  vectorOf,
} from "./operand_layout.ts";
import { groupOf, type MatmulVariant, turnOf } from "./variant.ts";

/** What the text of a body depends on. */
export interface BodyText {
  /** Tiles and lanes of the kernel. */
  readonly variant: MatmulVariant;
  /** How A and B are read. */
  readonly read: readonly [Access, Access];
  /** WGSL types of A and B. */
  readonly dtypes: readonly [Dtype, Dtype];
  /** Whether the inner axis ends with a whole turn. */
  readonly even: boolean;
  /** Axes before rows and columns. */
  readonly rank: number;
  /** Text of an operand's step along an axis. */
  readonly place: ElementText;
  /** Text of the sizes of M and N. */
  readonly limits: readonly [string, string];
}

/** Declarations of workgroup memory, and the statements of the body. */
export interface Body {
  /** Declarations in front of the entry point. */
  readonly shared: string;
  /** Statements; they read `tx`, `ty`, `lane`, `m0`, `n0` and `depth`. */
  readonly lines: readonly string[];
}

/** An invocation's rows (columns), in groups of four spread over the tile. */
function groupsOf(own: number, tile: number, lane: string): string[] {
  const groups = own / 4;
  return Array.from({ length: groups }, (_, g) => `${g * tile / groups} + ${lane} * 4`);
}

function accumulators([tm, tn]: readonly [number, number]): string[] {
  return Array.from({ length: tm }, (_, i) => i)
    .flatMap((i) => Array.from({ length: tn / 4 }, (_, j) => `var c${i}_${j} = vec4<f32>();`));
}

/** c[i] += x[i] y, for vectors x along rows and y along columns. */
function multiply(xs: readonly string[], ys: readonly string[]): string[] {
  const lines = [
    ...xs.map((x, g) => `let x${g} = ${x};`),
    ...ys.map((y, g) => `let y${g} = ${y};`),
  ];
  for (let i = 0; i < xs.length * 4; i++) {
    ys.forEach((_, j) => {
      const c = `c${i}_${j}`;
      lines.push(`${c} = fma(vec4<f32>(x${i >> 2}.${"xyzw"[i & 3]}), y${j}, ${c});`);
    });
  }
  return ["{", ...lines, "}"];
}

function finishes({ own: [tm, tn], tile: [bm, bn] }: MatmulVariant): string[] {
  return groupsOf(tm, bm, "ty").flatMap((row, g) =>
    [0, 1, 2, 3].flatMap((i) =>
      groupsOf(tn, bn, "tx").map((column, j) =>
        `finish(c${g * 4 + i}_${j}, m0 + ${row} + ${i}, n0 + ${column});`
      )
    )
  );
}

/** Renders the body of a variant. */
export function renderBody(text: BodyText): Body {
  return text.variant.depth > 0 ? tiledBody(text) : directBody(text);
}

const axesOf = (operand: 0 | 1, rank: number): [number, number] =>
  operand === 0 ? [rank, rank + 1] : [rank + 1, rank];

/** A block of a tile that one invocation brings in. */
interface Part extends Block {
  readonly tile: string;
  readonly guard: string;
  /** Text of its place along the inner and the outer axis, in blocks. */
  readonly inner: string;
  readonly outer: string;
}

function partsOf(text: BodyText, operand: 0 | 1): Part[] {
  const { variant, read, dtypes, even } = text;
  const [gx, gy] = groupOf(variant);
  const threads = gx * gy;
  const access = read[operand];
  const [across, along] = [variant.tile[operand]! / 4, variant.depth / 4];
  const blocks = across * along;
  return Array.from({ length: Math.ceil(blocks / threads) }, (_, part): Part => {
    const block = `(t + ${part * threads})`;
    // Neighbouring invocations read along the axis that is contiguous in memory.
    const [inner, outer] = access.run === "inner"
      ? [`${block} % ${along}`, `${block} / ${along}`]
      : [`${block} / ${across}`, `${block} % ${across}`];
    const id = `${"AB"[operand]}${part}`;
    const rest = blocks - part * threads;
    const guard = rest < threads ? `if (t < ${rest}) ` : "";
    return {
      id,
      operand,
      access,
      dtype: dtypes[operand],
      even,
      tile: `tile${"AB"[operand]}`,
      guard,
      inner,
      outer,
    };
  });
}

/** Tiles in workgroup memory; the next tile is on its way from memory while one is multiplied. */
function tiledBody(text: BodyText): Body {
  const { variant, rank, place, limits } = text;
  const { tile: [bm, bn], own: [tm, tn], depth: bk } = variant;
  const parts = ([0, 1] as const).flatMap((operand) => partsOf(text, operand));
  const lines = [`let t = ty * ${groupOf(variant)[0]} + tx;`, ...accumulators(variant.own)];
  for (const part of parts) {
    const { id, inner, outer, operand } = part;
    const origin = operand === 0 ? "m0" : "n0";
    lines.push(
      `let k${id} = ${inner}; let o${id} = ${outer};`,
      ...declareBlock(
        part,
        `${origin} + o${id} * 4`,
        limits[operand],
        place,
        axesOf(operand, rank),
      ),
    );
  }
  const fetch = (k: string) => parts.flatMap((part) => fetchBlock(part, `${k} + k${part.id} * 4`));
  const store = parts.flatMap((part) => [
    `${part.guard}{`,
    ...[0, 1, 2, 3].map((c) =>
      `${part.tile}[k${part.id} * 4 + ${c}][o${part.id}] = ${vectorOf(part, c)};`
    ),
    "}",
  ]);
  // The first index is a constant and the second the same in every turn: both are checked once.
  const compute = Array.from({ length: bk }, (_, kk) =>
    multiply(
      groupsOf(tm, bm, "ty").map((_, g) => `tileA[${kk}][${g * bm / tm} + ty]`),
      groupsOf(tn, bn, "tx").map((_, g) => `tileB[${kk}][${g * bn / tn} + tx]`),
    )).flat();
  lines.push(
    ...fetch("0"),
    `for (var k0 = 0; k0 < depth; k0 += ${bk}) {`,
    ...store,
    "workgroupBarrier();",
    `if (k0 + ${bk} < depth) {`,
    ...fetch(`k0 + ${bk}`),
    "}",
    ...compute,
    "workgroupBarrier();",
    "}",
    ...finishes(variant),
  );
  const tile = (name: string, width: number) =>
    `var<workgroup> tile${name}: array<array<vec4<f32>, ${width / 4}>, ${bk}>;`;
  return { shared: `${tile("A", bm)}\n${tile("B", bn)}`, lines };
}

/** No tiles: each invocation reads its own blocks; lanes add up what they found. */
function directBody(text: BodyText): Body {
  const { variant, read, dtypes, even, rank, place, limits } = text;
  const { tile: [bm, bn], own: [tm, tn], lanes } = variant;
  const lines = accumulators(variant.own);
  const block = (operand: 0 | 1, g: number): Block => ({
    id: `${"AB"[operand]}${g}`,
    operand,
    access: read[operand],
    dtype: dtypes[operand],
    even,
  });
  const declared = (operand: 0 | 1) =>
    groupsOf([tm, tn][operand]!, [bm, bn][operand]!, ["ty", "tx"][operand]!).map((at, g) => {
      const own = block(operand, g);
      const first = `${["m0", "n0"][operand]} + ${at}`;
      lines.push(...declareBlock(own, first, limits[operand], place, axesOf(operand, rank)));
      return own;
    });
  const [as, bs] = [declared(0), declared(1)];
  const step = turnOf(variant) * lanes;
  lines.push(`for (var k0 = lane * 4; k0 < depth; k0 += ${step}) {`);
  for (const own of [...as, ...bs]) lines.push(...fetchBlock(own, "k0"));
  for (let c = 0; c < 4; c++) {
    lines.push(...multiply(as.map((a) => vectorOf(a, c)), bs.map((b) => vectorOf(b, c))));
  }
  lines.push("}");
  if (lanes === 1) return { shared: "", lines: [...lines, ...finishes(variant)] };
  const [gx, gy] = groupOf(variant);
  const vectors = tm * tn / 4;
  const names = Array.from(
    { length: vectors },
    (_, v) => `c${Math.floor(v / (tn / 4))}_${v % (tn / 4)}`,
  );
  lines.push(`let own = ty * ${gx} + tx;`);
  for (let half = lanes / 2; half >= 1; half /= 2) {
    const place = (v: number, lane: string) => `sums[${v}][${lane} * ${gx * gy} + own]`;
    lines.push(
      `if (lane >= ${half} && lane < ${2 * half}) {`,
      ...names.map((name, v) => `${place(v, `(lane - ${half})`)} = ${name};`),
      "}",
      "workgroupBarrier();",
      `if (lane < ${half}) {`,
      ...names.map((name, v) => `${name} += ${place(v, "lane")};`),
      "}",
      "workgroupBarrier();",
    );
  }
  lines.push("if (lane == 0) {", ...finishes(variant), "}");
  const count = gx * gy * lanes / 2;
  return { shared: `var<workgroup> sums: array<array<vec4<f32>, ${count}>, ${vectors}>;`, lines };
}
