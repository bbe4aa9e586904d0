/** NVIDIA's assembler for PTX, where there is one. */

const variable = "HIDDENKEY_PTXAS";

/** The assembler, where one is named and this process may start it. */
function findPtxas(): string | undefined {
  if (Deno.permissions.querySync({ name: "env", variable }).state !== "granted") return undefined;
  const command = Deno.env.get(variable);
  if (command === undefined || command === "") return undefined;
  return Deno.permissions.querySync({ name: "run", command }).state === "granted"
    ? command
    : undefined;
}

const ptxas = findPtxas();

/** Whether the assembler is absent. */
export const withoutPtxas: boolean = ptxas === undefined;

/** What a test that needs the assembler adds to its name. */
export const needsPtxas = `(needs ${variable}, the ptxas of NVIDIA's CUDA, and --allow-run for it)`;

/** Assembles a file for a card, such as `sm_80`, and returns what was wrong. */
export async function assemble(file: string, card: string): Promise<string> {
  const command = new Deno.Command(ptxas!, {
    args: ["-O0", `-arch=${card}`, file, "-o", "/dev/null"],
  });
  const { success, stderr, stdout } = await command.output();
  const decoder = new TextDecoder();
  return success ? "" : decoder.decode(stderr) + decoder.decode(stdout);
}

/** Assembles a file fully and returns each register spilt to memory and each warning. */
export async function assembledBadly(file: string, card: string): Promise<string[]> {
  const command = new Deno.Command(ptxas!, {
    args: ["-v", `-arch=${card}`, file, "-o", "/dev/null"],
  });
  const { stderr, stdout } = await command.output();
  const decoder = new TextDecoder();
  const lines = (decoder.decode(stderr) + decoder.decode(stdout)).split("\n");
  return lines.filter((line) =>
    /[1-9]\d* bytes spill/.test(line) || !(line === "" || /^( |ptxas info\s+: (?!\())/.test(line))
  );
}
