/**
 * A model of a disk that forgets: what was written and not yet synced may be lost when the power
 * fails, names and contents apart. It follows the operations of a watch.
 *
 *     const disk = new ForgetfulDisk(folder, (states) => states.forEach(check));
 *     using files = watchFiles({ under: folder, onDone: disk.onDone });
 */

import { dirname } from "node:path";
import type { FileOperation } from "./faults.ts";

/** What a disk may hold after a power cut: contents by path below its folder; `null` is a folder. */
export type DiskState = ReadonlyMap<string, Uint8Array | null>;

interface FileNode {
  data: Uint8Array;
  /** What was synced; absent where nothing was. */
  durable: Uint8Array;
}

type Entries = Map<string, Node>;

interface FolderNode {
  readonly entries: Entries;
  durable: Entries;
  /** Changes of entries since they were synced. */
  pending: ((entries: Entries) => void)[];
}

type Node = FileNode | FolderNode;

const isFolder = (node: Node): node is FolderNode => "entries" in node;
const newFolder = (): FolderNode => ({ entries: new Map(), durable: new Map(), pending: [] });

/** What is kept of a change that was not synced, by a number of its own. */
type Keeps = (change: number) => boolean;

/** The disk below one folder. */
export class ForgetfulDisk {
  readonly #root: string;
  readonly #tree = newFolder();
  readonly #open = new Map<Deno.FsFile, { node: Node; at: number }>();
  readonly #onChange: (states: readonly DiskState[]) => void;
  #seed = 1;

  /**
   * Reads what is there, as synced.
   *
   * @param onChange Told after each operation what the disk may hold if the power fails now
   */
  constructor(root: string, onChange: (states: readonly DiskState[]) => void) {
    this.#root = root;
    this.#onChange = onChange;
    this.#load(root, this.#tree);
  }

  /** Takes an operation that was done; hand it to a watch. */
  readonly onDone = (operation: FileOperation, result: unknown): void => {
    if (this.#apply(operation, result)) this.#onChange(this.states());
  };

  /** What the disk may hold if the power fails now. */
  states(): DiskState[] {
    const drawn = (): Keeps => () => (this.#seed = this.#seed * 48271 % 2147483647) % 2 === 0;
    return [
      this.#state(() => false, () => false),
      this.#state(() => true, () => false),
      this.#state(() => false, () => true),
      ...Array.from({ length: 3 }, () => this.#state(drawn(), drawn())),
    ];
  }

  #load(path: string, folder: FolderNode): void {
    for (const { name, isDirectory } of Deno.readDirSync(path)) {
      const data = isDirectory ? new Uint8Array() : Deno.readFileSync(`${path}/${name}`);
      const node = isDirectory ? newFolder() : { data, durable: data };
      folder.entries.set(name, node);
      folder.durable.set(name, node);
      if (isFolder(node)) this.#load(`${path}/${name}`, node);
    }
  }

  #state(keepsName: Keeps, keepsData: Keeps): DiskState {
    const state = new Map<string, Uint8Array | null>();
    let change = 0;
    const visit = (folder: FolderNode, prefix: string) => {
      const entries = new Map(folder.durable);
      for (const apply of folder.pending) if (keepsName(change++)) apply(entries);
      for (const [name, node] of entries) {
        state.set(`${prefix}${name}`, isFolder(node) ? null : this.#contentOf(node, keepsData));
        if (isFolder(node)) visit(node, `${prefix}${name}/`);
      }
    };
    visit(this.#tree, "");
    return state;
  }

  /** A content that was not synced is as it was, or torn. */
  #contentOf({ data, durable }: FileNode, keepsData: Keeps): Uint8Array {
    if (data === durable || !keepsData(0)) return durable;
    return data.slice(0, durable.length + ((data.length - durable.length) >> 1));
  }

  #apply(operation: FileOperation, result: unknown): boolean {
    const { name, path, target, file, bytes } = operation;
    switch (name) {
      case "open":
        return this.#opened(operation, result as Deno.FsFile);
      case "write":
        return this.#wrote(this.#open.get(file!)!, bytes!.slice(0, result as number));
      case "sync":
      case "syncData":
        return this.#synced(this.#open.get(file!)!.node);
      case "truncate":
        return this.#truncated(this.#open.get(file!)!.node as FileNode);
      case "copyFile":
        return this.#copied(path, target!);
      case "mkdir":
        this.#makeFolder(path);
        return true;
      case "remove":
        return this.#change(path, (entries, own) => entries.delete(own));
      case "rename":
        return this.#renamed(path, target!);
      default:
        if (/^(stat|lstat|realPath|read|seek)/.test(name)) return false;
        throw new Error(`The model has no ${name}`);
    }
  }

  #opened({ path, options = {} }: FileOperation, file: Deno.FsFile): boolean {
    const writes = Boolean(options["write"] ?? options["append"]);
    const there = this.#find(path);
    const node = there ?? { data: new Uint8Array(), durable: new Uint8Array() };
    if (there === undefined) this.#change(path, (entries, own) => entries.set(own, node));
    const at = options["append"] && !isFolder(node) ? node.data.length : 0;
    this.#open.set(file, { node, at });
    return writes;
  }

