import { assertAlmostEquals, assertEquals } from "@std/assert";
import { fates } from "../../../train/noise/gradients.ts";
import { judgeRatios } from "../../../train/noise/ratio_claims.ts";
import { addRatios, emptyRatios } from "../../../train/noise/ratios.ts";

const fate = Uint8Array.of(fates.kept, fates.kept, fates.dropped, fates.hidden);

/** One row of three visible keys, of which the last is dropped; key 0 is differentiated. */
function row(dropKey: number, noGrad: number, raised = dropKey * 0.9) {
  const weights = Float32Array.of(0.2, 0.3, 0.5, 0);
  const by = (own: number, other: number) => Float32Array.of(own, other, 0, 0);
  const found = emptyRatios(1, [0, 1]);
  const rows = [dropKey, raised].map((own) => ({
    weights,
    dropKey: by(own, -0.24),
    noGrad: by(noGrad, -0.12),
  }));
  addRatios(found, fate, rows, { width: 4, of: 0 });
  return found;
}

Deno.test("addRatios() divides DropKey's derivatives by those with NoGrad, beside the formulas", () => {
  // w' = 0.4 and S = 0.5, so k = (1 - 0.4) / (1 - 0.2) = 0.75 and 1/S = 2.
  const { diagonal, offDiagonal, falling, raised } = row(0.24, 0.32);
  assertEquals([diagonal.count, diagonal.holding, falling], [1, 1, 1]);
  assertAlmostEquals(diagonal.sum, 0.75, 1e-6);
  assertAlmostEquals(diagonal.error, 0, 1e-6);
  assertEquals([offDiagonal.count, offDiagonal.holding], [1, 1]);
  assertAlmostEquals(offDiagonal.sum, 2, 1e-6);
  assertAlmostEquals(offDiagonal.error, 0, 1e-6);
  assertAlmostEquals(raised[1]!.sum, 0.675, 1e-6);
});

Deno.test("addRatios() leaves out rows that lose another number of keys, and weights near 0", () => {
  const weights = Float32Array.of(0.2, 0.3, 0.5, 0);
  const one = [{ weights, dropKey: weights, noGrad: weights }];
  const two = emptyRatios(2, [0]);
  addRatios(two, fate, one, { width: 4, of: 0 });
  assertEquals(two.diagonal.count, 0);
  const light = emptyRatios(1, [0]);
  const tiny = [{ ...one[0]!, weights: Float32Array.of(0.001, 0.499, 0.5, 0) }];
  addRatios(light, fate, tiny, { width: 4, of: 0 });
  assertEquals(light.diagonal.count, 0);
  const dropped = emptyRatios(1, [0]);
  addRatios(dropped, fate, one, { width: 4, of: 2 });
  assertEquals(dropped.diagonal.count, 0);
});

Deno.test("addRatios() calls k falling where every raise lowers it", () => {
  const weights = Float32Array.of(0.2, 0.3, 0.5, 0);
  const fallingOf = (...ks: readonly number[]) => {
    const found = emptyRatios(1, ks.map((_, i) => i));
    const rows = ks.map((k) => ({
      weights,
      dropKey: Float32Array.of(0.32 * k, -0.24, 0, 0),
      noGrad: Float32Array.of(0.32, -0.12, 0, 0),
    }));
    addRatios(found, fate, rows, { width: 4, of: 0 });
    return found.falling;
  };
  assertEquals(fallingOf(0.75, 0.7, 0.6), 1);
  assertEquals(fallingOf(0.75, 0.7, 0.7), 0);
  assertEquals(fallingOf(0.75, 0.8, 0.6), 0);
});

Deno.test("judgeRatios() needs every entry", () => {
  const verdicts = (...rows: ReturnType<typeof row>[]) =>
    judgeRatios(rows).map(({ verdict }) => verdict);
  assertEquals(verdicts(row(0.24, 0.32)), ["holds", "holds", "holds"]);
  // k is not below 1.
  assertEquals(verdicts(row(0.32, 0.32))[0], "does not hold");
  const { diagonal, ...rest } = row(0.24, 0.32);
  const most = { ...rest, diagonal: { ...diagonal, count: 3, holding: 2 } };
  assertEquals(verdicts(most)[0], "does not hold");
  // k stays where the dropped logit grows.
  assertEquals(verdicts(row(0.24, 0.32, 0.24))[1], "does not hold");
  const four = { ...row(0.32, 0.32), dropped: 4 };
  assertEquals(verdicts(row(0.24, 0.32), four)[0], "holds only when");
});
