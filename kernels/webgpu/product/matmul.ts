/**
 * Renders matrix products to WGSL: parameters, operands, the loops and the epilogue.
 *
 * @module
 */

import type { Dtype } from "../../../core/dtype.ts";
import { topological } from "../../../core/expr.ts";
import type { MatmulProgram } from "../../../core/program.ts";
import { slotsUsed } from "../../plan/slots.ts";
import { arrayType, type MatmulLayout, wideReader, wideType } from "./operand_layout.ts";
import { groupNumber } from "../queue/launch.ts";
import { epilogueOperands, renderEpilogue } from "./epilogue.ts";
import { renderBody } from "./matmul_body.ts";
import {
  bindings,
  type DeclaredOperand,
  elementType,
  halfReaders,
  parameter,
  Parameters,
  type Shader,
} from "../shader.ts";
import { groupOf, type MatmulVariant } from "./variant.ts";

/** What the text of a product depends on beside its program. */
export interface MatmulShape {
  /** Axes before rows and columns. */
  readonly rank: number;
  /** Tiles and lanes of the kernel. */
  readonly variant: MatmulVariant;
  /** What the strides allow. */
  readonly layout: MatmulLayout;
  /** Element types of A and B. */
  readonly dtypes: readonly [Dtype, Dtype];
  /** Whether the inner axis, or each of its chunks, ends with a whole turn. */
  readonly even: boolean;
  /** Whether the first batch axis stands for chunks of the inner axis. */
  readonly chunked: boolean;
  /** Whether an axis has too few workgroups, so that they are counted over all three. */
  readonly flat: boolean;
}

/** Text that tells shapes apart. */
export function shapeKey(shape: MatmulShape): string {
  const { rank, variant, layout, dtypes, even, chunked, flat } = shape;
  const { tile, own, depth, lanes } = variant;
  const read = layout.read.map(({ run, wide }) => `${run} ${wide}`);
  return [rank, tile, own, depth, lanes, read, layout.wide, dtypes, even, chunked, flat].join("/");
}

/**
 * Renders a product. Parameters: sizes (batch axes, M, N, K, chunk of K), then offset and strides of each
 * operand over the axes it has (A: batch, M, K; B: batch, K, N; others: batch, M, N), then scalars.
 */
export function renderMatmul(program: MatmulProgram, shape: MatmulShape): Shader {
  const { rank, variant, layout, dtypes, even, chunked } = shape;
  const places = new Parameters();
  const sizes = places.take(rank + 4);
  const operandPlaces = places.take((program.inputs.length + program.outputs.length) * (rank + 3));
  const scalarPlaces = places.take(slotsUsed(topological(program.outputs), "scalar"));
  const first = (k: number) => operandPlaces + k * (rank + 3);
  const place = (k: number, axis: number) => parameter(first(k) + 1 + axis);
  const size = (axis: number) => parameter(sizes + axis);
  const [m, n, k, chunk] = [size(rank), size(rank + 1), size(rank + 2), size(rank + 3)];

  const list = [0, 1, ...epilogueOperands(program)];
  const bound = boundOperands(list, program, shape);
  const bases = list.map((operand) => {
    const terms = Array.from(
      { length: rank },
      (_, axis) => ` + z${axis} * ${place(operand, axis)}`,
    );
    return `q${operand} = ${parameter(first(operand))}${terms.join("")};`;
  });
  const body = renderBody({
    variant,
    read: layout.read,
    dtypes,
    even,
    rank,
    place,
    limits: [m, n],
  });
  const epilogue = renderEpilogue(program, {
    rank,
    wide: layout.wide,
    place,
    scalar: (slot) => `bitcast<f32>(${parameter(scalarPlaces + slot)})`,
    m,
    n,
  });
  const code = `${places.declaration()}
${bindings(bound)}
${list.map((operand) => `var<private> q${operand}: i32;`).join("\n")}
${body.shared}
${readersOf(shape, bound)}${epilogue}
@compute @workgroup_size(${groupOf(variant)})
fn main(
  @builtin(workgroup_id) wid: vec3<u32>,${
    shape.flat ? "\n  @builtin(num_workgroups) wn: vec3<u32>," : ""
  }
  @builtin(local_invocation_id) lid: vec3<u32>,
) {
${shape.flat ? placeOf(shape, size) : "let place = wid;"}
${batchCoordinates(rank, size)}
${bases.join("\n")}
let tx = i32(lid.x);
let ty = i32(lid.y);
let lane = i32(lid.z);
let m0 = i32(place.y) * ${variant.tile[0]};
let n0 = i32(place.x) * ${variant.tile[1]};
let depth = ${chunked ? `min(${chunk}, ${k} - z0 * ${chunk})` : k};
${body.lines.join("\n")}
}
`;
  return { code, bound };
}

/** A, B and what the epilogue meets, as arrays of numbers or of vectors. */
function boundOperands(
  list: readonly number[],
  { inputs }: MatmulProgram,
  { layout, dtypes }: MatmulShape,
): DeclaredOperand[] {
  return list.map((operand) => ({
    operand,
    writable: operand >= inputs.length,
    type: operand < 2
      ? arrayType(dtypes[operand]!, layout.read[operand]!)
      : layout.wide[operand - 2]
      ? wideType("f32")
      : elementType("f32"),
  }));
}

/** Functions that read A and B where their arrays do not hold floats. */
function readersOf({ layout, dtypes }: MatmulShape, bound: Shader["bound"]): string {
  return [0, 1].map((operand) =>
    layout.read[operand]!.wide
      ? wideReader(operand, dtypes[operand]!)
      : halfReaders(dtypes, [bound[operand]!])
  ).join("");
}

/** Columns, rows and product of a workgroup that is known by its number. */
function placeOf({ rank, variant }: MatmulShape, size: (axis: number) => string): string {
  const [down, across] = [0, 1].map((axis) =>
    `(u32(${size(rank + axis)}) + ${variant.tile[axis]! - 1}u) / ${variant.tile[axis]}u`
  );
  const batch = Array.from({ length: rank }, (_, axis) => size(axis)).join(" * ");
  return `let number = ${groupNumber};
let across = ${across};
let down = ${down};
let place = vec3<u32>(number % across, number / across % down, number / across / down);
if (place.z >= u32(${batch || "1"})) { return; }`;
}

/** The coordinate of the workgroup's product on each batch axis. */
function batchCoordinates(rank: number, size: (axis: number) => string): string {
  const lines = ["var rest = i32(place.z);"];
  for (let axis = rank - 1; axis >= 0; axis--) {
    lines.push(
      axis === 0
        ? "let z0 = rest;"
        : `let z${axis} = rest % ${size(axis)}; rest = rest / ${size(axis)};`,
    );
  }
  return lines.join("\n");
}
