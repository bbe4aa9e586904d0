/**
 * How attention in one program is recorded.
 *
 * @module
 */

import type { Binding, FusedAttention } from "../../../core/backend.ts";
import type { AttentionProgram } from "../../../core/program.ts";
import { attentionSlots, rowValuesOf, stepAxes } from "../../plan/attention.ts";
import type { Layouts } from "../../plan/layouts.ts";
import { grid, type Launch, makeLaunch } from "../queue/launch.ts";
import type { CommandQueue } from "../queue/queue.ts";
import type { AttentionPolicy } from "./attention_policy.ts";
import {
  type AttentionAdapter,
  attentionSizes,
  fitsOneProgram,
  passKey,
  passShape,
} from "./pass_shape.ts";
import { passShader } from "./pass_shader.ts";

/** The backend, as far as it matters here. */
export interface PassHost extends AttentionAdapter {
  readonly policy: AttentionPolicy;
  readonly queue: CommandQueue;
  readonly launches: Layouts<Launch>;
  /** Tells of a run. */
  readonly count: () => void;
}

/** Records attention in one program. */
export class WebGpuAttention implements FusedAttention {
  /** @param host Compiles and queues */
  constructor(readonly host: PassHost) {}

  fits(program: AttentionProgram, binding: Binding): boolean {
    return fitsOneProgram(program, binding, this.host, this.host.policy);
  }

  rowValues({ masks }: AttentionProgram): number {
    return rowValuesOf(masks).length;
  }

  /** Queues a pass. */
  run(program: AttentionProgram, binding: Binding): void {
    const { space, inputs, outputs, indices, scalars } = binding;
    const operands = [...inputs, ...outputs];
    this.host.count();
    const launch = this.host.launches.find(
      program,
      space,
      [...operands, ...indices],
      () => this.#launch(program, binding),
    );
    this.host.queue.dispatch(launch, operands, indices, scalars);
  }

  #launch(program: AttentionProgram, binding: Binding): Launch {
    const { queue, policy, limits } = this.host;
    const { space, inputs, outputs, indices } = binding;
    const [, keyHeads, group, queries, keys] = space as [number, number, number, number, number];
    const sizes = attentionSizes(program, binding);
    const tiles = policy(sizes, this.host)!;
    const shape = passShape(program, binding, tiles);
    const pipeline = queue.compile(
      `${program.key}/${passKey(shape)}`,
      () => passShader(program, shape),
    );
    const used = attentionSlots(program);
    const count = Math.ceil(sizes.rows / tiles.rows);
    const rows = space.slice(0, 4).reduce((product, length) => product * length, 1);
    return makeLaunch(
      pipeline,
      [keyHeads, group, queries, keys, count, sizes.heads, rows],
      [...inputs, ...outputs, ...indices.slice(0, used.indices)].map(({ strides }) =>
        strides.slice(0, stepAxes)
      ),
      used.scalars,
      grid(sizes.heads * count, limits.maxComputeWorkgroupsPerDimension),
    );
  }
}
