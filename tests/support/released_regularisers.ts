import expected from "../regularisers/expected.json" with { type: "json" };

/** What the released code of some regularisers does; see `tests/regularisers/make.py`. */
export const released: typeof expected = expected;

/** Numbers that the script makes too. */
export function sines(size: number, seed: number): Float64Array {
  return Float64Array.from({ length: size }, (_, i) => Math.sin((i + 1) * (seed + 1)));
}
