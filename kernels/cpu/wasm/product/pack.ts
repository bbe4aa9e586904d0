/**
 * Packing for the product: lines (rows of A, columns of B) go into strips, `k` inner steps of
 * `width` numbers each, so that the product reads one dense stream.
 *
 * @module
 */

import { i32, type Local, loop, Routine, v128, when } from "../assembler/assembler.ts";
import type { Code } from "../assembler/code.ts";
import { type Format, loadsOf } from "../assembler/load.ts";
import { readWords, type Target } from "../threads/task.ts";

/**
 * Rows of a tile of the product, as many as registers hold: a multiply-add that rounds once needs two
 * vectors of B beside the sums, two products that are added first need four.
 */
export function tileRowsOf(relaxed: boolean): number {
  return relaxed ? 5 : 4;
}
/** Columns of a tile of the product. */
export const tileColumns = 8;
/** Bytes beyond an operand that packing may read. */
export const overhang = 64;

/** Words of a packing task; steps in bytes. */
export const packWords = ["source", "inner", "line", "k", "lines", "target"] as const;

/** The variables of a packing. */
export type PackLocals = Readonly<Record<(typeof packWords)[number], Local>>;

/** The least multiple that is not below a value. */
export function roundUp(value: number, multiple: number): number {
  return Math.ceil(value / multiple) * multiple;
}

/** The routine that packs columns of B. */
export function packRoutine({ memory }: Target, format: Format): Uint8Array<ArrayBuffer> {
  const routine = new Routine(2);
  const { words, read } = readWords(routine, packWords);
  return routine.assemble([read, pack(routine, words, tileColumns, format)], memory);
}

/**
 * Packs along whichever axis is dense. Lines that are missing from the last strip hold anything:
 * what the product makes of them is dropped.
 */
export function pack(routine: Routine, w: PackLocals, width: number, format: Format = "f32"): Code {
  const loads = loadsOf(format, routine);
  const dense = i32.of(loads.bytes);
  const [at, from, strip, step, whole] = routine.locals(5, "i32");
  const lines = Array.from({ length: width }, (_, line) => line);
  const vectors = lines.filter((line) => line % 4 === 0 && line + 4 <= width);
  const single = lines.slice(vectors.length * 4);
  const values = lines.map(() => routine.local("v128"));
  const offsets = lines.map(() => routine.local("i32"));
  const source = (line: number) => i32.sum(from.get, offsets[line]!.get);
  const forward = (steps: number) => [
    at.step(i32.of(4 * width * steps)),
    from.step(i32.mul(w.inner.get, i32.of(steps))),
  ];
  const alongLines: Code = [
    vectors.map((line) => v128.store(at.get, loads.four(from.get, loads.bytes * line), 4 * line)),
    single.map((line) =>
      v128.storeLane(at.get, loads.splat(from.get, loads.bytes * line), 0, 4 * line)
    ),
    forward(1),
  ];
  const alongInner: Code = [
    values.map((value, line) => value.set(loads.four(source(line)))),
    vectors.map((line) =>
      transposed(values.slice(line, line + 4)).map((value, k) =>
        v128.store(at.get, value, 4 * (width * k + line))
      )
    ),
    single.map((line) =>
      [0, 1, 2, 3].map((k) => v128.storeLane(at.get, values[line]!.get, k, 4 * (width * k + line)))
    ),
    forward(4),
  ];
  const oneByOne: Code = [
    lines.map((line) => v128.storeLane(at.get, loads.splat(source(line)), 0, 4 * line)),
    forward(1),
  ];
  return [
    at.set(w.target.get),
    loop(strip, w.lines.get, width, [
      from.set(i32.sum(w.source.get, i32.mul(strip.get, w.line.get))),
      lines.map((line) => offsets[line]!.set(lineOffset(w, strip, line))),
      when(i32.equal(w.line.get, dense), [
        loop(step, w.k.get, 1, alongLines),
      ], [
        whole.set(i32.of(0)),
        when(i32.equal(w.inner.get, dense), [
          whole.set(i32.and(w.k.get, i32.of(-4))),
          loop(step, whole.get, 4, alongInner),
        ]),
        loop(step, w.k.get, 1, oneByOne, whole.get),
      ]),
    ]),
  ];
}

/** From the first line of a strip to another; one that is missing repeats the last. */
function lineOffset({ lines, line: step }: PackLocals, strip: Local, line: number): Code {
  const last = i32.sub(i32.sub(lines.get, strip.get), i32.of(1));
  return i32.mul(i32.least(i32.of(line), last), step.get);
}

/** Four vectors as the columns of a 4 x 4 matrix. */
function transposed(rows: readonly Local[]): Code[] {
  const [a, b, c, d] = rows.map((row) => row.get) as [Code, Code, Code, Code];
  return [[0, 4, 1, 5], [2, 6, 3, 7]].flatMap((pairs) => {
    const [left, right] = [v128.shuffle(a, b, pairs), v128.shuffle(c, d, pairs)];
    return [v128.shuffle(left, right, [0, 1, 4, 5]), v128.shuffle(left, right, [2, 3, 6, 7])];
  });
}
