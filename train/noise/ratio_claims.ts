/**
 * The paper's claims on k, judged by the attention rows of a model.
 *
 * @module
 */

import { type Claim, claimOf } from "./claims.ts";
import type { RatioCount, RatioRow } from "./ratios.ts";
import { shownNumber } from "./table.ts";

/** Judges k < 1, its fall as dropped logits grow, and 1/S > 1: each must hold for every entry. */
export function judgeRatios(rows: readonly RatioRow[]): Claim[] {
  const agreement = (pick: (row: RatioRow) => RatioCount) =>
    `the formula is met within ${shownNumber(Math.max(...rows.map((row) => pick(row).error)))}`;
  const by = (words: (row: RatioRow) => string) =>
    rows.map((row) =>
      `${words(row)} where ${row.dropped} ${row.dropped === 1 ? "key is" : "keys are"} dropped`
    )
      .join(", ");
  const diagonal = ({ diagonal }: RatioRow) => diagonal;
  const offDiagonal = ({ offDiagonal }: RatioRow) => offDiagonal;
  return [
    verdict(
      "DropKey's derivative by the own logit is k < 1 times that of DropAttention with NoGrad " +
        "(Eq. 10, 14, 15)",
      rows.map((row) => [row.dropped, row.diagonal.holding, row.diagonal.count]),
      `k is ${by(({ diagonal }) => ranged(diagonal))}; ${agreement(diagonal)}`,
    ),
    verdict(
      "k falls as the dropped logits g_m grow",
      rows.map((row) => [row.dropped, row.falling, row.diagonal.count]),
      `with g_m raised by ${rows[0]!.raised.map(({ by }) => by).join(", ")} its mean is ${
        by(({ raised, diagonal }) =>
          raised.map(({ sum }) => shownNumber(sum / diagonal.count)).join(", ")
        )
      }`,
    ),
    verdict(
      "The derivative by another kept logit is 1/S > 1 times that of DropAttention with NoGrad " +
        "(not in the paper)",
      rows.map((row) => [row.dropped, row.offDiagonal.holding, row.offDiagonal.count]),
      `it is ${by(({ offDiagonal }) => ranged(offDiagonal))}; ${agreement(offDiagonal)}`,
    ),
  ];
}

function ranged({ sum, count, least, most }: RatioCount): string {
  return `${shownNumber(sum / count)} on average (${least.toPrecision(4)} to ${
    most.toPrecision(4)
  })`;
}

/** Holds where it does for all entries of every number of dropped keys. */
function verdict(
  claim: string,
  counts: readonly (readonly [dropped: number, holding: number, count: number])[],
  number: string,
): Claim {
  const holding = counts.filter(([, held, count]) => count > 0 && held === count);
  const when = `${holding.map(([dropped]) => dropped).join(" or ")} keys are dropped`;
  const all = counts.map(([, held, count]) => `${held} of ${count}`).join(", ");
  return claimOf(claim, counts, holding, when, `, for ${all} entries; ${number}`);
}
