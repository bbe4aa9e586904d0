#!/bin/sh
# Submits a sweep to Slurm: an array for the runs that choose settings, and one for those that are
# reported, which begins when the first has ended. From the project's root:
#   train/sweep/examples/slurm.sh FOLDER [options of sbatch]
set -eu
folder=$1
shift
here=$(dirname "$0")
after=
for stage in tune report; do
  runs=$(grep -c "\"stage\":\"$stage\"" "$folder/plan.jsonl" || true)
  [ "$runs" -gt 0 ] || continue
  job=$(sbatch --parsable --array="0-$((runs - 1))" $after "$@" "$here/slurm_run.sh" "$folder" "$stage")
  echo "$stage: job $job, $runs runs"
  # A run that failed does not keep the others from being reported.
  after="--dependency=afterany:$job"
done
