#!/bin/sh
# One run by two processes of this machine, each with half of the cores. From the project's root:
#   train/distributed/examples/laptop.sh --task rte --data glue/RTE --model all-MiniLM-L6-v2 --out runs/rte
set -eu
exec mpirun -n 2 deno run --no-prompt --allow-read --allow-write --allow-env --allow-ffi \
  train/main.ts train --distributed mpi --backend cpu "$@"
