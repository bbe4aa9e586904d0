/**
 * What it costs to sum a gradient over processes, which mpirun starts:
 *
 *     mpirun -n 2 deno run --allow-ffi --allow-env bench/group_sum.ts [numbers] [rounds]
 *
 * Default are the 393,216 numbers of LoRA with r = 4 on query and value of GPT-2 medium.
 */

import { openGroup } from "../train/distributed/open_group.ts";

if (import.meta.main) {
  const [numbers = 393216, rounds = 50] = Deno.args.map(Number);
  await using group = await openGroup({ distributed: "mpi", mpi: "auto", distributedTimeout: 50 });
  const values = new Float32Array(numbers).fill(1e-3);
  const times: number[] = [];
  for (let round = 0; round < rounds; round++) {
    await group.gather("");
    const started = performance.now();
    await group.sum(values);
    times.push(performance.now() - started);
  }
  times.sort((a, b) => a - b);
  if (group.rank === 0) {
    const [least, middle] = [times[0]!, times[rounds >> 1]!].map((time) => time.toFixed(2));
    console.log(
      `${numbers} numbers, ${group.size} processes, ${group.name}: ${least} ms at least, ${middle} ms in the middle`,
    );
  }
}
