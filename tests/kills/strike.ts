/** A file operation of a run that is struck, the resume, and what differs from a run that never was. */

import { foldKey, seedKey, uniform } from "../../core/random.ts";
import { copyFolder } from "../../train/files/folder.ts";
import { requireTyped } from "../support/fail_each.ts";
import { type Fault, type FileOperation, watchFiles } from "../support/faults.ts";
import { Workspace } from "../support/workspace.ts";
import { differencesOf, leftoversIn, runContents } from "./compare.ts";
import { trainCommand } from "../../train/commands/train.ts";
import { type Recipe, recipes, usualFlags } from "./recipes.ts";

/** One operation that is struck. */
export interface Strike {
  /** Name of the recipe. */
  readonly recipe: string;
  /** Number of the operation below the folder, from 0. */
  readonly at: number;
  /** What strikes it. */
  readonly fault: Fault;
  /** Number of the operation of the resume at which the process is killed again; absent for none. */
  readonly again?: number;
}

/** What came of a strike. */
export interface StrikeResult extends Strike {
  /** What was struck, and what differs; nothing where all is well. */
  readonly differences: readonly string[];
}

/** A run of a recipe that was never struck. */
interface Whole {
  readonly out: string;
  readonly contents: Readonly<Record<string, string>>;
  /** The operations that are struck. */
  readonly operations: readonly FileOperation[];
}

/** A folder for runs, with the whole runs that they are compared with. */
export class StrikeBench implements AsyncDisposable {
  readonly #wholes = new Map<Recipe, Promise<Whole>>();
  #folders = 0;

  private constructor(private readonly workspace: Workspace) {}

  /** Makes the folder, with its model and data. */
  static async open(): Promise<StrikeBench> {
    return new StrikeBench(await Workspace.open());
  }

  /** Removes the folder. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.workspace[Symbol.asyncDispose]();
  }

  /** All strikes of a recipe; of every third one, the resume is killed too. */
  async strikesOf(recipe: Recipe, seed: number): Promise<Strike[]> {
    const { operations } = await this.#wholeOf(recipe);
    const all = operations.flatMap((operation, at) =>
      faultsOf(operation, at).map((fault) => ({ recipe: recipe.name, at, fault }))
    );
    const drawn = uniform(foldKey(seedKey(seed), recipe.name), 2 * all.length);
    // Early operations, which take the run back, are drawn more often than those of its steps.
    return all.map((strike, i) =>
      drawn[2 * i]! < 1 / 3
        ? { ...strike, again: Math.floor(drawn[2 * i + 1]! ** 2 * 500) }
        : strike
    );
  }

  /** Strikes an operation, goes on until the run is over, and looks for what differs. */
  async strike(strike: Strike): Promise<StrikeResult> {
    const recipe = recipes.find(({ name }) => name === strike.recipe)!;
    const whole = await this.#wholeOf(recipe);
    const out = await this.#folderFor(recipe);
    const wrong: string[] = [];
    try {
      const args = await this.#argsOf(recipe, out);
      wrong.push(...await struck(out, args, strike));
      const next = () => recipe.repeats || !has(`${out}/run.json`) ? args : [`--resume=${out}`];
      if (strike.again !== undefined) {
        wrong.push(...await struck(out, next(), { at: strike.again, fault: "halt" }));
      }
      await trainSilently(...next());
      wrong.push(...differencesOf(whole.contents, await runContents(out)), ...leftoversIn(out));
      if (!has(`${out}/report.html`)) wrong.push("the report is missing");
      wrong.push(...await this.#sourceDifferences(recipe));
    } catch (error) {
      wrong.push(String(error));
    }
    await Deno.remove(out, { recursive: true }).catch(() => {});
    const { name, path, target } = whole.operations[strike.at]!;
    const place = [name, path, target ?? ""].join(" ").replaceAll(whole.out, "RUN");
    return { ...strike, differences: wrong.length === 0 ? [] : [place, ...wrong] };
  }

  #wholeOf(recipe: Recipe): Promise<Whole> {
    const known = this.#wholes.get(recipe);
    if (known !== undefined) return known;
    const made = this.#make(recipe);
    this.#wholes.set(recipe, made);
    return made;
  }

