/** Mutations of file operations: what a full disk or a power cut leaves. */

import type { Mutation } from "../mutation.ts";

/** Mutations of file operations: what a full disk or a power cut leaves. */
export const diskMutations: readonly Mutation[] = [
  {
    name: "a content is not synced before it gets its name",
    file: "train/files/files.ts",
    find: "await file.syncData();",
    replace: "",
    why: "a power cut could keep the name and lose the content",
    tests: ["tests/train/files/power_loss_test.ts"],
  },
  {
    name: "a folder is not synced after a rename",
    file: "train/files/folder.ts",
    find: "await Deno.rename(path, target);\n    await sync(folder);",
    replace: "await Deno.rename(path, target);",
    why: "a name that was reported could be lost",
    tests: ["tests/train/files/power_loss_test.ts"],
  },
  {
    name: "a new folder's name is not synced",
    file: "train/files/folder.ts",
    find: "for (const folder of missing.reverse()) await syncFolder(dirname(folder));",
    replace: "",
    why: "what lies in a folder is lost with its name",
    tests: ["tests/train/files/power_loss_test.ts"],
  },
  {
    name: "the metrics of a checkpoint are not synced",
    file: "train/run/run_output.ts",
    find: "    await syncMetrics(out);\n    const path",
    replace: "    const path",
    why: "a checkpoint without the metrics of its steps could be what is left",
    tests: ["tests/train/files/power_loss_test.ts"],
  },
  {
    name: "the metrics of a whole run are not synced",
    file: "train/run/run_output.ts",
    find: "if (out === undefined) return;\n    await syncMetrics(out);",
    replace: "if (out === undefined) return;",
    why: "a run that has ended has all its metrics",
    tests: ["tests/train/files/power_loss_test.ts"],
  },
  {
    name: "a line that did not fit stays torn",
    file: "train/files/folder.ts",
    find: "await file.truncate(size).catch(() => {});",
    replace: "",
    why: "readers of metrics.jsonl must not meet half a line",
    tests: ["tests/train/files/faults_test.ts"],
  },
  {
    name: "a full disk is told in the system's words",
    file: "train/files/system.ts",
    find: "if (reason !== undefined) return reason;",
    replace: "",
    why: "messages are one sentence in plain words",
    tests: ["tests/train/files/faults_test.ts"],
  },
  {
    name: "errors without a class of their own are not typed",
    file: "train/files/system.ts",
    find: "(codeOf(error) !== undefined || Object.hasOwn(Deno.errors, error.name))",
    replace: "Object.hasOwn(Deno.errors, error.name)",
    why: "Deno has no class for a full disk",
    tests: ["tests/train/files/faults_test.ts"],
  },
  {
    name: "a failed merge leaves an empty folder",
    file: "train/files/files.ts",
    find: "if (!existed) await Deno.remove(path).catch(() => {});",
    replace: "",
    why: "nothing is left behind",
    tests: ["tests/train/files/faults_test.ts"],
  },
];
