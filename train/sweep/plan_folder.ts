/**
 * A plan in the folder of its sweep: `plan.json` is its head, `plan.jsonl` has a run a line.
 *
 * @module
 */

import { FileError, OptionError } from "../../core/errors.ts";
import { excerpt } from "../../core/excerpt.ts";
import { isRecord, type JsonObject } from "../../nn/formats/json_record.ts";
import type { GivenConfig } from "../config/config.ts";
import { parseObject } from "../config/parse.ts";
import { trainOptions } from "../config/train_options.ts";
import { canonicalJson, shortHash } from "../files/canonical_json.ts";
import { exists, readJson, readText, requireEmptyDirectory } from "../files/files.ts";
import { writeFileAtomic, writeJson } from "../files/files.ts";
import { isLeftover, namesIn, removeLeftovers } from "../files/folder.ts";
import { FolderLock, lockName } from "../files/lock.ts";
import { planFault, readHead, requireArm } from "./plan_head.ts";
import type { PlannedRun, Stage } from "./planned_run.ts";
import type { SweepHead } from "./sweep_result.ts";

/** What is to be run, and in which order. */
export interface SweepPlan {
  /** Of which sweep. */
  readonly head: SweepHead;
  /** What was asked for, as it was understood; for readers. */
  readonly asked: JsonObject;
  /** Its runs: those that choose settings come before those that are reported. */
  readonly runs: readonly PlannedRun[];
}

/** Version of the files of a plan. */
export const planFormat = 1;

const headFile = (folder: string) => `${folder}/plan.json`;
const linesFile = (folder: string) => `${folder}/plan.jsonl`;

/** Folder of one of a sweep's runs. */
export function folderOfRun(folder: string, id: string): string {
  return `${folder}/runs/${id}`;
}

/** Text of plan.jsonl. */
function linesOf(runs: readonly PlannedRun[]): string {
  return runs.map((run) => `${JSON.stringify(run)}\n`).join("");
}

/** Hash of a plan: of its runs in their order, and of what they are compared by. */
export async function planHash(
  { baseline, tuned }: Pick<SweepHead, "baseline" | "tuned">,
  runs: readonly PlannedRun[],
): Promise<string> {
  return await shortHash(`${canonicalJson({ baseline, tuned })}\n${linesOf(runs)}`);
}

/**
 * Writes a plan into a new folder; one that holds the same plan stays as it is.
 *
 * @returns Whether it was written
 * @throws {OptionError} If the folder holds another plan
 * @throws {FileError} If it holds something else, or the system refuses
 */
export async function writePlan(folder: string, plan: SweepPlan): Promise<boolean> {
  if (!await exists(headFile(folder))) {
    const left = await exists(folder) ? (await namesIn(folder)).filter(isLeftover) : [];
    await requireEmptyDirectory(folder, [lockName, "plan.jsonl", ...left]);
  }
  await using _lock = await FolderLock.take(folder);
  if (await exists(headFile(folder))) {
    const { plan: found } = (await readPlan(folder)).head;
    if (found === plan.head.plan) return false;
    throw new OptionError(
      `Cannot plan in ${folder} as a new folder, or one with the plan ${plan.head.plan}, is ` +
        `required: found the plan ${found}`,
    );
  }
  await removeLeftovers(folder);
  await writeFileAtomic(linesFile(folder), linesOf(plan.runs));
  const { head, asked, runs } = plan;
  // The head comes last: with it the plan is whole.
  await writeJson(headFile(folder), { format: planFormat, ...head, runs: runs.length, asked });
  return true;
}

/**
 * Reads the plan of a sweep's folder.
 *
 * @throws {FileError} If there is none, it is of another version, torn or changed, with the line
 */
export async function readPlan(folder: string): Promise<SweepPlan> {
  const path = headFile(folder);
  const { head, asked, count } = readHead(await readJson(path), path, planFormat);
  const runs = await readLines(linesFile(folder), count);
  if (await planHash(head, runs) !== head.plan) {
    throw new FileError(
      `Cannot read the plan as runs of the hash ${head.plan} are required: found others`,
      linesFile(folder),
    );
  }
  return { head, asked, runs };
}

async function readLines(path: string, count: number): Promise<PlannedRun[]> {
  const lines = (await readText(path)).split("\n");
  const torn = lines.pop();
  if (torn !== "") {
    throw planFault("a line break at the end of the file", torn, path, lines.length + 1);
  }
  const runs = lines.map((line, i) => runOf(line, path, i + 1));
  if (runs.length !== count) {
    const end = Math.min(runs.length, count) + 1;
    throw planFault(`a file of ${count} lines`, `${runs.length}`, path, end);
  }
  const known = new Set<string>();
  runs.forEach(({ id, tunedBy = [] }, i) => {
    if (known.has(id)) throw planFault("an id of its own", id, path, i + 1);
    const strange = tunedBy.find((one) => !known.has(one));
    if (strange !== undefined) throw planFault("tunedBy of lines before", strange, path, i + 1);
    known.add(id);
  });
  return runs;
}

const keys = ["id", "stage", "arm", "seed", "settings", "tunedBy"];

function runOf(text: string, path: string, line: number): PlannedRun {
  const fail = (required: string, found: unknown) => planFault(required, found, path, line);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw fail("a JSON object", text);
  }
  if (!isRecord(value)) throw fail("a JSON object", value);
  const strange = Object.keys(value).find((key) => !keys.includes(key));
  if (strange !== undefined) throw fail(`a run with the keys ${keys.join(", ")}`, strange);
  const { id, stage, arm, seed, settings, tunedBy } = value;
  if (!isId(id)) throw fail("an id of 12 hexadecimal digits", id);
  if (stage !== "tune" && stage !== "report") throw fail("stage tune or report", stage);
  if (typeof seed !== "number" || !Number.isSafeInteger(seed)) throw fail("an integer seed", seed);
  if (tunedBy !== undefined && !(Array.isArray(tunedBy) && tunedBy.every(isId))) {
    throw fail("a list of ids in tunedBy", tunedBy);
  }
  return {
    id,
    stage: stage satisfies Stage,
    arm: requireArm(arm, fail),
    seed,
    settings: settingsOf(settings, path, line),
    ...(tunedBy && { tunedBy }),
  };
}

function isId(value: unknown): value is string {
  return typeof value === "string" && /^[0-9a-f]{12}$/.test(value);
}

function settingsOf(value: unknown, path: string, line: number): GivenConfig {
  if (!isRecord(value)) throw planFault("an object of settings", excerpt(value), path, line);
  return parseObject(trainOptions, value, path, () => line);
}
