/** The Python of the interoperability tests, where there is one. */

/** Path of a file below `tests`. */
export const here = (path: string): string =>
  decodeURIComponent(new URL(`../${path}`, import.meta.url).pathname);

/** The interpreter, where one is named and this process may start it. */
function findPython(): string | undefined {
  const named = { name: "env", variable: "HIDDENKEY_PYTHON" } as const;
  if (Deno.permissions.querySync(named).state !== "granted") return undefined;
  const command = Deno.env.get("HIDDENKEY_PYTHON");
  if (command === undefined || command === "") return undefined;
  return Deno.permissions.querySync({ name: "run", command }).state === "granted"
    ? command
    : undefined;
}

const python = findPython();

/** Whether Python is absent. */
export const withoutPython: boolean = python === undefined;

/** What a test that needs Python adds to its name. */
export const needsPython =
  "(needs HIDDENKEY_PYTHON, a Python with transformers and peft, and --allow-run for it)";

/** Runs a script of `tests/interop` and returns the JSON that it prints. */
export async function runPython(
  script: string,
  args: readonly string[],
  env: Record<string, string> = {},
): Promise<unknown> {
  const { success, stdout, stderr } = await new Deno.Command(python!, {
    args: [here(`interop/${script}`), ...args],
    env,
  }).output();
  const decoder = new TextDecoder();
  if (!success) throw new Error(decoder.decode(stderr));
  return JSON.parse(decoder.decode(stdout));
}
