/** Copies of the working tree, in which a source can be wrong without harm. */

/** Folders that hold nothing of the project. */
const foreign = /^(\.|node_modules$|dist$|runs$)/;

/** Paths of all files below a folder, but for hidden and generated ones. */
export async function walked(root: string, folder = ""): Promise<string[]> {
  const paths: string[] = [];
  for await (const { name, isDirectory } of Deno.readDir(`${root}/${folder}`)) {
    if (foreign.test(name)) continue;
    const path = folder === "" ? name : `${folder}/${name}`;
    if (isDirectory) paths.push(...await walked(root, path));
    else paths.push(path);
  }
  return paths.sort();
}

/** Paths of all files that git knows or would add. */
export async function tracked(root: string): Promise<string[]> {
  const list = (await git(root, "ls-files", "-z", "--cached", "--others", "--exclude-standard"))
    .split("\0").filter((path) => path !== "");
  const gone = new Set((await git(root, "ls-files", "-z", "--deleted")).split("\0"));
  return [...new Set(list)].filter((path) => !gone.has(path)).sort();
}

/** Paths of all files that differ from a revision, and of those that git does not know. */
export async function changedSince(root: string, revision: string): Promise<string[]> {
  const changed = await git(root, "diff", "--name-only", "-z", revision);
  const fresh = await git(root, "ls-files", "-z", "--others", "--exclude-standard");
  return (changed + fresh).split("\0").filter((path) => path !== "");
}

/** What git prints. */
async function git(root: string, ...args: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await new Deno.Command("git", { args: ["-C", root, ...args] })
    .output();
  if (code === 0) return new TextDecoder().decode(stdout);
  throw new Error(`Cannot run git ${args[0]}: ${new TextDecoder().decode(stderr).trim()}`);
}

/** A copy of some files of a tree in a temporary folder, which is removed with it. */
export class Copy implements AsyncDisposable {
  private constructor(
    /** The folder. */
    readonly root: string,
  ) {}

  /** Copies the files. */
  static async of(root: string, paths: readonly string[]): Promise<Copy> {
    const copy = new Copy(await Deno.makeTempDir({ prefix: "hiddenkey-mutations-" }));
    const folders = new Set(paths.map((path) => path.replace(/[^/]*$/, "")));
    for (const folder of folders) await Deno.mkdir(`${copy.root}/${folder}`, { recursive: true });
    for (const path of paths) await Deno.copyFile(`${root}/${path}`, `${copy.root}/${path}`);
    return copy;
  }

  /** Text of a file. */
  read(path: string): Promise<string> {
    return Deno.readTextFile(`${this.root}/${path}`);
  }

  /** Changes a file. */
  write(path: string, text: string): Promise<void> {
    return Deno.writeTextFile(`${this.root}/${path}`, text);
  }

  /** Removes the folder. */
  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.root, { recursive: true });
  }
}
