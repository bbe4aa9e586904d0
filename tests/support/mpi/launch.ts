/** Launchers of MPI, where there are some, and runs that they start. */

/** A launcher and the library that its processes take. */
export interface Launcher {
  /** Name of the library. */
  readonly title: string;
  /** The command. */
  readonly command: string;
  /** What it is told beside the number of processes: more of them than cores, as whoever tests. */
  readonly args: readonly string[];
  /**
   * Whether it names the process that was killed. MPICH's kills the others at once and may name one of
   * those.
   */
  readonly namesKilled: boolean;
}

const known: readonly Launcher[] = [
  {
    title: "Open MPI",
    command: "mpirun.openmpi",
    args: ["--oversubscribe", "--bind-to", "none", "--allow-run-as-root"],
    namesKilled: true,
  },
  { title: "MPICH", command: "mpirun.mpich", args: [], namesKilled: false },
];

function isThere({ command }: Launcher): boolean {
  if (Deno.permissions.querySync({ name: "run", command }).state !== "granted") return false;
  try {
    return new Deno.Command(command, { args: ["--version"], stderr: "null" }).outputSync().success;
  } catch {
    return false;
  }
}

/** The launchers, and whether each is absent here. */
export const launchers: readonly (Launcher & { readonly isAbsent: boolean })[] = known.map(
  (one) => ({ ...one, isAbsent: !isThere(one) }),
);

/** What a test adds to its name that needs one. */
export const needs = ({ command }: Launcher): string =>
  `(needs ${command}, and --allow-run for it)`;

/** A signal to a process of a run: at a moment in milliseconds, or once a path is there. */
export interface RankBlow {
  readonly rank: number;
  readonly signal: "SIGKILL" | "SIGSTOP" | "SIGTERM";
  readonly when: string;
}

/** What a run left. */
export interface LaunchResult {
  /** Exit code of the launcher. */
  readonly code: number;
  /** What was printed. */
  readonly text: string;
  /** Seconds that it took. */
  readonly seconds: number;
}

const root = decodeURIComponent(new URL("../../..", import.meta.url).pathname);
const permissions = [
  ...["--no-prompt", "--quiet", "--allow-read", "--allow-write", "--allow-env", "--allow-ffi"],
  "--allow-run",
];

/** Runs `train` in so many processes; each list of flags is of as many of them. */
export async function launch(
  launcher: Launcher,
  programs: readonly (readonly [processes: number, flags: readonly string[]])[],
  blow?: RankBlow,
): Promise<LaunchResult> {
  const program = `${root}tests/support/mpi/victim.ts`;
  const parts = programs.map(([count, flags]) => [
    ...["-n", `${count}`, "deno", "run", ...permissions, program, "--distributed=mpi", ...flags],
  ]);
  const started = performance.now();
  const { code, stdout, stderr } = await new Deno.Command(launcher.command, {
    args: [...launcher.args, ...parts.flatMap((part, i) => i === 0 ? part : [":", ...part])],
    cwd: root,
    env: {
      NO_COLOR: "1",
      ...(blow && { HIDDENKEY_BLOW: `${blow.rank} ${blow.signal} ${blow.when}` }),
    },
  }).output();
  const text = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes)).join("");
  return { code, text, seconds: (performance.now() - started) / 1000 };
}

/** Ranks of the processes that what was printed names: by rank, or by the number the run gave with it. */
export function namedRanks(text: string): number[] {
  const ranks = [...text.matchAll(/\b(\d+) \(pid (\d+)\)/g)];
  return ranks.filter(([, rank, pid]) =>
    new RegExp(`process(?: rank)? ${rank}\\b|PID ${pid}\\b`).test(text)
  ).map(([, rank]) => Number(rank));
}

/** Whether what was printed says who ended a run of which a process was killed, as its launcher does. */
export function saysWho({ namesKilled }: Launcher, rank: number, text: string): boolean {
  const found = namedRanks(text);
  return namesKilled ? found.includes(rank) : found.length > 0;
}
