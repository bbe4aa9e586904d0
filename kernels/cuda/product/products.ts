/**
 * How a product is recorded: as one launch, or as partial products over chunks of the inner axis and
 * their sum.
 *
 * @module
 */

import type { Affine, Binding, Bound, Buffer } from "../../../core/backend.ts";
import { bytesPerElement, type Dtype } from "../../../core/dtype.ts";
import { type MatmulProgram, type RowProgram, rowProgram } from "../../../core/program.ts";
import { Layouts } from "../../plan/layouts.ts";
import { canonical, liesTransposed } from "../../plan/matmul_layout.ts";
import { slotsOf } from "../../plan/slots.ts";
import { finishBinding, finishProgram, plainProduct } from "../../plan/split_k.ts";
import type { LtProducts, Rounding } from "../blas/lt_products.ts";
import type { CardBuffer, CardMemory } from "../memory/card_memory.ts";
import { byteSteps, type CardLaunch, makeCardLaunch } from "../queue/launch.ts";
import type { Modules } from "../queue/modules.ts";
import type { LaunchQueue } from "../queue/queue.ts";
import type { ProductPolicy } from "./product_policy.ts";
import { type BlockTile, type Precision, productKey, productShape } from "./product_shape.ts";
import { narrowLaunch } from "./narrow.ts";
import { narrowShape } from "./narrow_shape.ts";
import { renderProduct } from "./product.ts";

/** How a product runs, whatever its addresses and scalars. */
interface ProductPlan {
  /** Whether A and B change places, as the transposed product is computed. */
  readonly transposed: boolean;
  /** What is rounded before. */
  readonly roundings: readonly Rounding[];
  /** The product, or its parts. */
  readonly launch: CardLaunch;
  /** What follows where `launch` computes parts. */
  readonly finish: Finish | undefined;
}

/** How parts of a product, or the bare product, become its results. */
interface Finish {
  /** Shape of the parts, `[chunks, …batch, M, N]`, or of the product. */
  readonly shape: readonly number[];
  /** Bytes of the parts. */
  readonly bytes: number;
  /** Adds the parts and computes the epilogue. */
  readonly launch: CardLaunch;
}

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
  readonly processors: number;
  readonly sharedBytes: number;
  readonly memory: CardMemory;
  readonly modules: Modules;
  readonly queue: LaunchQueue;
  /** The library for products, where it is used. */
  readonly lt: LtProducts | undefined;
  /** The launch of a row program over these operands and indices. */
  readonly rowLaunch: (
    program: RowProgram,
    space: readonly number[],
    operands: readonly Bound[],
    indices: readonly Affine[],
  ) => CardLaunch;
}

const epilogues = new WeakMap<MatmulProgram, RowProgram>();

/** The epilogue of a product by itself, over the product and the extras. */
function epilogueOf(program: MatmulProgram): RowProgram {
  let found = epilogues.get(program);
  if (found === undefined) {
    found = rowProgram(program.inputs.slice(1), program.outputs);
    epilogues.set(program, found);
  }
  return found;
}

