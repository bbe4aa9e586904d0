/** The command line as a child process. */

const root = decodeURIComponent(new URL("../..", import.meta.url).pathname);
const main = `${root}train/main.ts`;

/** What a command left behind. */
export interface CommandResult {
  /** Exit code. */
  readonly code: number;
  /** Standard output. */
  readonly out: string;
  /** Standard error. */
  readonly err: string;
}

/** Runs the command line with the permissions of `deno task train`, but for the hub's. */
export function hiddenkey(...args: readonly string[]): Promise<CommandResult> {
  return hiddenkeyWith({}, ...args);
}

/** Runs the command line with more permissions and environment variables. */
export async function hiddenkeyWith(
  { env = {}, permissions = [] }: {
    readonly env?: Record<string, string>;
    readonly permissions?: readonly string[];
  },
  ...args: readonly string[]
): Promise<CommandResult> {
  const usual = ["--no-prompt", "--allow-read", "--allow-write", "--allow-env"];
  return await finished(["run", ...usual, ...permissions, main, ...args], env);
}

/** Runs a task of deno.json. */
export function task(name: string, ...args: readonly string[]): Promise<CommandResult> {
  return finished(["task", "--quiet", name, ...args]);
}

async function finished(args: string[], env: Record<string, string> = {}): Promise<CommandResult> {
  const command = new Deno.Command("deno", { args, cwd: root, env: { NO_COLOR: "1", ...env } });
  const { code, stdout, stderr } = await command.output();
  const decoder = new TextDecoder();
  return { code, out: decoder.decode(stdout), err: decoder.decode(stderr) };
}

/** Lines of `train` without the time, which all of them must have. */
export function untimed(out: string): string {
  return out.split("\n").slice(0, -1).map((line) => {
    const [time, rest] = [line.slice(0, 20), line.slice(21)];
    if (/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/.test(time) && line[20] === " ") return `${rest}\n`;
    throw new Error(`a time is required: found ${line}`);
  }).join("");
}

/** Runs a job for each item, three at a time. */
export async function inGroups<T>(
  items: readonly T[],
  job: (item: T) => Promise<void>,
): Promise<void> {
  const waiting = [...items];
  const worker = async () => {
    for (let item = waiting.shift(); item !== undefined; item = waiting.shift()) await job(item);
  };
  await Promise.all([worker(), worker(), worker()]);
}

/** Paths of everything below a folder, sorted. */
export function listing(folder: string): string[] {
  return [...Deno.readDirSync(folder)].flatMap(({ name, isDirectory }) => {
    const path = `${folder}/${name}`;
    return isDirectory ? [path, ...listing(path)] : [path];
  }).sort();
}
