/**
 * Polynomials and quotients for functions that machines lack. They were fitted for this file (least
 * squares on Chebyshev points, reweighted towards equal relative errors).
 *
 * @module
 */

/** `x P(x²) / Q(x²)`: an odd function within ±1 that is flat beyond the limit. */
export interface OddQuotient {
  /** Where arguments are clamped. */
  readonly limit: number;
  /** Coefficients of P, the constant first. */
  readonly p: readonly number[];
  /** Coefficients of Q, the constant first. */
  readonly q: readonly number[];
}

/** Of tanh. */
export const tanhQuotient: OddQuotient = {
  // Where the quotient is 1 to the bit, and before it first exceeds 1, however products are rounded.
  limit: 8.115365982055664,
  p: [0.99999998, 0.133810338, 0.0034955968, 2.06091854e-5, 1.33547354e-8],
  q: [1, 0.467143495, 0.0258770179, 3.28564725e-4, 7.77660285e-7],
};
/** Of the error function. */
export const erfQuotient: OddQuotient = {
  // Where the quotient is 1 to the bit, whether products and sums are rounded apart or not.
  limit: 3.9200005531311035,
  p: [1.12837915, 0.190402525, 0.0527480778, 3.76541134e-3, 2.84871844e-4, 2.05003654e-6],
  q: [1, 0.502072588, 0.114107369, 0.0149688135, 1.16247379e-3, 3.80906191e-5],
};
/** Coefficients of `exp(r)` for `|r| <= ln 2 / 2`, the constant first. */
export const exponential: readonly number[] = [
  1,
  1,
  0.499999935,
  0.166665207,
  0.0416683874,
  0.0083687102,
  0.00138146122,
];
/** Coefficients of `(log(1 + f) - f + f² / 2) / f³` around 0, the constant first. */
export const logarithm: readonly number[] = [
  0.333333317,
  -0.250008211,
  0.200012268,
  -0.166233564,
  0.142017588,
  -0.131601927,
  0.127615767,
  -0.0763446928,
];