  async #make(recipe: Recipe): Promise<Whole> {
    const out = await this.#folderFor(recipe);
    const args = await this.#argsOf(recipe, out);
    using files = watchFiles({ under: out });
    await trainSilently(...args);
    files[Symbol.dispose]();
    const trains = files.operations.findIndex(({ name, path }) =>
      name === "write" && path === `${out}/metrics.jsonl`
    );
    const operations = recipe.again === undefined
      ? files.operations
      : files.operations.slice(0, trains + 1);
    return { out, contents: await runContents(out), operations };
  }

  /** The run that a recipe goes on from. */
  #baseOf({ flags }: Recipe): Promise<Whole> {
    return this.#wholeOf(recipes.find((one) => one.again === undefined && one.flags === flags)!);
  }

  /** A new folder's path, with what a recipe needs there. */
  async #folderFor(recipe: Recipe): Promise<string> {
    const out = this.workspace.out(`run-${this.#folders++}`);
    if (recipe.inPlace) await copyFolder((await this.#baseOf(recipe)).out, out);
    return out;
  }

  async #argsOf(recipe: Recipe, out: string): Promise<readonly string[]> {
    const { flags, again } = recipe;
    return again === undefined
      ? [...usualFlags(this.workspace), ...flags, `--out=${out}`]
      : again(out, (await this.#baseOf(recipe)).out);
  }

  /** A run that was copied from stays as it is. */
  async #sourceDifferences(recipe: Recipe): Promise<string[]> {
    if (recipe.again === undefined || recipe.inPlace) return [];
    const { out, contents } = await this.#baseOf(recipe);
    return differencesOf(contents, await runContents(out)).map((line) => `source: ${line}`);
  }
}

/** Runs `train` in this process without a word. */
async function trainSilently(...args: readonly string[]): Promise<void> {
  const { writeSync } = Deno.stdout;
  Deno.stdout.writeSync = (bytes) => bytes.length;
  try {
    await trainCommand.run(args);
  } finally {
    Deno.stdout.writeSync = writeSync;
  }
}

function has(path: string): boolean {
  try {
    return Deno.statSync(path).size >= 0;
  } catch {
    return false;
  }
}

/**
 * What strikes an operation. Between two operations that change the disk it is the same whenever the
 * process is killed, so that only these are killed; a disk is full to those alone.
 */
function faultsOf({ name, bytes, options }: FileOperation, at: number): Fault[] {
  if (bytes !== undefined) return ["halt", "tear, halt", "ENOSPC", "tear"];
  const opens = name === "open" && Boolean(options?.["create"] ?? options?.["createNew"]);
  if (opens || ["mkdir", "rename", "remove", "copyFile", "truncate"].includes(name)) {
    return ["halt", "ENOSPC"];
  }
  if (name.startsWith("sync")) return ["ENOSPC"];
  return [at % 2 === 0 ? "EIO" : "EMFILE"];
}

/** Runs a command of which one operation is struck; gives what is wrong with its end. */
async function struck(
  out: string,
  args: readonly string[],
  { at, fault }: Pick<Strike, "at" | "fault">,
): Promise<string[]> {
  using files = watchFiles({ under: out, at, fault });
  const error = await trainSilently(...args).then(() => undefined, (error: unknown) => error);
  files[Symbol.dispose]();
  if (!files.fired) return error === undefined ? [] : [String(error)];
  if (fault.endsWith("halt")) return [];
  const operation = files.operations[at]!;
  if (error !== undefined) requireTyped(error, operation, fault);
  // What could not be removed is left until the run goes on, and a lock that may be another's.
  const mayLeave = operation.name === "remove" ||
    /stat .*\.lock$/.test(`${operation.name} ${operation.path}`);
  return mayLeave || !has(out) ? [] : leftoversIn(out);
}
