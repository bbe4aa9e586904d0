/**
 * Where a workgroup of attention works: its parameters, its head and rows, and which of these are an
 * invocation's.
 *
 * @module
 */

import { type AttentionProgram, attentionScale } from "../../../core/program.ts";
import { attentionSlots, stepAxes } from "../../plan/attention.ts";
import { groupNumber } from "../queue/launch.ts";
import { parameter, Parameters } from "../shader.ts";
import { depthOf, invocationsOf, turnRows, workgroupArrays } from "./attention_policy.ts";
import type { PassShape } from "./pass_shape.ts";

/** Sizes that a pass is given, in their order. */
const sizes = ["keyHeads", "group", "queries", "keys", "tiles", "heads", "rows"] as const;
/** One of them. */
export type PassSize = (typeof sizes)[number];

/** Names of vector components. */
export const components = ["x", "y", "z", "w"] as const;

/** Numbers from 0 to `count` - 1. */
export function upTo(count: number): number[] {
  return Array.from({ length: count }, (_, i) => i);
}

/** What all parts of a pass share. */
export class AttentionText {
  readonly #places = new Parameters();
  readonly #sizes: number;
  readonly #operands: number;
  readonly #scalars: number;
  /** Statements of the entry point, in order. */
  readonly lines: string[] = [];
  /** Invocations of a workgroup, and how many of them go along rows. */
  readonly invocations: number;
  readonly down: number;
  /** Rows of the other side in a turn. */
  readonly turn: number;
  /** Inner elements of a product over a head, and over a turn, that are staged at once. */
  readonly depth: number;
  readonly steps: number;
  /** Fours of rows, of a turn's scores and of a head that an invocation has. */
  readonly fours: Readonly<Record<"own" | "across" | "units", number>>;

  /** @param shape Tiles and sizes */
  constructor(readonly program: AttentionProgram, readonly shape: PassShape) {
    const { tiles, size, operands } = shape;
    const { scalars, indices } = attentionSlots(program);
    this.#sizes = this.#places.take(sizes.length);
    this.#operands = this.#places.take((operands + indices) * (1 + stepAxes));
    this.#scalars = this.#places.take(scalars.length);
    this.invocations = invocationsOf(tiles, size);
    this.down = tiles.rows / tiles.own;
    this.turn = turnRows(tiles, size);
    this.depth = depthOf(size, tiles.depth);
    this.steps = depthOf(this.turn, tiles.depth);
    this.fours = { own: tiles.own / 4, across: tiles.across / 4, units: tiles.units / 4 };
  }

  /** Adds statements. */
  add(...lines: string[]): void {
    this.lines.push(...lines);
  }

  /** A size: of axes, the tiles of a head, all heads that have workgroups, or the rows of all. */
  size(name: PassSize): string {
    return parameter(this.#sizes + sizes.indexOf(name));
  }

  /** First element of an operand; indices come after those in memory. */
  offset(operand: number): string {
    return parameter(this.#operands + operand * (1 + stepAxes));
  }

  /** Step of an operand along an axis. */
  step(operand: number, axis: number): string {
    return parameter(this.#operands + operand * (1 + stepAxes) + 1 + axis);
  }

  /** A number given at the run. */
  scalar(slot: number, kind: string): string {
    return `bitcast<${kind === "f32" ? "f32" : "u32"}>(${parameter(this.#scalars + slot)})`;
  }

  /** Factor of the scores. */
  get scale(): string {
    return this.scalar(attentionScale, "f32");
  }

  /** Number of inputs; outputs follow them. */
  get inputs(): number {
    return this.shape.operands - (this.program.pass === "gradient" ? 3 : 2);
  }

  /** Declaration of the parameters. */
  parameters(): string {
    return this.#places.declaration();
  }

  /** Workgroup memory. */
  shared(): string {
    const { tiles, size } = this.shape;
    const arrays = Object.entries(workgroupArrays(tiles, size));
    return arrays.filter(([, [rows]]) => rows > 0).map(([name, [rows, columns]]) =>
      `var<workgroup> ${name}: array<array<vec4<f32>, ${columns}>, ${rows}>;`
    ).join("\n");
  }

  /**
   * Finds the head and the first row of the workgroup, and the place of the invocation. Where keys own the
   * workgroup, `group` and the `number` of the head are those of the queries that pass by.
   */
  begin(): void {
    const { program: { pass, masks: { causal } }, shape: { tiles } } = this;
    const [heads, count] = [this.size("heads"), this.size("tiles")];
    const byKeys = pass === "keys" || pass === "gradient";
    // Where some have more to see than others, those of all heads begin first.
    const [own, tile] = causal ? ["%", "/"].map((by) => `block ${by} ${heads}`) : [
      `block / ${count}`,
      `block % ${count}`,
    ];
    this.add(
      `let block = i32(${groupNumber});`,
      `if (block >= ${heads} * ${count}) { return; }`,
      `let ${byKeys ? "keyNumber" : "number"} = ${own};`,
      `let first = ${causal && !byKeys ? `(${count} - 1 - ${tile})` : tile} * ${tiles.rows};`,
      ...byKeys ? [] : [
        `let group = number % ${this.size("group")};`,
        `let keyNumber = number / ${this.size("group")};`,
      ],
      `let keyHead = keyNumber % ${this.size("keyHeads")};`,
      `let batch = keyNumber / ${this.size("keyHeads")};`,
      "let t = i32(lid);",
      // Neighbours have neighbouring rows, which lie side by side in workgroup memory.
      `let down = t % ${this.down};`,
      `let along = t / ${this.down};`,
    );
  }

  /** First element of a head; `group` is in scope where the operand steps along it. */
  base(operand: number, grouped: boolean): string {
    const coordinates = ["batch", "keyHead", ...grouped ? ["group"] : []];
    const terms = coordinates.map((at, axis) => ` + ${at} * ${this.step(operand, axis)}`);
    return `${this.offset(operand)}${terms.join("")}`;
  }

  /** Row `i` of the invocation within the workgroup's. */
  row(i: number): string {
    return `${(i >> 2) * (this.shape.tiles.rows / this.fours.own)} + down * 4 + ${i & 3}`;
  }

  /** Place of rows `4 g` to `4 g + 3` of the invocation among vectors of rows. */
  rowVector(g: number): string {
    return `${g * (this.shape.tiles.rows / 4 / this.fours.own)} + down`;
  }

  /** Place of the invocation's four columns `j` among vectors of a turn, or of a head. */
  columnVector(kind: "across" | "units", j: number): string {
    const length = kind === "across" ? this.turn : this.shape.size;
    return `${j * (length / 4 / this.fours[kind])} + along`;
  }

  /** Joins a vector of each four rows of all invocations that share them. */
  join(name: string, combine: (a: string, b: string) => string): void {
    const { size, tiles } = this.shape;
    const across = size / tiles.units;
    const groups = upTo(this.fours.own);
    this.add(
      ...groups.map((g) => `left[along][${this.rowVector(g)}] = ${name}${g};`),
      "workgroupBarrier();",
      ...groups.flatMap((g) => [
        `${name}${g} = left[0][${this.rowVector(g)}];`,
        ...upTo(across - 1).map((q) =>
          `${name}${g} = ${combine(`${name}${g}`, `left[${q + 1}][${this.rowVector(g)}]`)};`
        ),
      ]),
      "workgroupBarrier();",
    );
  }
}
