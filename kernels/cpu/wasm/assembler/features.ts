/**
 * What the engine's WebAssembly can do, by asking it to validate a routine.
 *
 * @module
 */

import { f32x4, i32, Routine, v128 } from "./assembler.ts";
import type { Code } from "./code.ts";

function valid(code: (value: Code) => Code): boolean {
  if (typeof WebAssembly !== "object") return false;
  const routine = new Routine(2);
  const body = v128.store(i32.of(0), code(v128.load(i32.of(0))));
  return WebAssembly.validate(routine.assemble(body, { minimum: 1, maximum: 1, shared: false }));
}

/** Whether there are vectors of 128 bits. */
export function hasSimd(): boolean {
  return valid((value) => f32x4.add(value, value));
}

/** Whether there are multiply-adds that may round once. */
export function hasRelaxed(): boolean {
  return valid((value) => f32x4.relaxedMadd(value, value, value));
}