/** Stands for memory where only layouts count. */
const unplaced: Buffer = { bytes: 0 };

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
    const { transposed, roundings, launch, finish } = plan;
    if (transposed) {
      operands[0] = inputs[1]!;
      operands[1] = inputs[0]!;
    }
    if (roundings.length > 0 || finish !== undefined) this.#inParts(plan, operands, scalars);
    else this.host.queue.launch(launch, operands, [], scalars);
  }

  /** Records what comes before and after the product too. */
  #inParts(
    { roundings, launch, finish }: ProductPlan,
    operands: Bound[],
    scalars: readonly number[],
  ): void {
    const { memory, queue } = this.host;
    const taken: CardBuffer[] = [];
    const take = (bytes: number, shape: readonly number[], dtype: Dtype): Bound => {
      const buffer = memory.take(bytes, shape);
      taken.push(buffer);
      return { buffer, dtype, offset: 0, strides: [] };
    };
    try {
      for (const { factor, shape, launch } of roundings) {
        const half = take(2 * shape[0] * shape[1], shape, "bf16");
        queue.launch(launch, [operands[factor]!, half], [], []);
        operands[factor] = half;
      }
      if (finish === undefined) return queue.launch(launch, operands, [], scalars);
      const partial = take(finish.bytes, finish.shape, "f32");
      queue.launch(launch, [operands[0]!, operands[1]!, partial], [], []);
      queue.launch(finish.launch, [partial, ...operands.slice(2)], [], scalars);
    } finally {
      for (const buffer of taken) memory.give(buffer);
    }
  }

  #plan(program: MatmulProgram, binding: Binding): ProductPlan {
    const transposed = liesTransposed(binding);
    const product = canonical(binding);
    const { space, inputs, outputs } = product;
    const { precision, policy, processors, sharedBytes } = this.host;
    const foreign = this.#foreign(program, product);
    if (foreign !== undefined) return { transposed, ...foreign };
    const [m, n, k] = space.slice(-3) as [number, number, number];
    const batch = space.slice(0, -3).reduce((a, b) => a * b, 1);
    const terms = precision === "bf16" ? 2 : inputs[1]!.dtype === "bf16" ? 4 : 6;
    const bytes = [bytesPerElement(inputs[0]!.dtype), bytesPerElement(inputs[1]!.dtype)] as const;
    const shape = narrowShape(space, [...inputs, ...outputs], precision);
    const narrow = shape !== undefined;
    const sizes = { m, n, k, batch, terms, bytes, narrow, processors, sharedBytes };
    const { tile, split, byThreads = false } = policy(sizes);
    if (narrow && byThreads) {
      const launch = narrowLaunch(program, product, shape, this.host.modules);
      return { transposed, roundings: [], launch, finish: undefined };
    }
    if (split > 1) {
      return { transposed, roundings: [], ...this.#inChunks(program, product, tile, split) };
    }
    const operands = [...inputs, ...outputs];
    const launch = this.#launch(program, { space, chunk: k, operands, tile });
    return { transposed, roundings: [], launch, finish: undefined };
  }

  /** By the library, where there is one and it is for such a product. */
  #foreign(
    program: MatmulProgram,
    { space, inputs, outputs }: Binding,
  ): Omit<ProductPlan, "transposed"> | undefined {
    const [m, n] = space as [number, number];
    const [a, b, ...extras] = inputs as [Bound, Bound, ...Bound[]];
    const [c] = outputs as [Bound];
    const isBare = program.outputs.length === 1 && program.outputs[0]!.op === "input" &&
      extras.length === 0 && c.strides.at(-1) === 1 && c.offset % 4 === 0;
    const pitch = isBare ? c.strides.at(-2)! : n;
    const found = this.host.lt?.find(space, a, b, pitch);
    if (found === undefined) return undefined;
    if (isBare) return { ...found, finish: undefined };
    const partial: Bound = { buffer: unplaced, dtype: "f32", offset: 0, strides: [n, 1] };
    const operands = [partial, ...extras, ...outputs];
    const launch = this.host.rowLaunch(epilogueOf(program), [m, n], operands, []);
    return { ...found, finish: { shape: [m, n], bytes: 4 * m * n, launch } };
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
    const apart = { ...partial, strides: [...steps, size] };
    const last = finishBinding(binding, apart, chunks);
    const finish = {
      shape: [chunks, ...shape],
      bytes: 4 * chunks * size,
      launch: this.host.rowLaunch(
        finishProgram(program),
        last.space,
        [...last.inputs, ...last.outputs],
        last.indices,
      ),
    };
    return { launch, finish };
  }

  #launch(program: MatmulProgram, { space, chunk, operands, tile }: ProductLaunch): CardLaunch {
    const { modules, precision } = this.host;
    const shape = productShape(space, operands, tile, chunk, precision);
    const kernel = modules.compile(
      `${program.key}/${productKey(shape)}`,
      `product ${program.key} of [${space}]`,
      () => renderProduct(program, shape),
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
      indices: 0,
      words: [...space, chunk, ...tiles, ...strides],
      scalars: slotsOf(program).scalars,
    });
  }
}
