/** Mutations of what makes a killed run go on as if nothing had happened. */

import type { Mutation } from "../mutation.ts";

const claim = ["tests/train/run/run_claim_test.ts"];
const folder = ["tests/train/run/run_folder_test.ts"];

/** Mutations of what makes a killed run go on as if nothing had happened. */
export const killsMutations: readonly Mutation[] = [
  {
    name: "a run that is over keeps temporary files",
    file: "train/run/run_claim.ts",
    find: "        await removeLeftovers(directory);\n",
    replace: "",
    why: "a process may be killed behind its last step, too",
    tests: claim,
  },
  {
    name: "a temporary file is in the way of a new run",
    file: "train/run/run_claim.ts",
    find: "        await removeRemains(directory);\n",
    replace: "",
    why: "the same command works again where nothing was kept",
    tests: claim,
  },
  {
    name: "leftovers go from a folder that holds something else",
    file: "train/run/run_claim.ts",
    find: "if (!names.every((name) => isLeftover(name) || (isCopy && copied.test(name)))) return;",
    replace: "",
    why: "what is not ours is not touched",
    tests: claim,
  },
  {
    name: "any checkpoint counts as a copy that was killed",
    file: "train/run/run_claim.ts",
    find: "isLeftover(name) || (isCopy && copied.test(name))",
    replace: "isLeftover(name) || copied.test(name)",
    why: "checkpoints of others are not removed",
    tests: claim,
  },
  {
    name: "a copy has no mark",
    file: "train/run/run_output.ts",
    find: "      await claim.beginCopy();\n",
    replace: "",
    why: "a copy that was killed is told from what someone keeps",
    tests: claim,
  },
  {
    name: "the mark of a copy stays",
    file: "train/run/run_claim.ts",
    find: "await removeAll(`${this.directory}/${copyMark}`);",
    replace: "",
    why: "no temporary file is left",
    tests: claim,
  },
  {
    name: "a folder stays where its lock was refused",
    file: "train/run/run_claim.ts",
    find: "if (isNew) await Deno.remove(directory).catch(() => {});\n      throw error;",
    replace: "throw error;",
    why: "what comes to nothing leaves nothing",
    tests: claim,
  },
  {
    name: "a lock that could not be written stays",
    file: "train/files/lock.ts",
    find: "if (isHeld) await Deno.remove(path).catch(() => {});",
    replace: "",
    why: "what comes to nothing leaves nothing",
    tests: claim,
  },
  {
    name: "a folder that was not synced stays beside its place",
    file: "train/files/folder.ts",
    find: "  try {\n    await makeFolder(partial);\n    await fill",
    replace: "  await makeFolder(partial);\n  try {\n    await fill",
    why: "no temporary folder is left",
    tests: ["tests/train/files/faults_test.ts"],
    sample: false,
  },
  {
    name: "a run that is taken back is still over",
    file: "train/run/run_folder.ts",
    find: "if (result !== undefined) await saveRun(directory, unfinished);",
    replace: "",
    why: "what was killed on its way back must not count as whole",
    tests: folder,
  },
  {
    name: "the oldest checkpoint goes first",
    file: "train/run/run_folder.ts",
    find: "later.sort((a, b) => b - a)",
    replace: "later.sort((a, b) => a - b)",
    why: "those that are left are a run's",
    tests: folder,
  },
  {
    name: "a checkpoint that was to go stays",
    file: "train/run/run_output.ts",
    find:
      "if (keep !== undefined) await rotateCheckpoints(out, keep);\n    await this.#restoreBest",
    replace: "await this.#restoreBest",
    why: "the process may be killed between the new checkpoint and the removal of the old one",
    tests: folder,
  },
  {
    name: "a checkpoint from within an evaluation stays",
    file: "train/fit.ts",
    find:
      "    // A checkpoint that was saved within the evaluation does not know it.\n    await saved(step);\n",
    replace: "",
    why: "checkpoints are those of the run that was not interrupted",
    tests: folder,
  },
  {
    name: "a run that is over gets no report",
    file: "train/commands/train.ts",
    find: "if (await lacksReport(config.out)) progress.say",
    replace: "if (false) progress.say",
    why: "the process may be killed before it writes the report",
    tests: ["tests/train/commands/report_test.ts"],
  },
  {
    name: "a halted process goes on",
    file: "tests/support/faults.ts",
    find: "if (this.#isHalted) throw new Halted();",
    replace: "",
    why: "a process that was killed changes nothing any more",
    tests: claim,
  },
];
