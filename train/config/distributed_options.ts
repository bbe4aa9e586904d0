/**
 * Options of a run that several processes make together.
 *
 * @module
 */

import type { OptionTable } from "./options.ts";

/** What connects the processes of a run, as `--distributed` takes it. */
export const distributedNames = ["off", "mpi", "tcp", "nccl"] as const;
/** What connects the processes of a run. */
export type DistributedName = typeof distributedNames[number];

/** Options of a run of several processes. */
export const distributedOptions = {
  distributed: {
    group: "processes",
    kind: "choice",
    choices: distributedNames,
    help: "make one run by all processes that mpirun, srun or torchrun started; nccl sums on cards",
    default: "off",
  },
  mpi: {
    group: "processes",
    kind: "text",
    help: "library of MPI, auto or its path",
    default: "auto",
  },
  nccl: {
    group: "processes",
    kind: "text",
    help: "library of NCCL, auto or its path",
    default: "auto",
  },
  rendezvous: {
    group: "processes",
    kind: "text",
    help: "file that all processes see, by which they find each other without MPI",
    defaultText: "MPI",
  },
  distributedTimeout: {
    group: "processes",
    kind: "number",
    above: 0,
    help: "seconds, beyond its longest work so far, that a process waits for the others",
    default: 50,
  },
} as const satisfies OptionTable;

const { mpi, rendezvous, distributedTimeout } = distributedOptions;

/** Options of work without gradients that several processes do together. */
export const sharedWorkOptions = {
  distributed: {
    ...distributedOptions.distributed,
    choices: ["off", "mpi", "tcp"],
    help: "share the work between all processes that mpirun, srun or torchrun started",
  },
  ...{ mpi, rendezvous, distributedTimeout },
} as const satisfies OptionTable;
