/**
 * Deno's file functions under watch: each operation is counted, and one of them can fail, tear its
 * write or end the process.
 *
 *     using files = watchFiles({ at: 7, fault: "ENOSPC", under: folder });
 *     await job();
 *     files.operations; // what was done below the folder, in order
 */

/** A file operation, before it is done. */
export interface FileOperation {
  /** Name of Deno's function, or of the method of an open file. */
  readonly name: string;
  /** First path that it is given, or that of its open file. */
  readonly path: string;
  /** Second path: where something is moved or linked to. */
  readonly target?: string;
  /** Bytes of a write. */
  readonly bytes?: Uint8Array;
  /** The open file of a method. */
  readonly file?: Deno.FsFile;
  /** Options of an `open`, `mkdir` or `remove`. */
  readonly options?: Readonly<Record<string, unknown>>;
}

/** Codes of the system that an operation can be made to fail with. */
export const faultCodes = ["ENOSPC", "EROFS", "EMFILE", "EIO"] as const;

/**
 * What happens to an operation instead: the system refuses; or, before or in the middle of it, the
 * process ends at once, as if it were killed. `tear` writes the first half, then the disk is full.
 * `halt` is a kill as the disk sees it: the process lives, but none of its operations that count is
 * done any more; its locks go as it closes its files.
 */
export type Fault =
  | typeof faultCodes[number]
  | "tear"
  | "exit"
  | "tear, exit"
  | "halt"
  | "tear, halt";

/** What is watched, and what is made to fail. */
export interface WatchSettings {
  /** Folder below which operations count; default everywhere. */
  readonly under?: string;
  /** Which operations count; default all. */
  readonly counts?: (operation: FileOperation) => boolean;
  /** Number of the operation that fails, from 0, or what is true of it; none where it is absent. */
  readonly at?: number | ((operation: FileOperation) => boolean);
  /** How it fails. */
  readonly fault?: Fault;
  /** Told each operation that counts, once it is done. */
  readonly onDone?: (operation: FileOperation, result: unknown) => void;
}

/** Exit code of a process that a fault ended. */
export const faultExit = 86;

const messages: Readonly<Record<string, string>> = {
  ENOSPC: "No space left on device (os error 28)",
  EROFS: "Read-only file system (os error 30)",
  EMFILE: "Too many open files (os error 24)",
  EIO: "Input/output error (os error 5)",
};

const functions = [
  ...["open", "mkdir", "rename", "remove", "writeFile", "writeTextFile", "readFile"],
  ...["readTextFile", "stat", "lstat", "realPath", "link", "symlink", "copyFile", "truncate"],
] as const;
const methods = [
  ...["write", "read", "sync", "syncData", "truncate", "seek", "stat"],
  ...["readSync", "writeSync", "seekSync"],
] as const;

/** What every operation of a halted process ends with: no error of the system, nor of the project. */
class Halted extends Error {
  override readonly name = "Halted";
}

type AnyFunction = (...args: unknown[]) => unknown;

/** The watch over Deno's file functions; they are as before once it is disposed. */
export class FileWatch implements Disposable {
  /** The operations that counted, in order. */
  readonly operations: FileOperation[] = [];
  /** Whether the fault has happened. */
  fired = false;
  #isHalted = false;
  readonly #settings: WatchSettings;
  readonly #originals = new Map<string, AnyFunction>();

  /** Begins the watch. */
  constructor(settings: WatchSettings) {
    this.#settings = settings;
    const api = Deno as unknown as Record<string, AnyFunction>;
    for (const name of [...functions, "readDir"]) this.#originals.set(name, api[name]!);
    for (const name of functions) {
      api[name] = (...args) => this.#call(name, args);
    }
    api["readDir"] = (path) => this.#readDir(path as string | URL);
  }

