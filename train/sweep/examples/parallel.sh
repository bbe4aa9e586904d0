#!/bin/sh
# Makes a sweep with GNU parallel, so many runs at once, here or on other machines that see the same
# folder (--sshlogin). From the project's root:
#   train/sweep/examples/parallel.sh FOLDER [options of parallel, such as -j 4]
set -eu
folder=$1
shift
for stage in tune report; do
  runs=$(grep -c "\"stage\":\"$stage\"" "$folder/plan.jsonl" || true)
  [ "$runs" -gt 0 ] || continue
  # A run that failed does not keep the others from being reported.
  seq 0 $((runs - 1)) | parallel "$@" deno run --no-prompt --allow-read --allow-write --allow-env \
    train/main.ts sweep run "$folder" --stage "$stage" --index '{}' || true
done