  #wrote(opened: { node: Node; at: number }, bytes: Uint8Array): boolean {
    const node = opened.node as FileNode;
    const data = new Uint8Array(Math.max(node.data.length, opened.at + bytes.length));
    data.set(node.data);
    data.set(bytes, opened.at);
    node.data = data;
    opened.at += bytes.length;
    return true;
  }

  /** To nothing, which is all that is asked for. */
  #truncated(node: FileNode): boolean {
    node.data = new Uint8Array();
    return true;
  }

  #copied(path: string, target: string): boolean {
    const node = { data: (this.#find(path) as FileNode).data, durable: new Uint8Array() };
    return this.#change(target, (entries, own) => entries.set(own, node));
  }

  #synced(node: Node): boolean {
    if (isFolder(node)) {
      node.durable = new Map(node.entries);
      node.pending = [];
    } else node.durable = node.data;
    return true;
  }

  #makeFolder(path: string): void {
    if (this.#find(path) !== undefined) return;
    this.#makeFolder(dirname(path));
    const node = newFolder();
    this.#change(path, (entries, own) => entries.set(own, node));
  }

  #renamed(path: string, target: string): boolean {
    const [from, to] = [this.#relative(path), this.#relative(target)];
    if (dirname(from) !== dirname(to)) throw new Error("The model moves within a folder alone");
    const node = this.#find(path)!;
    return this.#change(target, (entries, own) => {
      entries.delete(from.split("/").at(-1)!);
      entries.set(own, node);
    });
  }

  #change(path: string, change: (entries: Entries, name: string) => void): true {
    const name = this.#relative(path).split("/").at(-1)!;
    const folder = this.#find(dirname(path)) as FolderNode;
    const apply = (entries: Entries) => change(entries, name);
    apply(folder.entries);
    folder.pending.push(apply);
    return true;
  }

  #find(path: string): Node | undefined {
    let node: Node | undefined = this.#tree;
    for (const name of this.#relative(path).split("/").filter((part) => part !== "")) {
      node = node !== undefined && isFolder(node) ? node.entries.get(name) : undefined;
    }
    return node;
  }

  #relative(path: string): string {
    return path.slice(this.#root.length).replace(/^\/+|\/+$/g, "");
  }
}

/** Writes what a disk may hold to a new folder. */
export async function restore(state: DiskState, folder: string): Promise<void> {
  await Deno.mkdir(folder, { recursive: true });
  for (const [path, content] of state) {
    if (content === null) await Deno.mkdir(`${folder}/${path}`, { recursive: true });
    else await Deno.writeFile(`${folder}/${path}`, content as Uint8Array<ArrayBuffer>);
  }
}