  /** Ends the watch. */
  [Symbol.dispose](): void {
    const api = Deno as unknown as Record<string, AnyFunction>;
    for (const [name, original] of this.#originals) api[name] = original;
  }

  async #call(name: string, args: unknown[]): Promise<unknown> {
    const [path, second] = args;
    const content = name === "writeFile"
      ? second as Uint8Array
      : name === "writeTextFile"
      ? new TextEncoder().encode(second as string)
      : undefined;
    const options = (content === undefined ? second : args[2]) as Record<string, unknown>;
    const operation: FileOperation = {
      name,
      path: String(path),
      ...(typeof second === "string" && content === undefined && { target: second }),
      ...(content !== undefined && { bytes: content }),
      ...(typeof options === "object" && { options }),
    };
    const original = this.#originals.get(name)!;
    const tear = content && (() => original.call(Deno, path, half(second), args[2]));
    await this.#before(operation, tear);
    const result = await original.apply(Deno, args);
    if (name === "open") this.#watchFile(result as Deno.FsFile, operation);
    this.#after(operation, result);
    return result;
  }

  async *#readDir(path: string | URL): AsyncIterableIterator<Deno.DirEntry> {
    const operation = { name: "readDir", path: String(path) };
    await this.#before(operation);
    yield* this.#originals.get("readDir")!.call(Deno, path) as AsyncIterable<Deno.DirEntry>;
    this.#after(operation, undefined);
  }

  #watchFile(file: Deno.FsFile, { path, options }: FileOperation): void {
    const api = file as unknown as Record<string, AnyFunction>;
    for (const name of methods) {
      const original = api[name]!.bind(file);
      const operationOf = ([bytes]: unknown[]): FileOperation => ({
        ...{ name, path, file },
        ...(name.startsWith("write") && { bytes: bytes as Uint8Array }),
        ...(options && { options }),
      });
      if (name.endsWith("Sync")) {
        api[name] = (...args) => {
          const operation = operationOf(args);
          this.#beforeSync(operation);
          const result = original(...args);
          this.#after(operation, result);
          return result;
        };
        continue;
      }
      api[name] = async (...args) => {
        const operation = operationOf(args);
        const tear = operation.bytes && (() => original(half(operation.bytes)));
        await this.#before(operation, tear);
        const result = await original(...args);
        this.#after(operation, result);
        return result;
      };
    }
  }

  #counts(operation: FileOperation): boolean {
    const { under, counts } = this.#settings;
    const inside = under === undefined ||
      [operation.path, operation.target].some((path) => path?.startsWith(under));
    return inside && counts?.(operation) !== false;
  }

  /** Counts an operation; gives the fault that strikes it. */
  #strike(operation: FileOperation): Fault | undefined {
    if (!this.#counts(operation)) return undefined;
    if (this.#isHalted) throw new Halted();
    this.operations.push(operation);
    const { at, fault } = this.#settings;
    const isIt = typeof at === "function"
      ? !this.fired && at(operation)
      : at === this.operations.length - 1;
    if (!isIt || fault === undefined) return undefined;
    this.fired = true;
    this.#isHalted = fault.endsWith("halt");
    return fault;
  }

  #beforeSync(operation: FileOperation): void {
    const fault = this.#strike(operation);
    if (fault !== undefined) fail(fault, operation);
  }

  async #before(operation: FileOperation, tear?: () => unknown): Promise<void> {
    const fault = this.#strike(operation);
    if (fault === undefined) return;
    if (fault.startsWith("tear")) await tear?.();
    fail(fault, operation);
  }

  #after(operation: FileOperation, result: unknown): void {
    if (this.#counts(operation)) this.#settings.onDone?.(operation, result);
  }
}

/** Begins to watch Deno's file functions. */
export function watchFiles(settings: WatchSettings = {}): FileWatch {
  return new FileWatch(settings);
}

function half(content: unknown): unknown {
  const { length } = content as string | Uint8Array;
  return (content as string | Uint8Array).slice(0, length >> 1);
}

function fail(fault: Fault, { name, path }: FileOperation): never {
  if (fault.endsWith("exit")) Deno.exit(faultExit);
  if (fault.endsWith("halt")) throw new Halted();
  const code = fault === "tear" ? "ENOSPC" : fault;
  throw Object.assign(new Error(`${messages[code]}: ${name.toLowerCase()} '${path}'`), { code });
}
