// Where a step's time goes: each program of one step, run again many times by itself.
// deno task bench profile --backend webgpu --model minilm --batch 16 --length 64
import type { Binding } from "../core/backend.ts";
import type { AttentionProgram, Program } from "../core/program.ts";
import { loraStep, stepOptions } from "./lora_step.ts";
import type { Command } from "../train/commands/command.ts";
import { bench, size } from "./bench.ts";
import { report } from "./measure.ts";
import { Timestamps } from "./timestamps.ts";

/** Prints the programs that take most of a step. */
export const profileBench: Command = bench({
  summary: "Measure where a step's time goes, program by program",
  usage: "  deno task bench profile --backend webgpu --model minilm --batch 16 --length 64",
  options: {
    ...stepOptions,
    batch: { ...stepOptions.batch, default: 16 },
    repeats: size("runs of each program", 100),
    families: { kind: "switch", help: "sum the programs of each family" },
  },
  async run(options, { device, reason }) {
    using _scope = device.scope("bench");
    const { repeats } = options;
    const { backend } = device;
    const seen = new Map<string, Seen>();
    const step = await loraStep(device, options);
    await step();
    await step();
    const clock = Timestamps.of(backend);
    const { attention } = backend;
    const ends = [watch(backend, seen, clock), ...attention ? [watch(attention, seen, clock)] : []];
    await step();
    for (const end of ends) end();
    const onGpu = await clock?.read();
    const rows: Record<string, string | number>[] = [];
    const families: Record<string, number> = {};
    for (const [key, { program, binding, count, run }] of seen) {
      let [each, queued] = [Infinity, Infinity];
      for (let round = 0; round < 3; round++) {
        const start = performance.now();
        for (let i = 0; i < repeats; i++) run();
        queued = Math.min(queued, (performance.now() - start) / repeats * 1000);
        await backend.read(binding.outputs[0]!.buffer, 0, 4);
        each = Math.min(each, (performance.now() - start) / repeats * 1000);
      }
      const name = "outputs" in program
        ? `${program.family} ${program.outputs.map(({ op }) => op)}`
        : program.family === "attention"
        ? `attention ${program.pass}`
        : program.family;
      // The clock of a GPU sees a program where it stands; the host sees it among its like.
      const inStep = onGpu?.get(key);
      const total = (inStep ?? each * count) / 1000;
      families[program.family] = (families[program.family] ?? 0) + total;
      rows.push({
        program: name.slice(0, 40),
        space: binding.space.join(" "),
        count,
        queued: Number(queued.toFixed(1)),
        each: Number(each.toFixed(1)),
        ...(inStep !== undefined && { inStep: Number((inStep / count).toFixed(1)) }),
        total: Number(total.toFixed(3)),
      });
    }
    rows.sort((a, b) => Number(b["total"]) - Number(a["total"]));
    const sum = rows.reduce((total, row) => total + Number(row["total"]), 0);
    const sums = Object.entries(families).map(([family, total]) => ({
      family,
      total: Number(total.toFixed(3)),
      share: Number((total / sum).toFixed(3)),
    }));
    report(
      options.families ? sums : rows.slice(0, 40),
      options.json,
      `${reason}: ${sum.toFixed(2)} ms in all, microseconds each`,
    );
  },
});

/** A program of a step, over operands of one layout. */
interface Seen {
  readonly program: Program | AttentionProgram;
  readonly binding: Binding;
  /** Times that it runs. */
  count: number;
  /** Runs it by itself. */
  readonly run: () => void;
}

/** Notes what is run until the function that it returns is called. */
function watch<P extends Program | AttentionProgram>(
  runner: { run(program: P, binding: Binding): void },
  seen: Map<string, Seen>,
  clock: Timestamps | undefined,
): () => void {
  const run = runner.run.bind(runner);
  runner.run = (program, binding) => {
    const strides = binding.inputs.map((input) => input.strides.join(" ")).join("|");
    const key = `${program.key}/${binding.space}/${strides}`;
    const found = seen.get(key);
    if (found === undefined) {
      seen.set(key, { program, binding, count: 1, run: () => run(program, binding) });
    } else found.count++;
    if (clock !== undefined) clock.name = key;
    run(program, binding);
  };
  return () => void (runner.run = run);
}
