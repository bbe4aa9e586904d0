/** A job whose file operations fail one at a time. */

import { assert, assertEquals } from "@std/assert";
import { FileError } from "../../core/errors.ts";
import { listing } from "./cli.ts";
import { type Fault, faultCodes, type FileOperation, watchFiles } from "./faults.ts";

const reasons: Readonly<Record<string, string>> = {
  ENOSPC: "a full disk",
  tear: "a full disk",
  EROFS: "a read-only disk",
  EMFILE: "too many open files of this process",
  EIO: "a fault of the disk",
};

const uuid = /[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/;

/**
 * An operation by what it does to which file, whichever run it is of. In a sample a file is the same
 * in each folder, and one name stands for all that are read or written whole.
 */
function kindOf({ name, path }: FileOperation, out: string): string {
  const place = path.replace(uuid, "").replaceAll(out, "OUT").replace(/checkpoint-\d/, "");
  return `${name} ${isSample ? sampled(place) : place}`;
}

/** `ALL_FAULTS=1` strikes each file in each folder, in minutes. */
export const isSample: boolean = Deno.env.get("ALL_FAULTS") === undefined;

function sampled(place: string): string {
  const file = place.split("/").at(-1)!;
  return /metrics|checkpoint|OUT$/.test(file) ? file : place.endsWith(".tmp") ? "*.tmp" : "*";
}

/**
 * Runs a job once for each kind of its operations, of which one fails each time. It must end with
 * the error, or as if nothing had happened where it can do without.
 *
 * @param root Folder below which operations count, and in which each run has a folder of its own
 * @param check Looks at the folder of a run that met a fault
 * @returns Kinds of operations
 */
export async function failEach(
  root: string,
  name: string,
  job: (out: string) => Promise<unknown>,
  check: (out: string, failed: FileOperation) => Promise<void> | void = () => {},
): Promise<number> {
  const first = `${root}/${name}-whole`;
  using whole = watchFiles({ under: root });
  await job(first);
  const kinds = whole.operations.map((operation) => kindOf(operation, first));
  const places = kinds.flatMap((kind, at) => kinds.indexOf(kind) === at ? [at] : []);
  whole[Symbol.dispose]();
  for (const [round, at] of places.entries()) {
    const out = `${root}/${name}-${at}`;
    const fault: Fault = kinds[at]!.startsWith("write ") && round % 2 === 0
      ? "tear"
      : faultCodes[round % faultCodes.length]!;
    using files = watchFiles({ under: root, at, fault });
    const error = await job(out).then(() => undefined, (error: unknown) => error);
    assert(files.fired, kinds[at]);
    const failed = files.operations[at]!;
    assertEquals(kindOf(failed, out), kinds[at]);
    if (error !== undefined) requireTyped(error, failed, fault);
    else if (failed.name !== "remove") {
      assertEquals(listing(out).length, listing(first).length, kinds[at]);
    }
    files[Symbol.dispose]();
    const exists = await Deno.stat(out).then(() => true, () => false);
    if (exists && failed.name !== "remove") {
      assertEquals(listing(out).filter((path) => uuid.test(path)), [], kinds[at]);
    }
    await check(out, failed);
  }
  return places.length;
}

/** Requires an error of one sentence that names the path and the reason of a fault. */
export function requireTyped(error: unknown, { name, path }: FileOperation, fault: Fault): void {
  const what = `${name} ${path} ${fault}: ${error}`;
  if (!(error instanceof FileError)) throw new Error(what, { cause: error });
  const { message } = error;
  assert(message.startsWith(`${error.path}: Cannot `), what);
  assert(message.endsWith(`: found ${reasons[fault]}`), what);
  assert(!error.path.endsWith(".tmp") && !message.includes("os error"), what);
}
