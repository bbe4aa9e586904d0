/** Mutations of what `train` shows. */

import type { Mutation } from "../mutation.ts";

const tests = ["tests/train/commands/train_progress_test.ts"];

/** Mutations of what `train` shows. */
export const shownMutations: readonly Mutation[] = [
  {
    name: "a message stands behind the line",
    file: "train/commands/terminal.ts",
    find: "  say(message: string): void {\n    this.clear();",
    replace: "  say(message: string): void {",
    why: "the line is cleared first",
    tests,
  },
  {
    name: "a long line is not fitted",
    file: "train/commands/terminal.ts",
    find: "if (line.length + 2 + part.length > columns) break;",
    replace: "",
    why: "a line that wraps cannot be renewed",
    tests,
  },
  {
    name: "lines without a terminal have no time",
    file: "train/commands/terminal.ts",
    find: "`${timestamp(screen.now())} ${message}\\n`",
    replace: "`${message}\\n`",
    why: "a log says when",
    tests,
  },
  {
    name: "every step has a line where there is no terminal",
    file: "train/commands/terminal.ts",
    find: "(screen.isTerminal ? renewal : quiet)",
    replace: "renewal",
    why: "logs are quiet",
    tests,
  },
  {
    name: "the time that is left counts the steps of before",
    file: "train/commands/train_progress.ts",
    find: "passed / (step - from) * (steps - step)",
    replace: "passed / step * (steps - step)",
    why: "a resumed run took its own steps alone",
    tests,
  },
  {
    name: "loading counts as training",
    file: "train/commands/train_progress.ts",
    find: "this.#training ??= { since: this.#last, from: step - 1 };",
    replace: "this.#training ??= { since: 0, from: step - 1 };",
    why: "steps a second are those of steps",
    tests,
  },
  {
    name: "a smoothed loss begins at zero",
    file: "train/commands/train_progress.ts",
    find: "return this.#sum / this.#weight;",
    replace: "return this.#sum;",
    why: "the first value counts in full",
    tests,
  },
  {
    name: "a path is no word of a shell",
    file: "train/commands/summary.ts",
    find: "const folder = shellWord(out);",
    replace: "const folder = out;",
    why: "the command can be copied",
    tests,
  },
  {
    name: "a stopped run is told to be evaluated",
    file: "train/commands/summary.ts",
    find: 'if (aborted) rows.push(["go on", resume]);',
    replace: 'if (step < 0) rows.push(["go on", resume]);',
    why: "it goes on",
    tests,
  },
  {
    name: "a line of work stays at its end",
    file: "train/commands/work_line.ts",
    find: "if (progress.done === progress.total) this.#line.clear();",
    replace: "if (progress.done > progress.total) this.#line.clear();",
    why: "what is printed next would join the line",
    tests: ["tests/train/commands/train_progress_test.ts"],
  },
  {
    name: "more epochs are told where the steps end a run",
    file: "train/commands/summary.ts",
    find: "steps === maxSteps",
    replace: "steps === -1",
    why: "more epochs would make no step more",
    tests: ["tests/train/commands/train_progress_test.ts"],
  },
  {
    name: "a name that is nowhere is taken for a folder",
    file: "train/hub/resolve_model.ts",
    find: "if (await exists(source)) return",
    replace: "if (!resemblesRepository(source) || await exists(source)) return",
    why: "the error would be that of a file that nobody named",
    tests: ["tests/train/hub/hub_names_test.ts"],
  },
];
