// What the answers of the contenders say, beside the bars they are held to.
import { median } from "../measure.ts";
import type { Answers, Case } from "./contender.ts";
import { cell, judged, milliseconds, speedup, table } from "./report.ts";

const peers = ["tfjs", "onnxruntime", "jax-js 1"] as const;
const columns = [
  ...["peak 1", "ours 1", ...peers, "peak 2", "ours 2", "jax-js 2"],
  ...["BLAS 1", "NumPy 1", "PyTorch 1", "BLAS 2", "NumPy 2", "PyTorch 2"],
];

/** Products, with the bars of each shape. */
export function productTables(cases: readonly Case[], results: readonly Answers[]): string {
  const speeds: string[][] = [];
  const ratios: string[][] = [];
  for (const [i, { name, sizes }] of cases.entries()) {
    const shape = name.replace("product ", "");
    const answers = results[i]!;
    const work = (who: string) =>
      answers.get(who)?.[0]?.["flop"] ?? 2 * sizes.reduce((a, b) => a * b, 1);
    const ofPeak = (who: string, peak: string) =>
      speedup(answers, who, peak) * work(who) / work(peak);
    const advantages = peers.map((who) => speedup(answers, "ours 1", who)).filter(Number.isFinite);
    speeds.push([
      shape,
      ...columns.map((who) => cell(work(who) / milliseconds(answers, who) / 1e6, 1)),
    ]);
    ratios.push([
      shape,
      judged(ofPeak("ours 1", "peak 1"), 0.86),
      judged(ofPeak("ours 2", "peak 2"), 0.86),
      judged(Math.min(...advantages), 1.8),
      judged(speedup(answers, "ours 2", "jax-js 2"), 1.8),
      judged(speedup(answers, "ours 2", "ours 1"), 1.85),
      judged(speedup(answers, "BLAS 1", "NumPy 1"), 0.95),
      judged(speedup(answers, "BLAS 2", "NumPy 2"), 0.95),
    ]);
  }
  return `## Products, GFLOP/s

The peak is that of multiply-adds of 128 bits, by a loop over registers, in the same rounds.

${table(["m x n x k", ...columns], speeds)}

Bars: 0.86 of the peak, 1.8 times the best WebAssembly peer, 1.85 times with two threads, 0.95 of
NumPy's OpenBLAS.

${
    table([
      "m x n x k",
      "of peak 1",
      "of peak 2",
      "best peer 1",
      "jax-js 2",
      "2 threads",
      "NumPy 1",
      "NumPy 2",
    ], ratios)
  }`;
}

/** Row-wise kernels on one thread. */
export function rowwiseTable(cases: readonly Case[], results: readonly Answers[]): string {
  const names = ["ours 1", ...peers, "PyTorch 1"];
  const rows = cases.map(({ name }, i) => [
    name,
    ...names.map((who) => cell(milliseconds(results[i]!, who))),
    judged(speedup(results[i]!, "ours 1", "PyTorch 1"), 1),
  ]);
  return `## Row-wise kernels, ms, one thread

AdamW of PyTorch is the fused one. Bar: as fast as PyTorch.

${table(["kernel", ...names, "speed / PyTorch"], rows)}`;
}

/** The step, with the share of time outside products and the memory of the processes. */
export function stepTable(answers: Answers): string {
  const rows = [1, 2].flatMap((threads) =>
    ["ours", "BLAS", "PyTorch"].map((name) => {
      const who = `${name} ${threads}`;
      const given = answers.get(who) ?? [];
      const own = name !== "PyTorch";
      const outside = median(given.map((a) => 1 - a["products"]! / a["ms"]!));
      const resident = Math.max(...given.map((a) => a["residentMebibytes"]!));
      const slower = 1 / speedup(answers, who, `PyTorch ${threads}`);
      return [
        who,
        cell(milliseconds(answers, who), 1),
        !own ? "" : name === "BLAS" ? judged(slower, 1.2, "least") : cell(slower),
        !own ? "" : name === "ours" ? judged(outside, 0.25, "least") : cell(outside),
        own ? judged(resident, 500, "least").replace(".00", "") : cell(resident, 0),
      ];
    })
  );
  return `## LoRA step of MiniLM, 16 x 64 tokens, r = 8 on query and value

Against \`bench/peers/lora_step.py minilm 16 64 fp32 cpu\`. Bars: with BLAS at most 1.2 times PyTorch's
time; without it at most 0.25 of the time outside products (epilogues count as outside); 500 MiB.

${table(["", "ms", "time / PyTorch", "outside products", "peak resident MiB"], rows)}`;
}
