#!/bin/sh
# One run by two processes of this machine, each with a card of its own, whose gradients NCCL sums
# (`--distributed mpi` needs no NCCL, and sums on the host). From the project's root:
#   train/distributed/examples/two_cards.sh --task e2e --data e2e --model gpt2-medium --out runs/e2e
set -eu
exec mpirun -n 2 deno run --no-prompt --allow-read --allow-write --allow-env --allow-ffi \
  train/main.ts train --distributed nccl --backend cuda "$@"
