/**
 * What the layouts of a program's operands decide is made once and looked up: a step meets the layouts
 * of the step before.
 *
 * @module
 */

import type { Affine } from "../../core/backend.ts";
import type { Dtype } from "../../core/dtype.ts";
import type { AttentionProgram, Program } from "../../core/program.ts";
import { IntegerKey, IntegerMap } from "./integer_map.ts";

/** An operand; only those in memory have a type. */
type Operand = Affine & { readonly dtype?: Dtype };

const codes: Readonly<Record<Dtype, number>> = { f32: 0, f64: 1, u32: 2, f16: 3, bf16: 4 };

/** What was made, by program and layout: launches, or what several launches need. */
export class Layouts<T> {
  readonly #made = new WeakMap<Program | AttentionProgram, IntegerMap<T>>();
  readonly #key = new IntegerKey();

  /**
   * That of a program for these sizes, strides and alignments to eight elements; `make` is called
   * the first time.
   */
  find(
    program: Program | AttentionProgram,
    sizes: readonly number[],
    operands: readonly Operand[],
    make: () => T,
  ): T {
    let made = this.#made.get(program);
    if (made === undefined) this.#made.set(program, made = new IntegerMap(4096));
    const key = this.#key;
    key.clear();
    for (const size of sizes) key.add(size);
    for (const { dtype, offset, strides } of operands) {
      if (dtype !== undefined) key.add(8 * codes[dtype] + (offset & 7));
      for (const stride of strides) key.add(stride);
    }
    let found = made.get(key);
    if (found === undefined) {
      found = make();
      made.set(key, found);
    }
    return found;
  }
}
