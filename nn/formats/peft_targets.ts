/**
 * Which modules a PEFT adapter configuration means: its names, regular expressions (of Python),
 * layers and exceptions, by PEFT's rules of matching.
 *
 * @module
 */

import { FileError } from "../../core/errors.ts";
import { excerpt } from "../../core/excerpt.ts";
import { isNamed } from "../lora/apply.ts";
import { heads } from "../models/heads.ts";
import { runsAway } from "./safe_pattern.ts";

/** The part of an adapter configuration that chooses modules. */
export interface TargetRules {
  /** Names of modules or their endings, or a regular expression of whole paths, or `all-linear`. */
  readonly targets: readonly string[] | string;
  /** What is left out, in the same ways. */
  readonly exclude?: readonly string[] | string;
  /** Layers to adapt; all where absent. */
  readonly layers?: readonly number[];
  /** Names of the lists that layers are counted in; any where empty. */
  readonly layersPattern?: readonly string[];
  /** Modules that are trained and saved whole; nothing below them is adapted. */
  readonly modulesToSave: readonly string[];
  /** Kind of task, such as `SEQ_CLS` or `CAUSAL_LM`. */
  readonly taskType?: string | undefined;
}

/**
 * Reads a regular expression of Python's.
 *
 * @param file Name of the configuration file, for messages
 * @param wrap Puts the expression into a larger one; by default it must match a whole path
 * @returns Matches a path; throws the same error where the expression is too large to run
 * @throws {FileError} If JavaScript has no such expression, or it could run without end
 */
export function pythonPattern(
  source: string,
  file: string,
  wrap: (source: string) => string = (all) => `^(?:${all})$`,
): (path: string) => RegExpExecArray | null {
  const fail = (required: string): never => {
    throw new FileError(
      `Cannot use pattern ${excerpt(source)} of this adapter as a regular expression ${required} ` +
        "is required",
      file,
    );
  };
  const attempt = <T>(job: () => T): T => {
    try {
      return job();
    } catch {
      return fail("that JavaScript shares with Python");
    }
  };
  const spelled: Record<string, string> = { "(?P<": "(?<", "\\A": "^", "\\Z": "$" };
  const translated = source.replace(/\\.|\(\?P</gs, (found) => spelled[found] ?? found);
  // With "u", what the two languages read differently is an error and not another meaning.
  const pattern = attempt(() => new RegExp(translated, "u") && new RegExp(wrap(translated), "u"));
  if (!/^[\w.]*$/.test(translated) && runsAway(pattern.source)) fail("that ends in bounded time");
  return (path) => attempt(() => pattern.exec(path));
}

/** Tests paths as names or as a regular expression. */
function matcher(rule: readonly string[] | string, file: string): (path: string) => boolean {
  if (typeof rule !== "string") return (path) => rule.some((name) => isNamed(path, name));
  const match = pythonPattern(rule, file);
  return (path) => match(path) !== null;
}

/** Tests whether a path lies in the chosen layers. */
function layerMatcher(
  { layers = [], layersPattern = [] }: TargetRules,
  file: string,
): (path: string) => boolean {
  if (layers.length === 0) return () => true;
  const lists = layersPattern.length === 0 ? ["(?<=\\.)[^.]*"] : layersPattern;
  const patterns = lists.map((list) =>
    pythonPattern(list, file, (all) => `^(?:.*?\\.)?(?:${all})\\.(\\d+)\\.`)
  );
  return (path) => {
    const layer = patterns.map((match) => match(path)?.at(-1)).find((found) => found !== undefined);
    return layer !== undefined && layers.includes(Number(layer));
  };
}

/**
 * Chooses the modules to adapt.
 *
 * @param modules Paths of all modules of the model
 * @param linears Paths of its linear layers
 * @param file Name of the configuration file, for messages
 * @throws {FileError} If nothing is chosen, or something that is no linear layer
 */
export function chooseTargets(
  rules: TargetRules,
  modules: readonly string[],
  linears: readonly string[],
  file: string,
): string[] {
  const { targets, exclude = [], modulesToSave, taskType } = rules;
  const all = typeof targets === "string" && targets.toLowerCase() === "all-linear";
  const outputs: readonly string[] = taskType === "SEQ_CLS" ? ["lm_head", ...heads] : ["lm_head"];
  const [isTarget, isExcluded] = [matcher(all ? [] : targets, file), matcher(exclude, file)];
  const isInLayers = layerMatcher(rules, file);
  const saved = modulesToSave.map((name) =>
    pythonPattern(name, file, (all) => `^(?:|.*\\.)(?:${all})(?:$|\\.)`)
  );
  const chosen = modules.filter((path) => {
    if (path === "" || isExcluded(path) || saved.some((match) => match(path))) {
      return false;
    }
    if (all) return linears.includes(path) && !outputs.includes(path);
    // A name in full is meant whatever its layer.
    return isTarget(path) && (isInLayers(path) || [...targets].includes(path));
  });
  const other = chosen.find((path) => !linears.includes(path));
  if (other !== undefined) {
    throw new FileError(
      `Cannot use target_modules of this adapter as only linear layers are supported: found ${other}`,
      file,
    );
  }
  if (chosen.length === 0) {
    throw new FileError(
      "Cannot use target_modules of this adapter as a module of this model is required: found " +
        `none for ${excerpt(targets)}`,
      file,
    );
  }
  return chosen;
}

/**
 * Reads PEFT's rank_pattern or alpha_pattern.
 *
 * @returns The number that the first fitting pattern gives a path, if any does
 * @throws {FileError} If a pattern cannot be read
 */
export function patternValues(
  patterns: Readonly<Record<string, number>>,
  file: string,
): (path: string) => number | undefined {
  const read = Object.entries(patterns).map(([key, value]) => ({
    value,
    match: pythonPattern(key, file, (all) => `^(?:.*\\.)?(?:${all})$`),
  }));
  return (path) => read.find(({ match }) => match(path))?.value;
}
