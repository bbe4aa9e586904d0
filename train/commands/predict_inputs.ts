/**
 * The texts that `predict` reads: a file, or texts of the command line.
 *
 * @module
 */

import { OptionError } from "../../core/errors.ts";
import type { TrainConfig } from "../config/config.ts";
import type { Example } from "../data/example.ts";
import type { Places } from "../data/places.ts";
import { groupByContext, type TextTask } from "../data/text_example.ts";
import { generates } from "../data/text_tasks.ts";
import type { Facts } from "../distributed/agreement.ts";
import { canonicalJson } from "../files/canonical_json.ts";
import { readBytes, readText } from "../files/files.ts";
import { type LabelledKind, readsPairs } from "../tasks/labelled.ts";
import { readUnlabelled } from "../tasks/read_labelled.ts";

/** Options that say where texts come from; one of them is required. */
export const inputOptions = {
  input: { kind: "text", help: "file of the texts", defaultText: "--text" },
  text: {
    kind: "texts",
    help: "a text, once for each; an input of e2e or webnlg, a prompt",
    defaultText: "--input",
  },
  textA: { kind: "texts", help: "first text of a pair, once for each", defaultText: "--input" },
  textB: { kind: "texts", help: "second text of a pair, once for each", defaultText: "--input" },
} as const;

/** Where texts come from. */
export type GivenInputs = {
  readonly input?: string;
  readonly text?: readonly string[];
  readonly textA?: readonly string[];
  readonly textB?: readonly string[];
};

/**
 * Requires a source of texts.
 *
 * @throws {OptionError} If there is none
 */
export function requireInput(given: GivenInputs): void {
  if (Object.keys(given).length > 0) return;
  throw new OptionError("Cannot predict as --input, --text or --text-a and --text-b is required");
}

/**
 * Requires one source of texts, of the form that the run's task reads.
 *
 * @throws {OptionError} If there is more than one, or another form
 */
export function requireInputs(given: GivenInputs, config: TrainConfig): void {
  const { input, text, textA, textB } = given;
  const found = Object.entries({ input, text, "text-a": textA, "text-b": textB })
    .filter(([, value]) => value !== undefined).map(([name]) => `--${name}`).join(" and ");
  const isPair = !generates(config.task) && readsPairs(config);
  const texts = isPair ? "--text-a and --text-b" : "--text";
  if (found !== "--input" && found !== texts) {
    throw new OptionError(
      `Cannot predict as --input or ${texts} is required for task ${config.task}: found ` +
        found,
    );
  }
  if (textA?.length !== textB?.length) {
    throw new OptionError(
      `Cannot use --text-a and --text-b as pairs are required: found ${textA!.length} and ` +
        `${textB!.length} texts`,
    );
  }
}

/**
 * Examples to label; those of a file may have labels.
 *
 * @throws {FileError} If the file is missing or malformed
 */
export async function inputExamples(
  { input, text, textA, textB }: GivenInputs,
  config: TrainConfig,
  kind: LabelledKind,
): Promise<{ examples: readonly Example[]; places?: Places }> {
  if (input !== undefined) return await readUnlabelled(config, input, kind);
  const examples = (text ?? textA ?? []).map((first, index): Example => {
    const second = textB?.[index];
    return {
      textA: first,
      ...(second !== undefined && { textB: second }),
      label: undefined,
      index,
    };
  });
  return { examples };
}

/**
 * What a language model is to continue: each distinct input of a file, or each text.
 *
 * @throws {FileError} If the file is missing or malformed
 * @throws {OptionError} If a text is malformed
 */
export async function inputContexts(
  { input, text = [] }: GivenInputs,
  task: TextTask,
): Promise<string[]> {
  if (input === undefined) return text.map(task.contextOf);
  const groups = groupByContext(task.parse(await readText(input), input));
  return groups.map(({ context }) => context);
}

/**
 * What tells the texts of a process from those of others: a digest.
 *
 * @throws {FileError} If the file is missing
 */
export async function inputFacts({ input, ...texts }: GivenInputs): Promise<Facts> {
  const bytes = input === undefined
    ? new TextEncoder().encode(canonicalJson(texts))
    : await readBytes(input);
  const digest = await crypto.subtle.digest("SHA-256", bytes);
  return { "digest of texts": new Uint8Array(digest).toHex().slice(0, 16) };
}
