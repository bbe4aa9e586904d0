// A captured function over other inputs in each step, and by other keys.
import { type Captured, Captures, type Results } from "../../core/capture.ts";
import type { Device } from "../../core/device.ts";
import { seedKey, uniform } from "../../core/random.ts";
import { type Tensor, tensor } from "../../core/tensor.ts";

/** What a case varies. */
export interface CourseStep {
  readonly device: Device;
  readonly step: number;
  readonly x: Tensor;
  readonly rows: Tensor;
  readonly examples: Tensor;
  readonly lengths: Tensor;
  readonly weight: Tensor;
}

/** What decides a case. */
export type CourseCase = (step: CourseStep) => Results;

/** Rows of the inputs, their columns, and rows of the weight. */
export const courseSizes = { count: 4, width: 6, height: 5 } as const;
const { count, width, height } = courseSizes;

/** Runs a case with other inputs and keys; tells in which steps it was computed, and its results. */
export async function course(
  device: Device,
  run: CourseCase,
  steps: number,
  options: {
    readonly unchanged?: () => boolean;
    readonly before?: (s: CourseStep) => void;
    /** Step whose key those before it have too. */
    readonly firstKey?: number;
    readonly number?: (step: number) => number;
  } = {},
): Promise<{ readonly computed: number[]; readonly sums: number[] }> {
  const captures = new Captures();
  const computed: number[] = [];
  const sums: number[] = [];
  using _scope = device.scope("course");
  const weight = tensor(device, uniform(seedKey(5), height * width), [height, width]);
  for (let step = 0; step < steps; step++) {
    using _step = device.scope("step");
    const words = (data: number[], shape = [count, 1]) => tensor(device, data, shape, "u32");
    const made: CourseStep = {
      device,
      step,
      weight,
      x: tensor(device, uniform(seedKey(step), count * width), [count, width]),
      rows: words([step % height, 1, (2 * step) % height, 0], [count]),
      examples: words([step, 7, 2 * step, 9]),
      lengths: words([1, 1, 1, 1]),
    };
    options.before?.(made);
    const captured: Captured = {
      signature: "case",
      inputs: [made.x, made.rows, made.examples, made.lengths],
      key: seedKey(100 + Math.max(options.firstKey ?? 0, step)),
      ...(options.number && { number: options.number(step) }),
      unchanged: () => options.unchanged ?? (() => true),
    };
    const { result } = captures.run(device, captured, () => {
      computed.push(step);
      return run(made);
    });
    sums.push(...await result!.read());
  }
  return { computed, sums };
}
