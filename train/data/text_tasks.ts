/**
 * The tasks in which a language model writes texts. One more task is its file, its name and its
 * row here.
 *
 * @module
 */

import { e2e } from "./e2e.ts";
import type { TextTask } from "./text_example.ts";
import { webnlg } from "./webnlg.ts";

/** Names of the tasks in which a language model writes texts. */
export const textTaskNames = ["e2e", "webnlg"] as const;
/** A task in which a language model writes texts, by name. */
export type TextTaskName = typeof textTaskNames[number];

/** The tasks in which a language model writes texts. */
export const textTasks: Readonly<Record<TextTaskName, TextTask>> = { e2e, webnlg };

/** Whether a task is one in which a language model writes texts. */
export function generates(task: string): task is TextTaskName {
  return Object.hasOwn(textTasks, task);
}
