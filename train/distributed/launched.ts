/**
 * What a launcher tells a process of its place among those that it started, where no library of MPI is
 * asked.
 *
 * @module
 */

import { OptionError } from "../../core/errors.ts";
import type { Environment } from "../hub/settings.ts";

/** A process among those of a run. */
export interface Launched {
  /** Its number, from 0. */
  readonly rank: number;
  /** How many there are. */
  readonly size: number;
  /** Whether all are known to run on this machine. */
  readonly isLocal: boolean;
  /** What tells the run from others that were started alike; empty where nobody says. */
  readonly run: string;
}

/** Variables of a launcher: of the process, of all, of those on its machine, and of the run. */
interface Variables {
  readonly rank: string;
  readonly size: string;
  readonly here: string;
  readonly run: readonly string[];
}

const launchers: readonly Variables[] = [
  { rank: "RANK", size: "WORLD_SIZE", here: "LOCAL_WORLD_SIZE", run: ["TORCHELASTIC_RUN_ID"] },
  {
    rank: "OMPI_COMM_WORLD_RANK",
    size: "OMPI_COMM_WORLD_SIZE",
    here: "OMPI_COMM_WORLD_LOCAL_SIZE",
    run: ["OMPI_MCA_ess_base_jobid"],
  },
  { rank: "PMI_RANK", size: "PMI_SIZE", here: "MPI_LOCALNRANKS", run: [] },
  {
    rank: "SLURM_PROCID",
    size: "SLURM_STEP_NUM_TASKS",
    here: "SLURM_STEP_TASKS_PER_NODE",
    run: ["SLURM_JOB_ID", "SLURM_STEP_ID"],
  },
];

/**
 * The place of this process, of the first launcher that says it: torchrun, Open MPI, MPICH, Slurm.
 *
 * @throws {OptionError} If none does, or a number is none
 */
export function launchedProcess(environment: Environment): Launched {
  const known = launchers.filter(({ rank, size }) =>
    environment(rank) !== undefined && environment(size) !== undefined
  );
  // A container may have a size of 1 that no launcher means.
  const found = known.find(({ size }) => environment(size) !== "1") ?? known[0];
  if (found === undefined) {
    throw new OptionError(
      "Cannot join processes as RANK and WORLD_SIZE are required of the environment, or what mpirun " +
        "or srun sets: found none",
    );
  }
  const size = numberOf(found.size, environment, [1, Infinity]);
  const rank = numberOf(found.rank, environment, [0, size - 1]);
  return {
    rank,
    size,
    isLocal: environment(found.here) === `${size}`,
    run: found.run.map((name) => environment(name) ?? "").join("."),
  };
}

function numberOf(
  name: string,
  environment: Environment,
  [least, most]: readonly [number, number],
): number {
  const text = environment(name)!;
  const number = Number(text);
  if (/^\d+$/.test(text) && number >= least && number <= most) return number;
  const required = most === Infinity ? `of at least ${least}` : `from ${least} to ${most}`;
  throw new OptionError(
    `Cannot join processes as an integer ${required} is required in ${name} of the environment: ` +
      `found ${text}`,
  );
}
