/**
 * How a row program is spread over invocations, chosen by the shape and the adapter.
 *
 * @module
 */

import type { Bound } from "../../../core/backend.ts";
import { type Dtype, isHalf } from "../../../core/dtype.ts";
import { DeviceError } from "../../../core/errors.ts";
import { isReduction, topological } from "../../../core/expr.ts";
import { readsRow, type RowProgram } from "../../../core/program.ts";
import type { Walk } from "../../plan/coalesce.ts";
import { planRow } from "../../plan/row_passes.ts";
import { variesAlong } from "../../plan/row_walk.ts";
import { type Limits, longestLoop } from "../limits.ts";
import { smallestSubgroup, type Subgroups } from "./subgroups.ts";

/** All that the text of a row program depends on, beside the program. */
export interface RowShape {
  /** Axes of the space. */
  readonly rank: number;
  /**
   * Who computes what: an invocation an element (map) or a row (serial); a subgroup or a workgroup
   * a row.
   */
  readonly kind: "map" | "serial" | "subgroup" | "group";
  /** Invocations of a workgroup; a power of two. */
  readonly size: number;
  /** How subgroups are used; absent where programs cannot use them. */
  readonly subgroups?: Subgroups | undefined;
  /** Element types of the inputs. */
  readonly dtypes: readonly Dtype[];
  /** Which inputs and outputs are met four columns at a time; then all columns are taken by fours. */
  readonly wide: readonly boolean[];
}

/** The backend, as far as it matters here. */
export interface RowAdapter {
  /** Whether it computes on the CPU. */
  readonly facts: { readonly software: boolean };
  /** Its subgroups, where programs can use them. */
  readonly subgroups: Subgroups | undefined;
  /** What bounds a workgroup. */
  readonly limits: Limits;
}

/**
 * Chooses for a program over a simplified space; `bound` are the inputs and outputs.
 *
 * @throws {DeviceError} If the adapter would end the loop over a row too early
 */
export function chooseRow(
  program: RowProgram,
  { space, strides }: Walk,
  bound: readonly Bound[],
  { facts: { software }, subgroups, limits }: RowAdapter,
): RowShape {
  const columns = space.at(-1)!;
  const rows = space.slice(0, -1).reduce((a, b) => a * b, 1);
  const dtypes = bound.slice(0, program.inputs.length).map(({ dtype }) => dtype);
  const wide = columns % 4 !== 0
    ? bound.map(() => false)
    : bound.map((operand, k) => isWide(program, operand, strides[k]!, k));
  const unit = wide.includes(true) ? 4 : 1;
  const make = (kind: RowShape["kind"], size: number, used?: Subgroups): RowShape => ({
    rank: space.length,
    kind,
    size,
    subgroups: used,
    dtypes,
    wide,
  });
  if (!readsRow(program)) return make("map", 64);
  const passes = planRow(program).list.length;
  // The loops of all passes, and those that join what the invocations found.
  const ends = (lanes: number, joined: number) =>
    passes * (Math.ceil(columns / unit / lanes) + joined) <= longestLoop(software);
  // Barriers are dear on the CPU.
  const short = software && subgroups === undefined ? 4096 : 16;
  if (columns <= short && ends(1, 0)) return make("serial", 64);
  // A subgroup hides less of memory's delay than a workgroup: only where rows are many or short. On
  // the CPU there is no delay to hide.
  const longest = software ? 2 ** 17 : rows >= 4096 ? 1024 : 256;
  if (subgroups !== undefined && columns <= longest && ends(subgroups.largest, 0)) {
    return make("subgroup", 128, subgroups);
  }
  const largest = largestGroup(program, limits, subgroups);
  const most = subgroups === undefined ? Math.min(256, largest) : largest;
  const wanted = Math.min(most, Math.max(32, 2 ** Math.ceil(Math.log2(columns / unit / 2))));
  const size = [wanted, largest].find((lanes) => ends(lanes, lanes));
  if (size !== undefined) {
    return make(size < 32 ? "serial" : "group", size < 32 ? 64 : size, subgroups);
  }
  throw new DeviceError(
    `Cannot run a row program over ${columns} columns in ${passes} passes as the adapter ends ` +
      `loops after ${longestLoop(software)} turns`,
  );
}

/** The largest workgroup, a power of two, whose partial values fit its memory. */
function largestGroup(
  program: RowProgram,
  limits: Limits,
  subgroups: Subgroups | undefined,
): number {
  const invocations = Math.min(
    limits.maxComputeInvocationsPerWorkgroup,
    limits.maxComputeWorkgroupSizeX,
  );
  const reductions = topological(program.outputs).filter(isReduction).length;
  const floats = limits.maxComputeWorkgroupStorageSize / 4;
  const lanes = floats / Math.max(1, reductions) * (subgroups === undefined ? 1 : smallestSubgroup);
  return 2 ** Math.floor(Math.log2(Math.min(invocations, lanes)));
}

/** Whether four columns of an operand are neighbours, aligned and always met together. */
function isWide(
  program: RowProgram,
  { dtype, offset }: Bound,
  strides: readonly number[],
  operand: number,
): boolean {
  return !isHalf(dtype) && strides.at(-1) === 1 && offset % 4 === 0 &&
    strides.slice(0, -1).every((step) => step % 4 === 0) && variesAlong(program, operand);
}

/** Text that tells shapes apart. */
export function rowKey({ rank, kind, size, subgroups, dtypes, wide }: RowShape): string {
  return `${rank}/${kind}/${size}/${subgroups !== undefined}/${dtypes}/${wide.map(Number)}`;
}

/** What the invocations count: elements, fours of them, or rows; and the workgroups they need. */
export function workOf(
  { kind, size, subgroups, wide }: RowShape,
  space: readonly number[],
): { count: number; groups: number } {
  const elements = space.reduce((a, b) => a * b, 1);
  if (kind === "map") {
    const count = elements / (wide.includes(true) ? 4 : 1);
    return { count, groups: Math.ceil(count / size) };
  }
  const count = elements / space.at(-1)!;
  const each = kind === "serial" ? size : kind === "group" ? 1 : size / subgroups!.largest;
  return { count, groups: Math.ceil(count / each) };
}
