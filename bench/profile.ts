// Where a step's time goes: each program of one step, run again many times by itself.
// deno task bench profile --backend webgpu --model minilm --batch 16 --length 64
import type { Binding } from "../core/backend.ts";
import type { Program } from "../core/program.ts";
import { seedKey } from "../core/random.ts";
import { toLabelled } from "../nn/batch.ts";
import { type Method, methods, plan } from "../nn/dropout.ts";
import { Trainable } from "../nn/trainable.ts";
import { trainStep } from "../train/step.ts";
import { prepare, report } from "./measure.ts";
import { modelShapes, randomModel } from "./random_model.ts";

/** Prints the programs that take most of a step. */
export async function profileBench(args: string[]): Promise<void> {
  const integer = (help: string, fallback: number) =>
    ({ kind: "integer", help, fallback, least: 1 }) as const;
  const { values, device, reason } = await prepare({
    model: { kind: "choice", choices: Object.keys(modelShapes), help: "shape", fallback: "minilm" },
    batch: integer("sequences", 16),
    length: integer("tokens of each", 64),
    method: { kind: "choice", choices: methods, help: "method", fallback: "lora" },
    repeats: integer("runs of each program", 100),
  }, args);
  await using _device = device;
  using _scope = device.scope("bench");
  const { model, decoder } = randomModel(device, values["model"] as keyof typeof modelShapes);
  const [batch, length, repeats] = ["batch", "length", "repeats"].map((key) => values[key]) as [
    number,
    number,
    number,
  ];
  const trainable = await Trainable.of(model, device);
  const { backend } = device;
  const run = backend.run.bind(backend);
  const seen = new Map<string, { program: Program; binding: Binding; count: number }>();
  const step = async () => {
    using _step = device.scope("step");
    const examples = Array.from({ length: batch }, (_, b) => ({
      ids: Array.from({ length }, (_, i) => (b * 131 + i * 17 + 50) % 30000),
      ...(decoder ? { predictFrom: Math.floor(length / 2) } : { label: b % 2 }),
    }));
    const labelled = toLabelled(device, examples, examples.map((_, b) => b), 0);
    const { loss } = trainStep({ model, trainable }, [labelled], seedKey(1), {
      plan: plan(values["method"] as Method, decoder),
      optimiser: { learningRate: 0 },
    });
    await loss.item();
  };
  await step();
  await step();
  backend.run = (program, binding) => {
    const strides = binding.inputs.map((input) => input.strides.join(" ")).join("|");
    const key = `${program.key}/${binding.space}/${strides}`;
    const found = seen.get(key);
    if (found === undefined) seen.set(key, { program, binding, count: 1 });
    else found.count++;
    run(program, binding);
  };
  await step();
  backend.run = run;
  const rows: { program: string; space: string; count: number; each: number; total: number }[] = [];
  for (const { program, binding, count } of seen.values()) {
    let each = Infinity;
    for (let round = 0; round < 3; round++) {
      const start = performance.now();
      for (let i = 0; i < repeats; i++) run(program, binding);
      await backend.read(binding.outputs[0]!.buffer, 0, 4);
      each = Math.min(each, (performance.now() - start) / repeats * 1000);
    }
    const name = "outputs" in program
      ? `${program.family} ${program.outputs.map(({ op }) => op)}`
      : program.family;
    rows.push({
      program: name.slice(0, 40),
      space: binding.space.join(" "),
      count,
      each: Number(each.toFixed(1)),
      total: Number((each * count / 1000).toFixed(3)),
    });
  }
  rows.sort((a, b) => b.total - a.total);
  const sum = rows.reduce((total, row) => total + row.total, 0);
  report(
    rows.slice(0, 40),
    values["json"],
    `${reason}: ${sum.toFixed(2)} ms in all, microseconds each`,
  );
}
