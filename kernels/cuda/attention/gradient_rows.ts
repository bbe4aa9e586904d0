/**
 * Values of the rows in the gradient: registers of a block that owns queries, or shared memory where
 * queries pass by.
 *
 * @module
 */

import { queryAxis, type RowValue, rowValuesOf } from "../../plan/attention.ts";
import { loadRun } from "../ptx/memory.ts";
import { floatText } from "../ptx/text.ts";
import type { AttentionFrame } from "./frame.ts";
import type { ElementPlace } from "./element_place.ts";
import { loadOwn, rowAddress, storeWords, valueAddress } from "./row_values.ts";
import { joinQuad } from "./softmax_steps.ts";
import type { TurnPlace } from "./turn_loop.ts";

/** Values of a row, and the product of its gradient and result. */
type GradientValue = RowValue | "product";

/** Operands of the row values, and of what each of the two passes has beside them. */
const [gradient, values, beside] = [3, 4, 5];

/** Reads row values. */
export class GradientRows {
  readonly #frame: AttentionFrame;
  readonly #names: readonly GradientValue[];
  readonly #own = new Map<GradientValue, readonly string[]>();
  readonly #byColumn = new Map<string, string>();
  #stage = "";

  /** @param place Bytes from the beginning of a stage to the values of its rows */
  constructor(frame: AttentionFrame, readonly place: number) {
    this.#frame = frame;
    this.#names = [...rowValuesOf(frame.program.masks), "product"];
  }

  get #passing(): boolean {
    return this.#frame.program.pass === "keys";
  }

  /** Bytes of a stage that they take. */
  get bytes(): number {
    return this.#passing ? this.#names.length * 4 * this.#frame.shape.turn : 0;
  }

  /** Loads those of the block's own rows, and stores what the other pass needs beside them. */
  own(): void {
    const frame = this.#frame;
    const base = rowAddress(frame, values, frame.firstHead);
    for (const name of this.#names) {
      if (name === "product") continue;
      const address = valueAddress(frame, base, name);
      this.#own.set(name, loadOwn(frame, address, name === "tests" ? "b32" : "f32"));
    }
    const products = this.#products();
    this.#own.set("product", products);
    storeWords(frame, rowAddress(frame, frame.inputs + 1, frame.firstHead), products);
  }

  /** Products of gradient and result, of the lane's two rows: four lanes go along each. */
  #products(): string[] {
    const { text, quad, shape: { size, dtypes } } = this.#frame;
    const bases = [gradient, beside].map((operand) =>
      [operand, this.#frame.base(operand)] as const
    );
    const last = text.into("b32", "sub.u32", this.#frame.size("queries"), 1);
    const whole = size - size % 16;
    return this.#frame.ownRows().map((row) => {
      const within = text.into("b32", "min.u32", row, last);
      const sum = text.into("f32", "mov.f32", floatText(0));
      const elements = bases.map(([operand, base]) => {
        const step = this.#frame.step(operand, queryAxis);
        const start = text.into("b64", "mad.wide.s32", within, step, base);
        const bytes = this.#frame.bytes(operand);
        const run = (from: number, count: number) => {
          const own = text.into("b64", "mad.wide.u32", quad, count * bytes, start);
          return loadRun(text, dtypes[operand]!, `[${own}+${from * bytes}]`, count);
        };
        const fours = Array.from({ length: whole / 16 }, (_, i) => run(16 * i, 4));
        const ones = whole < size ? [run(whole, 1), run(whole + 4, 1)] : [];
        return [...fours, ...ones].flat();
      });
      elements[0]!.forEach((a, i) =>
        text.add(`fma.rn.f32 ${sum}, ${a}, ${elements[1]![i]}, ${sum}`)
      );
      joinQuad(text, "add.rn.f32", sum);
      return sum;
    });
  }

  /** Copies those of a turn. */
  copy({ stage, row, number }: TurnPlace, limit: string): void {
    if (!this.#passing) return;
    const { text, thread, shape: { turn } } = this.#frame;
    const own = text.into("b32", "add.u32", row, thread);
    const within = text.into("pred", "setp.lt.s32", own, limit);
    const size = text.into("b32", "selp.b32", 4, 0, within);
    const mine = text.into("pred", "setp.lt.u32", thread, turn);
    const target = text.into("b32", "mad.lo.u32", thread, 4, stage);
    const base = rowAddress(this.#frame, values, number);
    const product = rowAddress(this.#frame, beside, number);
    this.#names.forEach((name, i) => {
      const first = name === "product" ? product : valueAddress(this.#frame, base, name);
      const address = text.into("b64", "mad.wide.s32", own, 4, first);
      const place = this.place + 4 * turn * i;
      text.add(
        `@${mine} cp.async.ca.shared.global [${target}+${place}], [${address}], 4, ${size}`,
      );
    });
  }

  /** Begins a turn. */
  enter({ stage }: TurnPlace): void {
    this.#stage = stage;
    this.#byColumn.clear();
  }

  /** A value of an element's row. */
  value(name: Exclude<GradientValue, "tests">, [j, r, e]: ElementPlace): string {
    if (!this.#passing) return this.#own.get(name)![r]!;
    const known = `${name}/${j}/${e}`;
    let found = this.#byColumn.get(known);
    if (found === undefined) {
      const { text, columns } = this.#frame;
      const address = text.into("b32", "mad.lo.u32", columns[e]!, 4, this.#stage);
      const place = `[${address}+${this.#placeOf(name) + 32 * j}]`;
      this.#byColumn.set(known, found = text.into("f32", "ld.shared.f32", place));
    }
    return found;
  }

  /** Bits of the masks that the query of a lane's row tests, or of a column of the turn. */
  tests(row: 0 | 1, column: string): string {
    if (!this.#passing) return this.#own.get("tests")![row]!;
    const { text } = this.#frame;
    const address = text.into("b32", "mad.lo.u32", column, 4, this.#stage);
    return text.into("b32", "ld.shared.b32", `[${address}+${this.#placeOf("tests")}]`);
  }

  #placeOf(name: GradientValue): number {
    return this.place + 4 * this.#frame.shape.turn * this.#names.indexOf(name);
  }
}
