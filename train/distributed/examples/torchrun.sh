#!/bin/sh
# One run by two processes of this machine, each with a card of its own, whose gradients NCCL sums; no
# MPI is needed. From the project's root:
#   train/distributed/examples/torchrun.sh --task e2e --data e2e --model gpt2-medium --out runs/e2e
# Where there is no torchrun, a loop does:
#   for rank in 0 1; do RANK=$rank WORLD_SIZE=2 deno run … & done; wait
set -eu
exec torchrun --no-python --nproc-per-node 2 \
  deno run --no-prompt --allow-read --allow-write --allow-env --allow-ffi --allow-net=127.0.0.1 \
  train/main.ts train --distributed nccl --rendezvous "${TMPDIR:-/tmp}/meeting.$$" --backend cuda "$@"
