/**
 * The user's own texts of a run: those it trains on, and those it evaluates.
 *
 * @module
 */

import type { TrainConfig } from "../config/config.ts";
import type { Split } from "../data/example.ts";
import { type OwnExample, readOwnTexts } from "../data/own_texts.ts";
import { findSplit, missingSplit } from "../data/splits.ts";
import type { OwnTextName } from "../data/text_tasks.ts";
import { evaluatedOf, heldBack, holdsBack } from "./held_back.ts";
import type { TaskParts } from "./task.ts";

/** Texts of a run. */
export interface OwnSplits {
  /** Training examples; none where they were not asked for. */
  readonly train: readonly OwnExample[];
  /** Examples that are evaluated. */
  readonly dev: readonly OwnExample[];
  /** What is remarkable of them, one line each. */
  readonly notes: readonly string[];
}

/**
 * Reads the texts of a run, all of which have something to learn.
 *
 * @throws {FileError} If a file is missing or malformed
 * @throws {OptionError} If nothing can be held back
 */
export async function readOwnSplits(
  task: OwnTextName,
  config: TrainConfig,
  parts: TaskParts,
): Promise<OwnSplits> {
  const read = async (split: Split) => {
    const paths = await findSplit(config.data, split);
    if (paths.length === 0) throw missingSplit(config.data, split);
    return await readOwnTexts(task, paths, true);
  };
  const { train, dev, notes } = await readAll(config, parts, read);
  return { train: train.slice(0, config.trainLimit), dev: dev.slice(0, config.devLimit), notes };
}

/** The same without the limits of a run. */
async function readAll(
  config: TrainConfig,
  parts: TaskParts,
  read: (split: Split) => Promise<OwnExample[]>,
): Promise<OwnSplits> {
  const holds = holdsBack(config, parts);
  const all = parts.train || holds ? await read("train") : [];
  const pick = (examples: readonly OwnExample[], positions: readonly number[]) =>
    positions.map((position) => examples[position]!);
  if (!holds) {
    const dev = await read(parts.split);
    const { positions, notes } = evaluatedOf(dev, config, parts, divisionOf(dev));
    return { train: all, dev: pick(dev, positions), notes };
  }
  const { kept, held, note } = heldBack(all, config, divisionOf(all));
  return { train: parts.train ? pick(all, kept) : [], dev: pick(all, held), notes: [note] };
}

/** Equal beginnings stay together. */
function divisionOf(examples: readonly OwnExample[]) {
  return {
    groupOf: (position: number) => beginningOf(examples[position]!),
    stratumOf: () => undefined,
  };
}

/** A prompt, a text, or a conversation before the assistant speaks for the first time. */
function beginningOf({ text }: OwnExample): string {
  if ("text" in text) return text.text;
  if ("prompt" in text) return text.prompt;
  const first = text.messages.findIndex(({ role }) => role === "assistant");
  return JSON.stringify(text.messages.slice(0, first < 0 ? undefined : first));
}
