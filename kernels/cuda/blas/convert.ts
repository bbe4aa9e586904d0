/**
 * Rounds a matrix of floats to bf16, eight neighbours a thread.
 *
 * @module
 */

import { type PtxProgram, PtxText } from "../ptx/text.ts";

/** Threads of a block. */
export const convertThreads = 128;

/** Elements that a thread rounds. */
export const convertUnit = 8;

/**
 * Renders the program. Parameters: addresses of floats and halves; threads at work, eights of a row,
 * bytes from one row of floats to the next. Rows of halves lie without gaps.
 */
export function renderConvert(): PtxProgram {
  const text = new PtxText();
  const addresses = text.reserve(2, 8);
  const sizes = text.reserve(3, 4);
  const end = text.label();
  const [block, thread] = [text.special("ctaid.x"), text.special("tid.x")];
  const id = text.into("b32", "mad.lo.u32", block, convertThreads, thread);
  text.add(`@${text.into("pred", "setp.ge.u32", id, text.parameter(sizes))} bra ${end}`);
  const perRow = text.parameter(sizes + 4);
  const [row, unit] = text.divide(id, perRow);
  const start = text.into(
    "b64",
    "mad.wide.s32",
    row,
    text.parameter(sizes + 8),
    text.parameter(addresses, "b64"),
  );
  const from = text.into("b64", "mad.wide.u32", unit, 4 * convertUnit, start);
  const into = text.into(
    "b64",
    "mad.wide.u32",
    id,
    2 * convertUnit,
    text.parameter(addresses + 8, "b64"),
  );
  const values = [0, 16].flatMap((offset) => {
    const four = [0, 1, 2, 3].map(() => text.register("f32"));
    text.add(`ld.global.v4.f32 {${four.join(", ")}}, [${from}+${offset}]`);
    return four;
  });
  const words = [0, 2, 4, 6].map((i) =>
    text.into("b32", "cvt.rn.bf16x2.f32", values[i + 1]!, values[i]!)
  );
  text.add(`st.global.v4.b32 [${into}], {${words.join(", ")}}`);
  text.place(end);
  return text.program(convertThreads);
}
