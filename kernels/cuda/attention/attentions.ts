/**
 * How fused attention is recorded.
 *
 * @module
 */

import type { Binding, FusedAttention } from "../../../core/backend.ts";
import { bytesPerElement } from "../../../core/dtype.ts";
import type { AttentionProgram } from "../../../core/program.ts";
import { attentionSlots, rowValuesOf, stepAxes } from "../../plan/attention.ts";
import { Layouts } from "../../plan/layouts.ts";
import type { Precision } from "../product/product_shape.ts";
import { byteSteps, type CardLaunch, checkCount, makeCardLaunch } from "../queue/launch.ts";
import type { Modules } from "../queue/modules.ts";
import type { LaunchQueue } from "../queue/queue.ts";
import { attentionKey, attentionShape, fitsAttention } from "./attention_shape.ts";
import { renderForward } from "./forward.ts";
import { renderGradient } from "./gradient.ts";
import { tilesOf } from "./row_values.ts";

/** The backend, as far as it matters here. */
export interface AttentionHost {
  readonly precision: Precision;
  readonly modules: Modules;
  readonly queue: LaunchQueue;
  /** Tells of a run. */
  readonly count: () => void;
}

/** Records fused attention. */
export class CudaAttention implements FusedAttention {
  readonly #launches = new Layouts<CardLaunch>();

  /** @param host Compiles and queues */
  constructor(readonly host: AttentionHost) {}

  /** Whether heads are of a size and lie in memory so that they can be copied by 16 bytes. */
  fits(program: AttentionProgram, binding: Binding): boolean {
    return fitsAttention(program, binding, this.host.precision);
  }

  rowValues({ masks }: AttentionProgram): number {
    return rowValuesOf(masks).length;
  }

  /** Queues a pass. */
  run(program: AttentionProgram, binding: Binding): void {
    const { space, inputs, outputs, indices, scalars } = binding;
    const operands = [...inputs, ...outputs];
    this.host.count();
    const launch = this.#launches.find(
      program,
      space,
      [...operands, ...indices],
      () => this.#launch(program, binding),
    );
    this.host.queue.launch(launch, operands, indices, scalars);
  }

  #launch(program: AttentionProgram, binding: Binding): CardLaunch {
    const { space, inputs, outputs, indices } = binding;
    const { modules, precision } = this.host;
    const shape = attentionShape(program, binding, precision);
    const kernel = modules.compile(
      `${program.key}/${attentionKey(shape)}`,
      `${program.pass} pass of attention over [${space}]`,
      () =>
        program.pass === "forward" ? renderForward(program, shape) : renderGradient(program, shape),
    );
    const [batch, keyHeads, group, queries, keys] = space as [
      number,
      number,
      number,
      number,
      number,
    ];
    const byKeys = program.pass === "keys";
    const tiles = tilesOf(byKeys ? keys : queries);
    const heads = batch * keyHeads * (byKeys ? 1 : group);
    const rows = batch * keyHeads * group * queries;
    checkCount("rows", 8 * rows);
    const walked = space.slice(0, stepAxes);
    const used = attentionSlots(program);
    const strides = [
      ...[...inputs, ...outputs].flatMap(({ dtype, strides }) =>
        byteSteps(walked, strides.slice(0, stepAxes), bytesPerElement(dtype))
      ),
      ...indices.slice(0, used.indices).flatMap(({ strides }) => strides.slice(0, stepAxes)),
    ];
    return makeCardLaunch({
      kernel,
      blocks: heads * tiles,
      dtypes: shape.dtypes,
      results: outputs.length,
      indices: used.indices,
      words: [keyHeads, group, queries, keys, tiles, heads, rows, ...strides],
      scalars: used.scalars,
    });
  }
}
