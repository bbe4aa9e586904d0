// A LoRA step that several cards share, beside that of one: see the usage below.
import { seedKey } from "../core/random.ts";
import { countTargets, toBatch } from "../nn/layers/batch.ts";
import { type Command, command } from "../train/commands/command.ts";
import { distributedOptions } from "../train/config/distributed_options.ts";
import type { OptionsOf, OptionTable } from "../train/config/options.ts";
import { openDevice } from "../train/device/backend.ts";
import { cardStep } from "../train/distributed/card_step.ts";
import { type DeviceSums, noSums } from "../train/distributed/device_sums.ts";
import { alone, type Group } from "../train/distributed/group.ts";
import { neighboursOf } from "../train/distributed/neighbours.ts";
import { openGroup } from "../train/distributed/open_group.ts";
import { openDeviceSums } from "../train/distributed/open_sums.ts";
import { sharedStep } from "../train/distributed/shared_step.ts";
import { SharedStop } from "../train/distributed/shared_stop.ts";
import { common, size } from "./bench.ts";
import { type LoraSteps, loraSteps, stepOptions } from "./lora_step.ts";
import { median, report } from "./measure.ts";

/** Sums in a row whose time is that of one. */
const sumsInRow = 50;

const options = {
  ...stepOptions,
  model: { ...stepOptions.model, default: "gpt2-medium" },
  batch: size("sequences of a step, over all processes", 16),
  length: size("tokens of each", 512),
  steps: size("measured steps", 20),
  ...common,
  ...distributedOptions,
} as const satisfies OptionTable;

/** How steps are made. */
interface Way {
  readonly group: Group;
  readonly sums: DeviceSums | undefined;
}

/** Measures steps of all processes, of one alone, and what summing costs. */
export const sharedStepBench: Command = command({
  summary: "Measure a whole LoRA step that several processes share, which a launcher starts",
  usage: `  mpirun -n 2 deno run -A bench/main.ts shared-step --distributed nccl --precision bf16
  torchrun --no-python --nproc-per-node 2 deno run -A bench/main.ts shared-step \\
    --distributed nccl --rendezvous meeting --precision bf16`,
  verb: "measure",
  options,
  run: measure,
});

async function measure(given: OptionsOf<typeof options>): Promise<void> {
  await using group = await openGroup(given);
  const { turn } = await neighboursOf(group);
  const { device, reason } = await openDevice({ turn, ...given, dtype: "f32" });
  await using _device = device;
  using _scope = device.scope("bench");
  await using sums = await openDeviceSums(given, group, device);
  const made = await loraSteps(device, given);
  const { gradients } = made.state.optimiser.trainable;
  // Every process makes all of the step at the same time, then its share.
  const single = await stepTimes(made, given, { group: alone, sums: noSums }, group);
  const shared = await stepTimes(made, given, { group, sums }, group);
  const apart = sums && await stepTimes(made, given, { group, sums: noSums }, group);
  const sum = sums && await sumTime(async () => {
    for (let i = 0; i < sumsInRow; i++) await sums.queue([gradients]);
    await sums.settled(gradients.read());
  }, group);
  await sums?.finish();
  if (group.rank > 0) return;
  const { model, batch, length, method } = given;
  const row = (processes: number, { ms, least }: StepTimes) => ({
    ...{ model, method, batch, length, processes, ms, least },
  });
  report(
    [
      row(1, single),
      {
        ...row(group.size, shared),
        faster: rounded(single.ms / shared.ms),
        ...(apart && { msWithoutSums: apart.ms }),
        ...(sum !== undefined && {
          numbers: gradients.shape[0],
          sumMs: rounded(sum),
          sumShare: rounded(sum / shared.ms, 4),
        }),
      },
    ],
    given.json,
    `${reason}; ${group.size} processes by ${sums?.name ?? group.name}`,
  );
}

/** Milliseconds of steps. */
interface StepTimes {
  /** In the middle. */
  readonly ms: number;
  /** Of the fastest. */
  readonly least: number;
}

/** Times of steps that processes begin together. */
async function stepTimes(
  { state, plan, examplesOf }: LoraSteps,
  { steps, gradientCheckpointing }: OptionsOf<typeof options>,
  { group, sums }: Way,
  all: Group,
): Promise<StepTimes> {
  const { device } = state.optimiser.trainable;
  const processes = { group, sums, stop: new SharedStop(undefined) };
  const make = sums === undefined ? sharedStep : cardStep;
  const times: number[] = [];
  for (let step = -5; step < steps; step++) {
    await all.gather("");
    const started = performance.now();
    using _step = device.scope("step");
    const examples = examplesOf(step + 5);
    const numbers = examples.map((_, b) => b).filter((b) => b % group.size === group.rank);
    const own = numbers.map((b) => examples[b]!);
    const window = own.length === 0 ? [] : [toBatch(device, own, { numbers })];
    const { loss } = await make(state, window, seedKey(step + 5), {
      ...{ plan, gradientCheckpointing, lr: 1e-4 },
      targets: countTargets(examples),
    }, processes);
    if (!Number.isFinite(loss)) throw new RangeError(`Cannot go on with a loss of ${loss}`);
    if (step >= 0) times.push(performance.now() - started);
  }
  return { ms: rounded(median(times)), least: rounded(Math.min(...times)) };
}

/** Milliseconds of one of so many sums in a row, the least of five rounds. */
async function sumTime(row: () => Promise<void>, all: Group): Promise<number> {
  const times: number[] = [];
  for (let round = 0; round < 5; round++) {
    await all.gather("");
    const started = performance.now();
    await row();
    times.push(performance.now() - started);
  }
  return Math.min(...times) / sumsInRow;
}

function rounded(number: number, digits = 3): number {
  return Number(number.toFixed(digits));
}
