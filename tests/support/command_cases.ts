/** Bad command lines that need no files. */

/** One bad input. */
export interface BadInput {
  /** Name of the case. */
  readonly name: string;
  /** Flags after `train` that replace or follow the usual ones; `undefined` takes one away. */
  readonly flags?: Readonly<Record<string, string | undefined>>;
  /** The whole command line instead. */
  readonly args?: readonly string[];
  /** What the error must contain. */
  readonly says: readonly string[];
}

/** Commands and words that are refused. */
export const badCommands: readonly BadInput[] = [
  { name: "no command", args: [], says: ["train, eval, predict, parity"] },
  {
    name: "unknown command",
    args: ["tain"],
    says: ["tain", "train, eval, predict, parity", "the nearest one is train"],
  },
  { name: "stray word of predict", args: ["predict", "--run", "a", "b"], says: ["the word b"] },
  { name: "stray word of eval", args: ["eval", "a", "b"], says: ["the word b", "--run"] },
  { name: "stray word of train", args: ["train", "a"], says: ["the word a"] },
  { name: "stray word of data", args: ["data", "e2e", "glue"], says: ["the word glue"] },
  { name: "unknown data set", args: ["data", "squad"], says: ["glue, e2e, webnlg", '"squad"'] },
  { name: "data without out", args: ["data", "e2e"], says: ["--out", "required"] },
  { name: "data of nothing", args: ["data", "--out", "x"], says: ["--set", "required"] },
  { name: "parity of nothing", args: ["parity"], says: ["--paths", "required"] },
  { name: "inherited command", args: ["constructor"], says: ["constructor", "train, eval"] },
];
