/**
 * How a product is recorded: as one dispatch, or as partial products over chunks of the inner axis
 * and their sum.
 *
 * @module
 */

import type { Binding, Bound } from "../../../core/backend.ts";
import type { MatmulProgram, RowProgram } from "../../../core/program.ts";
import type { Limits } from "../limits.ts";
import type { Pool } from "../memory/buffer_pool.ts";
import type { Layouts } from "../../plan/layouts.ts";
import { grid, type Launch, makeLaunch } from "../queue/launch.ts";
import { slotsOf } from "../../plan/slots.ts";
import type { CommandQueue } from "../queue/queue.ts";
import { type MatmulShape, renderMatmul, shapeKey } from "./matmul.ts";
import type { MatmulPolicy } from "./matmul_policy.ts";
import { layoutOf } from "./operand_layout.ts";
import { finishBinding, finishProgram, plainProduct } from "../../plan/split_k.ts";
import { type MatmulVariant, turnOf, within } from "./variant.ts";

/** One product that is recorded. */
interface ProductRun {
  /** `[…batch, M, N, K]`. */
  readonly space: readonly number[];
  /** Inner steps; where they are fewer than K, the first batch axis counts chunks of them. */
  readonly chunk: number;
  /** A, B, extras and results. */
  readonly operands: readonly Bound[];
  readonly scalars: readonly number[];
  readonly variant: MatmulVariant;
}

/** The backend, as far as it matters here. */
export interface ProductHost {
  /** Chooses the kernel. */
  readonly policy: MatmulPolicy;
  /** Whether the adapter computes on the CPU. */
  readonly facts: { readonly software: boolean };
  /** What a dispatch and a binding can have. */
  readonly limits: Limits;
  /** Records the row program that ends a product in chunks. */
  readonly finish: (program: RowProgram, binding: Binding) => void;
}

/** Records products whose operands fit their bindings. */
export class Products {
  /** `pool` lends memory for partial products. */
  constructor(
    readonly host: ProductHost,
    readonly queue: CommandQueue,
    readonly launches: Layouts<Launch>,
    readonly pool: Pool,
  ) {}

  /** Records a product as the policy likes, where the adapter can. */
  record(program: MatmulProgram, binding: Binding): void {
    const { space, inputs, outputs, scalars } = binding;
    const { policy, facts, limits } = this.host;
    const [m, n, k] = space.slice(-3) as [number, number, number];
    const batch = space.slice(0, -3).reduce((a, b) => a * b, 1);
    const { variant: liked, split } = policy({ m, n, k, batch }, facts.software);
    const variant = within(liked, limits);
    const fits = 4 * split * m * n * batch <= limits.maxStorageBufferBindingSize;
    if (split > 1 && fits) return this.#inChunks(program, binding, variant, split);
    const operands = [...inputs, ...outputs];
    this.#product(program, { space, chunk: k, operands, scalars, variant });
  }

  /** Partial products over chunks of the inner axis, then their sum with the epilogue. */
  #inChunks(program: MatmulProgram, binding: Binding, variant: MatmulVariant, split: number) {
    const { space, inputs } = binding;
    const k = space.at(-1)!;
    const shape = space.slice(0, -1);
    const turn = turnOf(variant);
    const chunk = Math.ceil(k / split / turn) * turn;
    const chunks = Math.ceil(k / chunk);
    const [a, b] = inputs as readonly [Bound, Bound];
    const size = shape.reduce((x, y) => x * y, 1);
    const steps = shape.map((_, axis) => shape.slice(axis + 1).reduce((x, y) => x * y, 1));
    const along = (o: Bound, step: number) => ({ ...o, strides: [chunk * step, ...o.strides] });
    this.pool.lending((take) => {
      const buffer = take(4 * chunks * size, [chunks, ...shape]);
      const partial: Bound = { buffer, dtype: "f32", offset: 0, strides: [size, ...steps] };
      const operands = [along(a, a.strides.at(-1)!), along(b, b.strides.at(-2)!), partial];
      const partials = { space: [chunks, ...space], chunk, operands, scalars: [], variant };
      this.#product(plainProduct, partials);
      const apart = { ...partial, strides: [...steps, size] };
      this.host.finish(finishProgram(program), finishBinding(binding, apart, chunks));
    });
  }

  #product(program: MatmulProgram, run: ProductRun): void {
    const { space, chunk, operands, scalars, variant } = run;
    const sizes = [...space, chunk];
    const launch = this.launches.find(program, sizes, operands, () => {
      const [m, n, k] = space.slice(-3) as [number, number, number];
      const count = space.slice(0, -3).reduce((a, b) => a * b, 1);
      const [bm, bn] = variant.tile;
      const groups = [Math.ceil(n / bn), Math.ceil(m / bm), count] as const;
      const most = this.host.limits.maxComputeWorkgroupsPerDimension;
      const flat = Math.max(...groups) > most;
      const shape: MatmulShape = {
        rank: space.length - 3,
        variant,
        layout: layoutOf(space, operands),
        dtypes: [operands[0]!.dtype, operands[1]!.dtype],
        even: k % turnOf(variant) === 0,
        chunked: chunk < k,
        flat,
      };
      const pipeline = this.queue.compile(
        `${program.key}/${shapeKey(shape)}`,
        () => renderMatmul(program, shape),
      );
      const strides = operands.map((o) => o.strides);
      const spread = flat ? grid(groups[0] * groups[1] * count, most) : groups;
      return makeLaunch(pipeline, sizes, strides, slotsOf(program).scalars, spread);
    });
    this.queue.dispatch(launch, operands, [], scalars);
  }
}
