/**
 * A task is words in memory: number of its kernel, address of the task to run after it (or 0), then
 * the kernel's own arguments. Kernels take the task's address and that of the thread's scratch.
 *
 * @module
 */

import { i32, type Local, type MemoryType, type Routine } from "../assembler/assembler.ts";
import type { Code } from "../assembler/code.ts";

/** Words before a kernel's own. */
export const head = 2;

/** What kernels are made for. */
export interface Target {
  /** Whether a multiply-add may round once (relaxed SIMD). */
  readonly relaxed: boolean;
  /** The memory they work in. */
  readonly memory: MemoryType;
}

/** Reads a word of a task. */
export function taskWord(task: Local, index: number): Code {
  return i32.load(task.get, 4 * (head + index));
}

/** A variable for each word of the routine's task, and the code that reads them. */
export function readWords<Name extends string>(routine: Routine, names: readonly Name[]) {
  const locals = names.map((name) => [name, routine.local("i32")] as const);
  return {
    words: Object.fromEntries(locals) as unknown as Readonly<Record<Name, Local>>,
    read: locals.map(([, local], index) => local.set(taskWord(routine.parameters[0]!, index))),
  };
}
