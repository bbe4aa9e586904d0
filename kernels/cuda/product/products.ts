/**
 * How a product is recorded: as one launch, or as partial products over chunks of the inner axis and
 * their sum.
 *
 * @module
 */

import type { Binding, Bound } from "../../../core/backend.ts";
import { bytesPerElement, type Dtype } from "../../../core/dtype.ts";
import type { MatmulProgram } from "../../../core/program.ts";
import { Layouts } from "../../plan/layouts.ts";
import { canonical, liesTransposed } from "../../plan/matmul_layout.ts";
import { slotsOf } from "../../plan/slots.ts";
import { finishBinding, finishProgram, joinProgram, plainProduct } from "../../plan/split_k.ts";
import type { LtProducts } from "../blas/lt_products.ts";
import type { CardBuffer, CardMemory } from "../memory/card_memory.ts";
import { byteSteps, type CardLaunch, makeCardLaunch } from "../queue/launch.ts";
import type { Modules } from "../queue/modules.ts";
import type { LaunchQueue } from "../queue/queue.ts";
import type { ProductChoice, ProductPolicy } from "./product_policy.ts";
import { byLibrary } from "./library_products.ts";
import { narrowLaunch } from "./narrow.ts";
import { narrowShape } from "./narrow_shape.ts";
import { type ProductFinish, type ProductPlan, type RowLaunch, unplaced } from "./product_plan.ts";
import {
  type BlockTile,
  fitsGroups,
  type Precision,
  productKey,
  productShape,
} from "./product_shape.ts";
import { renderProduct } from "./product.ts";
import type { Later } from "./remainders.ts";
import { renderShallow, shallowTile } from "./shallow.ts";
import { renderGroupProduct } from "./wgmma/group_product.ts";

/** Chunks whose parts are added as operands of their own. */
const fewChunks = 4;

/** One launch of a product. */
interface ProductLaunch {
  /** `[…batch, M, N, K]`. */
  readonly space: readonly number[];
  /** Inner elements; where they are fewer than K, the first batch axis counts chunks of them. */
  readonly chunk: number;
  /** A, B, extras and results. */
  readonly operands: readonly Bound[];
  readonly tile: BlockTile;
}

/** The backend, as far as it matters here. */
export interface CudaProductHost {
  readonly precision: Precision;
  readonly policy: ProductPolicy;
  /** Compute capability of the card, such as 90. */
  readonly capability: number;
  readonly processors: number;
  readonly sharedBytes: number;
  readonly memory: CardMemory;
  readonly modules: Modules;
  readonly queue: LaunchQueue;
  /** The library for products, where it is used. */
  readonly lt: LtProducts | undefined;
  /** The launch of a row program over these operands and indices. */
  readonly rowLaunch: RowLaunch;
}

/** Operands at their later elements. */
function placed(operands: readonly Bound[], later: readonly Later[]): Bound[] {
  return later.map(({ operand, skipped }) => {
    const found = operands[operand]!;
    return { ...found, offset: found.offset + skipped };
  });
}

/** Records products. */
export class CudaProducts {
  readonly #plans = new Layouts<ProductPlan>();

  /** @param host Compiles and queues */
  constructor(readonly host: CudaProductHost) {}

  /** Records a product. */
  record(program: MatmulProgram, binding: Binding): void {
    const { space, inputs, outputs, scalars } = binding;
    const operands = [...inputs, ...outputs];
    const plan = this.#plans.find(program, space, operands, () => this.#plan(program, binding));
    const { transposed, roundings, launch, finish, rest } = plan;
    if (transposed) {
      operands[0] = inputs[1]!;
      operands[1] = inputs[0]!;
    }
    const isOne = roundings.length === 0 && finish === undefined && rest === undefined;
    if (isOne) this.host.queue.launch(launch, operands, [], scalars);
    else this.#inParts(plan, operands, scalars);
  }

