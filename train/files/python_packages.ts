/**
 * Where packages of Python lie, which bring libraries along.
 *
 * @module
 */

/** Folders of packages of the Pythons below a root; none where it cannot be read. */
export function pythonPackageFolders(root: string): string[] {
  try {
    return [...Deno.readDirSync(`${root}/lib`)]
      .map(({ name }) => name)
      .filter((name) => /^python3(?:\.\d+)?$/.test(name))
      .sort()
      .flatMap((name) =>
        ["site-packages", "dist-packages"].map((kind) => `${root}/lib/${name}/${kind}`)
      );
  } catch {
    return [];
  }
}

/** Whether a file is there, as far as this process may see. */
export function isFileThere(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch {
    return false;
  }
}
