/**
 * Which tasks are of which kind.
 *
 * @module
 */

/** Tasks in which a language model writes texts. */
export const textTasks = ["e2e", "webnlg"] as const;
/** A task in which a language model writes texts, by name. */
export type TextTaskName = typeof textTasks[number];

/** Whether a task is one in which a language model writes texts. */
export function generates(task: string): task is TextTaskName {
  return (textTasks as readonly string[]).includes(task);
}