  /** Records what comes before, beside and after the product too. */
  #inParts(
    { roundings, launch, finish, rest }: ProductPlan,
    operands: Bound[],
    scalars: readonly number[],
  ): void {
    const { memory, queue } = this.host;
    const own = operands.slice();
    const taken: CardBuffer[] = [];
    const take = (bytes: number, shape: readonly number[], dtype: Dtype): Bound => {
      const buffer = memory.take(bytes, shape);
      taken.push(buffer);
      return { buffer, dtype, offset: 0, strides: [] };
    };
    try {
      for (const { operand, shape, launch } of roundings) {
        const half = take(2 * shape[0] * shape[1], shape, "bf16");
        queue.launch(launch, [operands[operand]!, half], [], []);
        operands[operand] = half;
      }
      if (rest !== undefined) queue.launch(rest.launch, placed(own, rest.later), [], scalars);
      if (finish === undefined) return queue.launch(launch, operands, [], scalars);
      const partial = finish.kept === undefined
        ? take(finish.bytes, finish.shape, "f32")
        : own[finish.kept]!;
      queue.launch(launch, [operands[0]!, operands[1]!, partial], [], []);
      const others = finish.later === undefined ? own.slice(2) : placed(own, finish.later);
      const parts = finish.parts?.map((offset) => ({ ...partial, offset })) ?? [partial];
      queue.launch(finish.launch, [...parts, ...others], [], scalars);
    } finally {
      for (const buffer of taken) memory.give(buffer);
    }
  }

  #plan(program: MatmulProgram, binding: Binding): ProductPlan {
    const transposed = liesTransposed(binding);
    const product = canonical(binding);
    const { space, inputs, outputs } = product;
    const { precision, policy, capability, processors, sharedBytes } = this.host;
    const foreign = byLibrary(this.host, program, product);
    if (foreign !== undefined) return { transposed, ...foreign };
    const [m, n, k] = space.slice(-3) as [number, number, number];
    const batch = space.slice(0, -3).reduce((a, b) => a * b, 1);
    const terms = precision === "bf16" ? 2 : inputs[1]!.dtype === "bf16" ? 4 : 6;
    const bytes = [bytesPerElement(inputs[0]!.dtype), bytesPerElement(inputs[1]!.dtype)] as const;
    const shape = narrowShape(space, [...inputs, ...outputs], precision);
    const narrow = shape !== undefined;
    const factors = inputs.slice(0, 2) as readonly Bound[] as readonly [Bound, Bound];
    const grouped = capability === 90 && fitsGroups(space, factors, precision);
    const sizes = { m, n, k, batch, terms, bytes, grouped, narrow, processors, sharedBytes };
    const shallow = shallowTile(space, [...inputs, ...outputs]);
    const choice: ProductChoice = shallow === undefined
      ? policy(sizes)
      : { tile: shallow, split: 1 };
    if (narrow && choice.byThreads) {
      const launch = narrowLaunch(program, product, shape, this.host.modules);
      return { transposed, roundings: [], launch, finish: undefined };
    }
    const { tile, split } = choice;
    if (split > 1) {
      return { transposed, roundings: [], ...this.#inChunks(program, product, tile, split) };
    }
    const operands = [...inputs, ...outputs];
    const launch = this.#launch(program, { space, chunk: k, operands, tile });
    return { transposed, roundings: [], launch, finish: undefined };
  }

  /** Partial products over chunks of the inner axis, then their sum with the epilogue. */
  #inChunks(
    program: MatmulProgram,
    binding: Binding,
    tile: BlockTile,
    split: number,
  ): Pick<ProductPlan, "launch" | "finish"> {
    const { space, inputs } = binding;
    const k = space.at(-1)!;
    const shape = space.slice(0, -1);
    const chunk = Math.ceil(k / split / tile.k) * tile.k;
    const chunks = Math.ceil(k / chunk);
    const [a, b] = inputs as readonly [Bound, Bound];
    const size = shape.reduce((x, y) => x * y, 1);
    const steps = shape.map((_, axis) => shape.slice(axis + 1).reduce((x, y) => x * y, 1));
    const along = (o: Bound, step: number) => ({ ...o, strides: [chunk * step, ...o.strides] });
    const partial: Bound = {
      buffer: unplaced,
      dtype: "f32",
      offset: 0,
      strides: [size, ...steps],
    };
    const operands = [along(a, a.strides.at(-1)!), along(b, b.strides.at(-2)!), partial];
    const launch = this.#launch(plainProduct, { space: [chunks, ...space], chunk, operands, tile });
    const whole = { shape: [chunks, ...shape], bytes: 4 * chunks * size };
    return { launch, finish: { ...whole, ...this.#joined(program, binding, steps, chunks) } };
  }

  /** What adds partial products: few of them by fours of columns, more along a row of their own. */
  #joined(
    program: MatmulProgram,
    binding: Binding,
    steps: readonly number[],
    chunks: number,
  ): Pick<ProductFinish, "launch" | "parts"> {
    const { space, inputs, outputs } = binding;
    const shape = space.slice(0, -1);
    const size = shape.reduce((x, y) => x * y, 1);
    const partial: Bound = { buffer: unplaced, dtype: "f32", offset: 0, strides: steps };
    if (chunks <= fewChunks) {
      const parts = Array.from({ length: chunks }, (_, i) => i * size);
      const each = parts.map((offset) => ({ ...partial, offset }));
      const operands = [...each, ...inputs.slice(2), ...outputs];
      const launch = this.host.rowLaunch(joinProgram(program, chunks), shape, operands, []);
      return { launch, parts };
    }
    const apart = { ...partial, strides: [...steps, size] };
    const last = finishBinding(binding, apart, chunks);
    const operands = [...last.inputs, ...last.outputs];
    return {
      launch: this.host.rowLaunch(finishProgram(program), last.space, operands, last.indices),
    };
  }

  #launch(program: MatmulProgram, { space, chunk, operands, tile }: ProductLaunch): CardLaunch {
    const { modules, precision } = this.host;
    const shape = productShape(space, operands, tile, chunk, precision);
    const kernel = modules.compile(
      `${program.key}/${productKey(shape)}`,
      `product ${program.key} of [${space}]`,
      () =>
        tile.grouped === true
          ? renderGroupProduct(program, shape)
          : tile.shallow === true
          ? renderShallow(program, shape)
          : renderProduct(program, shape),
    );
    const batch = space.slice(0, -3);
    const [m, n, k] = space.slice(-3) as [number, number, number];
    const tiles = [Math.ceil(m / tile.m), Math.ceil(n / tile.n)] as const;
    // A lies over M and K, B over K and N, the others over M and N.
    const axes = [[m, k], [k, n]];
    const strides = operands.flatMap(({ dtype, strides }, operand) =>
      byteSteps([...batch, ...axes[operand] ?? [m, n]], strides, bytesPerElement(dtype))
    );
    return makeCardLaunch({
      kernel,
      blocks: batch.reduce((a, b) => a * b, tiles[0] * tiles[1]),
      dtypes: operands.map(({ dtype }) => dtype),
      results: program.outputs.length,
      indices: 0,
      words: [...space, chunk, ...tiles, ...strides],
      scalars: slotsOf(program).scalars,
    });
  }
}
