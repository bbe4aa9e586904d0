/**
 * What a part of the page keeps in the address: values that are read from text and written as text.
 *
 * @module
 */

/** One value of a section's state. */
export interface Field<T> {
  /** What holds where the address says nothing, or nothing that can be read. */
  readonly default: T;
  /** The value that a text stands for; undefined where it stands for none. */
  read(text: string): T | undefined;
  /** The text of a value, which {@linkcode Field.read} reads again. */
  write(value: T): string;
}

/** Bounds of a number, both included. */
export interface NumberBounds {
  /** Least value. */
  readonly min: number;
  /** Largest value. */
  readonly max: number;
  /** Whether whole numbers alone count; default false. */
  readonly whole?: boolean;
}

/** A field of a number, with its bounds for who asks for it. */
export interface NumberField extends Field<number> {
  /** Bounds of the number. */
  readonly bounds: NumberBounds;
}

/** A number within bounds. */
export function numberField(standard: number, bounds: NumberBounds): NumberField {
  return {
    default: standard,
    bounds,
    read: (text) => numberOf(text, bounds),
    write: String,
  };
}

/** As many numbers as the default has, within bounds. */
export function numbersField(
  standard: readonly number[],
  bounds: NumberBounds,
): Field<readonly number[]> {
  return {
    default: standard,
    read(text) {
      const values = text.split(",").map((part) => numberOf(part, bounds));
      const fits = values.length === standard.length && values.every((x) => x !== undefined);
      return fits ? values as number[] : undefined;
    },
    write: (values) => values.join(","),
  };
}

/** Numbers within bounds, ascending, at least `fewest` of them and at most `most`. */
export function ascendingField(
  standard: readonly number[],
  { fewest, most, ...bounds }: NumberBounds & { readonly fewest: number; readonly most: number },
): Field<readonly number[]> {
  return {
    default: standard,
    read(text) {
      const values = text.split(",").map((part) => numberOf(part, bounds));
      const fits = values.length >= fewest && values.length <= most &&
        values.every((x, i) => x !== undefined && x > (values[i - 1] ?? -Infinity));
      return fits ? values as number[] : undefined;
    },
    write: (values) => values.join(","),
  };
}

/** Any of some numbers from 0 to below `count`, ascending; none is an empty list. */
export function subsetField(standard: readonly number[], count: number): Field<readonly number[]> {
  return {
    default: standard,
    read(text) {
      if (text === "") return [];
      const bounds = { min: 0, max: count - 1, whole: true };
      const members = text.split(",").map((part) => numberOf(part, bounds));
      if (!members.every((x) => x !== undefined)) return undefined;
      return [...new Set(members as number[])].sort((a, b) => a - b);
    },
    write: (members) => members.join(","),
  };
}

/** One of some words. */
export function choiceField<const T extends string>(
  choices: readonly T[],
  standard: NoInfer<T>,
): Field<T> {
  return {
    default: standard,
    read: (text) => choices.find((choice) => choice === text),
    write: (value) => value,
  };
}

function numberOf(text: string, { min, max, whole = false }: NumberBounds): number | undefined {
  const value = text.trim() === "" ? NaN : Number(text);
  return value >= min && value <= max && (!whole || Number.isInteger(value)) ? value : undefined;
}
