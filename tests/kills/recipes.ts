/** The small runs that are struck: what they are told, and what lies in their folder before. */

import type { Workspace } from "../support/workspace.ts";

/** A run that is struck. */
export interface Recipe {
  /** What is particular about it. */
  readonly name: string;
  /** Arguments of `train` that make a new run, but for its folder. */
  readonly flags: readonly string[];
  /**
   * How a whole run goes on before it is struck, by the folders of the run and of a copy of the whole
   * one: absent where the new run itself is struck.
   */
  readonly again?: (out: string, whole: string) => readonly string[];
  /** Whether the folder holds the whole run before; else nothing. */
  readonly inPlace?: boolean;
  /** Whether the same command is given after the strike, also where the run can be resumed. */
  readonly repeats?: boolean;
}

const rotating = [
  ...["--method=hiddenkey", "--save-every=2", "--keep=2", "--eval-every=3"],
  ...["--best-metric=loss", "--tensorboard", "--lr=0.005"],
];
const stopping = [
  ...["--method=lora", "--save-every=3", "--early-stop=2", "--result=best", "--lr=0.05"],
  ...["--eval-every=1", "--no-eval-start"],
];

/** The runs that are struck; those that go on are struck until they train again. */
export const recipes: readonly Recipe[] = [
  { name: "two checkpoints kept, the best by its loss, event files", flags: rotating },
  { name: "early stop, the best adapter as the result", flags: stopping },
  {
    name: "back to a checkpoint of a run that is over",
    flags: rotating,
    again: (out) => [`--resume=${out}/checkpoint-4`],
    inPlace: true,
  },
  {
    name: "back to a checkpoint with another rate",
    flags: rotating,
    again: (out) => [`--resume=${out}/checkpoint-4`, "--change", "--lr=0.001"],
    inPlace: true,
    repeats: true,
  },
  {
    name: "on in another folder",
    flags: rotating,
    again: (out, whole) => [`--resume=${whole}/checkpoint-4`, `--out=${out}`],
  },
];

/** Arguments of every run: eight steps of two passes over sixteen examples. */
export function usualFlags(workspace: Workspace): readonly string[] {
  return [
    ...["--task=rte", `--data=${workspace.data("rte")}`],
    ...[`--model=${workspace.model("bert")}`, "--backend=cpu", "--threads=1"],
    ...["--batch=4", "--train-limit=16", "--dev-limit=8", "--epochs=2", "--rank=2"],
  ];
}
