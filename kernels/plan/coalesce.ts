/**
 * Simplifies a space: axes of size 1 disappear, and neighbours that every operand walks through
 * evenly become one axis.
 *
 * @module
 */

/** Steps of an axis that is too short to be worth a visit. */
const shortAxis = 32;

/** A space and the strides of each operand over it. */
export interface Walk {
  /** Size of each axis. */
  readonly space: number[];
  /** For each operand, its step along each axis. */
  readonly strides: number[][];
}

/**
 * @param space Size of each axis
 * @param operands Strides of each operand over the space
 * @param keepLast Leaves the last axis alone: its length has a meaning
 */
export function coalesce(
  space: readonly number[],
  operands: readonly (readonly number[])[],
  keepLast: boolean,
): Walk {
  const out: Walk = { space: [], strides: operands.map(() => []) };
  const last = space.length - 1;
  space.forEach((size, axis) => {
    const fixed = keepLast && axis === last;
    if (size === 1 && !fixed) return;
    const merges = !fixed && out.space.length > 0 &&
      operands.every((steps, k) => out.strides[k]!.at(-1) === steps[axis]! * size);
    if (merges) {
      out.space[out.space.length - 1]! *= size;
      operands.forEach((steps, k) => out.strides[k]![out.space.length - 1] = steps[axis]!);
    } else {
      out.space.push(size);
      operands.forEach((steps, k) => out.strides[k]!.push(steps[axis]!));
    }
  });
  while (out.space.length < 2) {
    // A row axis in front; where nothing is left, a column axis too.
    out.space.unshift(1);
    out.strides.forEach((steps) => steps.unshift(0));
  }
  return out;
}

/** Puts the longest of the leading axes before the last one if a short one is there: fewer visits. */
export function longestBeforeLast({ space, strides }: Walk): void {
  const leading = space.slice(0, -1);
  if (leading.at(-1)! >= shortAxis) return;
  const longest = leading.indexOf(Math.max(...leading));
  for (const list of [space, ...strides]) {
    list.splice(leading.length - 1, 0, ...list.splice(longest, 1));
  }
}

/** Calls `visit` with each operand's offset at each point of the leading axes. */
export function walkOuter(
  { space, strides }: Walk,
  inner: number,
  offsets: readonly number[],
  visit: (offsets: number[]) => void,
): void {
  const at = [...offsets];
  const outer = space.length - inner;
  const step = (axis: number): void => {
    if (axis === outer) return visit(at);
    for (let i = 0; i < space[axis]!; i++) {
      step(axis + 1);
      for (let k = 0; k < at.length; k++) at[k]! += strides[k]![axis]!;
    }
    for (let k = 0; k < at.length; k++) at[k]! -= strides[k]![axis]! * space[axis]!;
  };
  step(0);
}
