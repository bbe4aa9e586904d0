/** Programs that some machines lack, as child processes. */

/** Path of a program that PATH leads to. */
export function findProgram(name: string): string | undefined {
  const folders = (Deno.env.get("PATH") ?? "").split(":");
  return folders.map((folder) => `${folder}/${name}`).find((path) => {
    try {
      return Deno.statSync(path).isFile;
    } catch {
      return false;
    }
  });
}

/** Whether a program is there and this process may start it. */
export function mayRun(name: string): boolean {
  const { state } = Deno.permissions.querySync({ name: "run", command: name });
  return state === "granted" && findProgram(name) !== undefined;
}

/**
 * Runs a program and returns what it prints on standard output.
 *
 * @throws {Error} If it fails, with what it says on standard error
 */
export async function outputOf(
  program: string,
  args: readonly string[],
  cwd = ".",
): Promise<string> {
  const command = new Deno.Command(program, { args: [...args], cwd, env: { NO_COLOR: "1" } });
  const { success, stdout, stderr } = await command.output();
  const decoder = new TextDecoder();
  if (!success) throw new Error(`${program} failed: ${decoder.decode(stderr)}`);
  return decoder.decode(stdout);
}
