#!/bin/sh
# One run of an array; slurm.sh submits it. A minute before its time is up it saves a checkpoint: submit
# the sweep again, and it goes on. So it does where a node failed or the job was preempted.
#SBATCH --job-name=sweep
#SBATCH --cpus-per-task=1
#SBATCH --signal=B:TERM@60
#SBATCH --requeue
exec deno run --no-prompt --allow-read --allow-write --allow-env train/main.ts \
  sweep run "$1" --stage "$2"
