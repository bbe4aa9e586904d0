// A whole LoRA step with random weights. deno task bench step --model gpt2-medium --batch 8 --length 64
import { seedKey } from "../core/random.ts";
import { toLabelled } from "../nn/batch.ts";
import { type Method, methods, plan } from "../nn/dropout.ts";
import { Trainable } from "../nn/trainable.ts";
import { trainStep } from "../train/step.ts";
import { prepare, report } from "./measure.ts";
import { modelShapes, randomModel } from "./random_model.ts";

/** Measures steps: milliseconds, dispatches, peak bytes. */
export async function stepBench(args: string[]): Promise<void> {
  const integer = (help: string, fallback: number) =>
    ({ kind: "integer", help, fallback, least: 1 }) as const;
  const { values, device, reason } = await prepare({
    model: { kind: "choice", choices: Object.keys(modelShapes), help: "shape", fallback: "minilm" },
    batch: integer("sequences", 8),
    length: integer("tokens of each", 64),
    method: { kind: "choice", choices: methods, help: "method", fallback: "lora" },
    steps: integer("measured steps", 20),
  }, args);
  await using _device = device;
  using _scope = device.scope("bench");
  const name = values["model"] as keyof typeof modelShapes;
  const { model, decoder } = randomModel(device, name);
  const [batch, length, steps] = ["batch", "length", "steps"].map((key) =>
    values[key] as number
  ) as [
    number,
    number,
    number,
  ];
  const trainable = await Trainable.of(model, device);
  const method = values["method"] as Method;
  const dropout = plan(method, decoder);
  const times: number[] = [];
  const { statistics } = device.backend;
  let dispatches = 0;
  for (let step = -3; step < steps; step++) {
    using _step = device.scope("step");
    const before = statistics.runs;
    const start = performance.now();
    const examples = Array.from({ length: batch }, (_, b) => ({
      ids: Array.from({ length }, (_, i) => (b * 131 + i * 17 + step * 7 + 50) % 30000),
      ...(decoder ? { predictFrom: Math.floor(length / 2) } : { label: b % 2 }),
    }));
    const labelled = toLabelled(device, examples, examples.map((_, b) => b), 0);
    const { loss } = trainStep({ model, trainable }, [labelled], seedKey(step + 9), {
      plan: dropout,
      optimiser: { learningRate: 1e-4 },
    });
    const value = await loss.item();
    if (!Number.isFinite(value)) throw new RangeError(`Cannot go on with a loss of ${value}`);
    if (step >= 0) times.push(performance.now() - start);
    dispatches = statistics.runs - before;
  }
  times.sort((a, b) => a - b);
  report(
    [{
      model: name,
      method,
      batch,
      length,
      ms: Number(times[Math.floor(steps / 2)]!.toFixed(2)),
      least: Number(times[0]!.toFixed(2)),
      dispatches,
      peakMegabytes: Math.round(statistics.peakBytes / 1e6),
      liveBuffers: statistics.buffers,
    }],
    values["json"],
    reason,
  );
}
