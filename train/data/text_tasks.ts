/**
 * The tasks in which a language model writes texts. One more task is its file and one row here.
 *
 * @module
 */

import { e2e } from "./e2e.ts";
import type { TextTask } from "./text_example.ts";
import { webnlg } from "./webnlg.ts";

const table = { e2e, webnlg } as const satisfies Readonly<Record<string, TextTask>>;

/** A task in which a language model writes texts, by name. */
export type TextTaskName = keyof typeof table;

/** The tasks in which a language model writes texts. */
export const textTasks: Readonly<Record<TextTaskName, TextTask>> = table;

/** Their names, in the order of the table. */
export const textTaskNames = Object.keys(table) as readonly TextTaskName[];

/** Whether a task is one in which a language model writes texts. */
export function generates(task: string): task is TextTaskName {
  return Object.hasOwn(table, task);
}
