/** Runs of several processes that nobody but a loop starts, as a shell would. */

import type { RankBlow } from "./mpi/launch.ts";

const root = decodeURIComponent(new URL("../..", import.meta.url).pathname);
const permissions = [
  ...["--no-prompt", "--quiet", "--allow-read", "--allow-write", "--allow-env", "--allow-run"],
  "--allow-net=127.0.0.1",
];

/** What a process left. */
export interface LoopResult {
  /** Exit code; 137 where it was killed. */
  readonly code: number;
  /** What was printed. */
  readonly text: string;
}

/**
 * Runs `train`, or another program, in processes by TCP, each with its flags, and gives what all left,
 * and the seconds until the first had ended; those that hang then are killed after a grace.
 */
export async function launchLoop(
  programs: readonly (readonly string[])[],
  blow?: RankBlow,
  program = "tests/support/mpi/victim.ts",
): Promise<{ readonly results: readonly LoopResult[]; readonly seconds: number }> {
  const started = performance.now();
  const children = programs.map((flags, rank) =>
    new Deno.Command("deno", {
      args: ["run", ...permissions, `${root}${program}`, ...flags],
      cwd: root,
      env: {
        ...{ NO_COLOR: "1", RANK: `${rank}`, WORLD_SIZE: `${programs.length}` },
        ...(blow && { HIDDENKEY_BLOW: `${blow.rank} ${blow.signal} ${blow.when}` }),
      },
      ...{ stdout: "piped", stderr: "piped" },
    }).spawn()
  );
  const ended = children.map((child) => child.output());
  const healthy = ended.filter((_, rank) => rank !== blow?.rank);
  await Promise.race(healthy);
  const seconds = (performance.now() - started) / 1000;
  if (blow?.signal === "SIGSTOP") {
    await Promise.all(healthy);
    children[blow.rank]!.kill("SIGKILL");
  }
  const results = (await Promise.all(ended)).map(({ code, stdout, stderr }) => ({
    code,
    text: [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes)).join(""),
  }));
  return { results, seconds };
}
