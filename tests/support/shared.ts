/** Folder with the data and oracles that lies beside the project and is never copied into it. */
export const sharedRoot: string = decodeURIComponent(
  new URL("../../../shared", import.meta.url).pathname,
);

function isPresent(path: string): boolean {
  try {
    return Deno.statSync(path).isDirectory;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

/** Whether the folder is there. */
export const sharedPresent: boolean = isPresent(sharedRoot);

/** Path of a file or folder below {@linkcode sharedRoot}. */
export function shared(path: string): string {
  return `${sharedRoot}/${path}`;
}

/** Registers a test that is skipped, visibly, where the shared folder is absent. */
export function sharedTest(name: string, fn: () => void | Promise<void>): void {
  Deno.test({ name: `${name} (needs reference data in ../shared)`, ignore: !sharedPresent, fn });
}
