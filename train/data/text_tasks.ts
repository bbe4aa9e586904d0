/**
 * The tasks in which a language model writes texts. One more data set is its file, its name and its
 * row here.
 *
 * @module
 */

import { e2e } from "./e2e.ts";
import type { TextTask } from "./text_example.ts";
import { webnlg } from "./webnlg.ts";

/** Names of the published data sets in which a language model writes texts. */
export const publishedTextNames = ["e2e", "webnlg"] as const;
/** Names of the tasks that read the user's own texts. */
export const ownTextNames = ["completion", "chat"] as const;
/** Names of the tasks in which a language model writes texts. */
export const textTaskNames: readonly [...typeof publishedTextNames, ...typeof ownTextNames] = [
  ...publishedTextNames,
  ...ownTextNames,
];
/** A published data set in which a language model writes texts, by name. */
export type PublishedTextName = typeof publishedTextNames[number];
/** A task that reads the user's own texts, by name. */
export type OwnTextName = typeof ownTextNames[number];
/** A task in which a language model writes texts, by name. */
export type TextTaskName = typeof textTaskNames[number];

/** The published data sets in which a language model writes texts. */
export const textTasks: Readonly<Record<PublishedTextName, TextTask>> = { e2e, webnlg };

/** Whether a task is one in which a language model writes texts. */
export function generates(task: string): task is TextTaskName {
  return textTaskNames.some((name) => name === task);
}

/** Whether a task reads the user's own texts. */
export function ownsTexts(task: string): task is OwnTextName {
  return ownTextNames.some((name) => name === task);
}
