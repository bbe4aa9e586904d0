// Attention by tiles: what the policy in kernels/webgpu/attention/attention_policy.ts is made from.
// deno task bench attention --backend webgpu --batch 8 --heads 16 --length 512 --size 64 --causal
import type { Binding } from "../core/backend.ts";
import { Device } from "../core/device.ts";
import { gradient } from "../core/gradient.ts";
import { matmul } from "../core/ops/matmul.ts";
import { sum } from "../core/ops/reduce.ts";
import { permute, transpose } from "../core/ops/view.ts";
import type { AttentionProgram } from "../core/program.ts";
import type { Tensor } from "../core/tensor.ts";
import {
  attentionAlways,
  type AttentionPolicy,
  type AttentionTiles,
  workgroupBytes,
} from "../kernels/webgpu/attention/attention_policy.ts";
import { WebGpuBackend } from "../kernels/webgpu/backend.ts";
import { type AttentionOptions, attentionWeights } from "../nn/layers/attention_weights.ts";
import { attentionInOne } from "../nn/layers/fused_attention.ts";
import type { Command } from "../train/commands/command.ts";
import { bench, size } from "./bench.ts";
import { milliseconds, report } from "./measure.ts";
import { fill } from "./rowwise_cases.ts";

/** Tiles that are tried: rows of a workgroup, and what an invocation has of rows, scores and elements. */
const tried: readonly AttentionTiles[] = [
  { rows: 32, own: 4, across: 4, units: 8 },
  { rows: 32, own: 4, across: 8, units: 8 },
  { rows: 32, own: 8, across: 8, units: 8 },
  { rows: 64, own: 4, across: 4, units: 8 },
  { rows: 64, own: 4, across: 8, units: 8 },
  { rows: 64, own: 8, across: 4, units: 8 },
  { rows: 64, own: 8, across: 8, units: 8 },
  { rows: 64, own: 4, across: 4, units: 4 },
  { rows: 128, own: 8, across: 4, units: 8 },
].flatMap((tiles) => [8, 16].map((depth) => ({ ...tiles, depth })));

/** Measures each pass in each tile, best first, and all passes against products and rows. */
export const attentionBench: Command = bench({
  summary: "Measure attention by tiles, which the policy of WebGPU is made from",
  usage: "  deno task bench attention --backend webgpu --heads 16 --length 512 --size 64 --causal",
  options: {
    batch: size("sequences", 8),
    heads: size("heads of each", 16),
    length: size("tokens of each", 512),
    size: size("elements of a head", 64),
    causal: { kind: "switch", help: "see earlier tokens alone" },
    top: size("tiles to show for each pass", 4),
    repeats: size("runs of each program", 20),
  },
  async run(options, { device: { backend }, reason }) {
    if (!(backend instanceof WebGpuBackend)) throw new TypeError("WebGPU is required");
    const { batch, heads, length, size, causal = false, repeats } = options;
    const run: AttentionRun = { shape: [batch, length, heads, 1, size], causal, repeats };
    const { limits } = backend;
    const rows: { pass: string; tiles: string; us: number }[] = [];
    for (const [name, policy] of [["never", undefined], ["always", attentionAlways]] as const) {
      const us = await wholeMicroseconds(backend, run, policy);
      rows.push({ pass: "all", tiles: name, us });
    }
    const measured: typeof rows = [];
    for (const tiles of tried) {
      const { rows: owned, own, units } = tiles;
      const fits = workgroupBytes(tiles, size) <= limits.maxComputeWorkgroupStorageSize &&
        owned / own * size / units <= limits.maxComputeInvocationsPerWorkgroup;
      if (!fits) continue;
      for (const [pass, us] of await passMicroseconds(backend, run, tiles)) {
        measured.push({ pass, tiles: Object.values(tiles).join(" "), us });
      }
    }
    measured.sort((a, b) => a.us - b.us);
    for (const pass of ["forward", "queries", "keys", "gradient"]) {
      rows.push(...measured.filter((row) => row.pass === pass).slice(0, options.top));
    }
    report(rows, options.json, reason);
  },
});

/** What is measured. */
interface AttentionRun {
  readonly shape: readonly [batch: number, length: number, heads: number, group: 1, size: number];
  readonly causal: boolean;
  readonly repeats: number;
}

/** A device of a policy, and attention on it: all of its passes, where one program is possible. */
async function attentionOn(
  { device, facts }: WebGpuBackend,
  { shape, causal }: AttentionRun,
  policy: AttentionPolicy | undefined,
) {
  const backend = new WebGpuBackend(device, facts, undefined, {}, policy);
  await backend.prepare();
  const own = new Device(backend);
  const options: AttentionOptions = { scale: shape[4] ** -0.5, causal, maximum: shape[1] };
  const attend = (inputs: readonly Tensor[]) => {
    const [q, k, v] = inputs.map((x) => permute(x, [0, 2, 3, 1, 4])) as [Tensor, Tensor, Tensor];
    return attentionInOne(q, k, v, options) ??
      matmul(attentionWeights(matmul(q, transpose(k)), options), v);
  };
  const inputs = () => [0, 1, 2].map(() => fill(own, ...shape));
  return {
    own,
    backend,
    inputs,
    all: (x: readonly Tensor[]) => gradient(() => sum(attend(x)), x),
  };
}

/** Microseconds of the forward pass and the gradient. */
async function wholeMicroseconds(
  backend: WebGpuBackend,
  run: AttentionRun,
  policy: AttentionPolicy | undefined,
): Promise<number> {
  const { own, inputs, all } = await attentionOn(backend, run, policy);
  using _scope = own.scope("attention");
  const x = inputs();
  const settle = () => own.backend.read(x[0]!.value.storage.buffer, 0, 4);
  const ms = await milliseconds(own, () => void all(x), settle, run.repeats, 3);
  return Number((1000 * ms).toFixed(1));
}

/** Microseconds of each pass by itself. */
async function passMicroseconds(
  shared: WebGpuBackend,
  run: AttentionRun,
  tiles: AttentionTiles,
): Promise<[string, number][]> {
  const { own, backend, inputs, all } = await attentionOn(shared, run, () => tiles);
  using _scope = own.scope("attention");
  const attention = backend.attention!;
  const passes: [AttentionProgram, Binding][] = [];
  const record = attention.run.bind(attention);
  attention.run = (program, binding) => {
    passes.push([program, binding]);
    record(program, binding);
  };
  const x = inputs();
  all(x);
  const settle = () => backend.read(x[0]!.value.storage.buffer, 0, 4);
  const times: [string, number][] = [];
  for (const [program, binding] of passes) {
    const ms = await milliseconds(own, () => record(program, binding), settle, run.repeats, 3);
    times.push([program.pass, Number((1000 * ms).toFixed(1))]);
  }
  return times;
}
