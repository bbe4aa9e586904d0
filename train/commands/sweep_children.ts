/**
 * Several processes that work on one sweep: children of this program with its own permissions.
 *
 * @module
 */

import { kebab, type OptionValues } from "../config/options.ts";
import type { Interrupt } from "./interrupt.ts";
import type { SweepProgress } from "./sweep_progress.ts";

/** What children are started for. */
export interface Children {
  /** Options of the command. */
  readonly given: {
    readonly folder: string;
    readonly stage?: string;
    readonly together: number;
  };
  /** Options of the machine. */
  readonly machine: Readonly<OptionValues>;
  /** How many there are. */
  readonly jobs: number;
  /** Ends them. */
  readonly interrupt: Interrupt;
  /** Is told of their lines. */
  readonly progress: SweepProgress;
}

/** Hosts that `deno task` lets a program ask. */
const hosts = ["huggingface.co", "*.huggingface.co", "*.hf.co"];

/** Flags by which a child may do what this process may, but for starting others. */
async function permissionFlags(): Promise<string[]> {
  const granted = async (descriptor: Deno.PermissionDescriptor) =>
    (await Deno.permissions.query(descriptor)).state === "granted";
  const whole = ["read", "write", "env", "sys", "net", "ffi"] as const;
  const flags: string[] = [];
  for (const name of whole) if (await granted({ name })) flags.push(`--allow-${name}`);
  if (!flags.includes("--allow-sys") && await granted({ name: "sys", kind: "systemMemoryInfo" })) {
    flags.push("--allow-sys=systemMemoryInfo");
  }
  if (!flags.includes("--allow-net") && await granted({ name: "net", host: hosts[0]! })) {
    flags.push(`--allow-net=${hosts.join()}`);
  }
  return flags;
}

/**
 * Starts processes that each take the next run that is left, and waits for their ends.
 *
 * @returns Exit code: the signal's that ended them, else the largest of theirs
 */
export async function runChildren(
  { given, machine, jobs, interrupt, progress }: Children,
): Promise<number> {
  const main = new URL("../main.ts", import.meta.url).href;
  const { folder, stage, together } = given;
  const own = { folder, stage, together, jobs: 1, ...machine };
  const flags = Object.entries(own).filter(([, value]) => value !== undefined)
    .map(([name, value]) => `--${kebab(name)}=${value}`);
  const args = [
    ...["run", "--quiet", "--no-prompt", ...await permissionFlags(), main],
    ...["sweep", "run", "--quiet", ...flags],
  ];
  const ends = await Promise.all(
    Array.from({ length: jobs }, () => endOf(args, { interrupt, progress })),
  );
  return interrupt.code || Math.max(...ends);
}

async function endOf(
  args: readonly string[],
  { interrupt, progress }: Pick<Children, "interrupt" | "progress">,
): Promise<number> {
  const child = new Deno.Command("deno", {
    args: [...args],
    stdin: "null",
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  const stop = () => {
    try {
      child.kill("SIGTERM");
    } catch {
      // It has ended.
    }
  };
  interrupt.signal.addEventListener("abort", stop);
  const lines = child.stdout.pipeThrough(new TextDecoderStream());
  let rest = "";
  for await (const text of lines) {
    const parts = `${rest}${text}`.split("\n");
    rest = parts.pop()!;
    for (const line of parts) progress.ended(line);
    progress.far();
  }
  const { code, signal } = await child.status;
  interrupt.signal.removeEventListener("abort", stop);
  if (signal !== null && interrupt.code === 0) {
    progress.note(`a process was ended by ${signal}: what it had begun is left to the others`);
  }
  return code;
}
