#!/bin/sh
#SBATCH --nodes=2
#SBATCH --ntasks-per-node=4
#SBATCH --gpus-per-node=4
#SBATCH --signal=TERM@120
# One run by eight processes on two nodes, each with a card of its own. Two minutes before the time is
# up the run is asked to end and saves a checkpoint. From the project's root, which all nodes see:
#   sbatch train/distributed/examples/slurm.sh --task e2e --data e2e --model gpt2-medium --out runs/e2e
# `--mpi=pmix` fits an Open MPI that was built with PMIx, `--mpi=pmi2` an MPICH.
set -eu
exec srun --mpi=pmix --kill-on-bad-exit=1 \
  deno run --no-prompt --allow-read --allow-write --allow-env --allow-ffi \
  train/main.ts train --distributed mpi --backend cuda "$@"
