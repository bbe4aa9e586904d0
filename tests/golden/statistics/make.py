"""Makes values.json: what SciPy, statsmodels, rliable and mpmath compute, and plain enumeration.

Resamples are drawn by the rule that the docstring of the bootstrap gives, with the Threefry of the
golden cells of dropout, so that whole intervals can be compared, not their scatter alone.
Needs numpy, scipy, statsmodels, rliable (which needs arch, seaborn) and mpmath.
Run: python tests/golden/statistics/make.py && deno fmt tests/golden/statistics
"""

import itertools
import json
import sys
from pathlib import Path

import mpmath
import numpy as np
import scipy
import statsmodels
from rliable import metrics
from scipy import stats
from scipy.stats import _resampling
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.power import TTestPower

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "dropout"))
from draws import ROTATIONS, WORD, fold, seed_key, threefry  # noqa: E402

mpmath.mp.dps = 60
MASK = np.uint64(WORD - 1)


def words(key, resamples, count):
    """The words of the blocks at (r, i), `[resamples, count]`: draws.threefry of whole arrays."""
    blocks = (count + 1) // 2
    keys = [np.uint64(k) for k in (key[0], key[1], key[0] ^ key[1] ^ 0x1BD11BDA)]
    x = np.repeat(np.arange(resamples, dtype=np.uint64)[:, None], blocks, 1)
    y = np.repeat(np.arange(blocks, dtype=np.uint64)[None, :], resamples, 0)
    x, y = (x + keys[0]) & MASK, (y + keys[1]) & MASK
    for number in range(1, 21):
        x = (x + y) & MASK
        bits = np.uint64(ROTATIONS[(number - 1) % 8])
        y = (((y << bits) | (y >> (np.uint64(32) - bits))) & MASK) ^ x
        if number % 4 == 0:
            group = number // 4
            x = (x + keys[group % 3]) & MASK
            y = (y + keys[(group + 1) % 3] + np.uint64(group)) & MASK
    assert threefry(key, (resamples - 1, blocks - 1)) == (x[-1, -1], y[-1, -1])
    return np.stack([x, y], 2).reshape(resamples, 2 * blocks)[:, :count]


def resampled(values, seed, stratum, resamples):
    """Samples drawn of the sorted values, `[resamples, values]`."""
    key = fold(fold(seed_key(seed), "bootstrap"), stratum)
    places = (words(key, resamples, len(values)) * np.uint64(len(values))) >> np.uint64(32)
    return np.sort(np.asarray(values))[places.astype(int)]


def iqm(values, axis=-1):
    return stats.trim_mean(values, 0.25, axis=axis)


def tied(function):
    """SciPy compares bits, but means that are equal but for rounding are ties."""
    return lambda values, axis: np.round(function(values, axis=axis), 11)


STATISTICS = {
    name: tied(function)
    for name, function in (("mean", np.mean), ("median", np.median), ("interquartileMean", iqm))
}


def samples():
    rng = np.random.default_rng(20260101)
    return {
        "normal": rng.normal(70, 2, 10).round(4).tolist(),
        "skewed": rng.exponential(3, 13).round(4).tolist(),
        "five": [0.62, 0.65, 0.61, 0.66, 0.64],
        "ties": [1, 1, 2, 2, 2, 5, 5, 8],
        "two": [0.25, 0.75],
        "outlier": [0.5, 0.25, 0.75, 0.5, 1, 0.125, 40],
    }


def summaries():
    rows = []
    for name, values in samples().items():
        places = [0, 0.025, 0.1, 0.5, 0.9, 1]
        rows.append(
            {
                "name": name,
                "values": values,
                "mean": np.mean(values),
                "sd": np.std(values, ddof=1),
                "median": np.median(values),
                "interquartileMean": metrics.aggregate_iqm(np.array(values)[:, None]),
                "quantiles": [[place, np.quantile(values, place)] for place in places],
            }
        )
    return rows


def normals():
    root = mpmath.sqrt(2)
    low = [-37, -20.7, -8, -5.5, -3.1, -2.2, -1.5, -1, -0.996, -0.76, -0.74, -0.3, -1e-9]
    cdf = [[z, float(mpmath.erfc(-mpmath.mpf(z) / root) / 2)] for z in low + [-z for z in low]]
    shares = [1e-300, 1e-20, 1e-5, 0.001, 0.025, 0.1, 0.158, 0.16, 0.226, 0.227, 0.3, 0.4999]
    quantile = []
    for p in shares + [0.6, 0.975, 0.9999999, 1 - 2**-50]:
        # log(2 (1 - p)) keeps its digits where p is near 1.
        tail = mpmath.mpf(p) if p < 0.5 else 1 - mpmath.mpf(p)
        start = abs(float(stats.norm.ppf(float(tail))))
        x = mpmath.findroot(lambda x: mpmath.log(mpmath.erfc(x / root) / 2 / tail), start)
        quantile.append([p, float(-x if p < 0.5 else x)])
    return {"cdf": cdf, "quantile": quantile}


def bca_case(name, values, statistic, seed, resamples, level):
    """The ends of SciPy's own BCa over the distribution that our draws give."""
    function = STATISTICS[statistic]
    data = (np.sort(np.asarray(values, float)),)
    drawn = function(resampled(values, seed, 0, resamples), axis=-1)
    ends = _resampling._bca_interval(data, function, -1, (1 - level) / 2, drawn, None, np)
    low, high = (np.quantile(drawn, float(np.squeeze(end))) for end in ends[:2])
    case = {"name": name, "values": values, "statistic": statistic, "seed": seed}
    return case | {"resamples": resamples, "level": level, "low": low, "high": high}


def bca_intervals():
    s = samples()
    return [
        bca_case("normal", s["normal"], "mean", 0, 10000, 0.95),
        bca_case("normal", s["normal"], "mean", 2**40 + 7, 10000, 0.9),
        bca_case("normal", s["normal"], "median", 3, 2001, 0.95),
        bca_case("skewed", s["skewed"], "mean", 1, 10000, 0.95),
        bca_case("skewed", s["skewed"], "interquartileMean", 5, 10000, 0.99),
        bca_case("five", s["five"], "mean", 2, 5000, 0.95),
        bca_case("ties", s["ties"], "mean", 4, 10000, 0.95),
        bca_case("outlier", s["outlier"], "mean", 6, 10000, 0.95),
    ]


def bca_apart():
    """SciPy's whole interval with draws of its own; `error` is the standard error of the mean."""
    rows = []
    for name in ("normal", "skewed"):
        values = samples()[name]
        rng = np.random.default_rng(7)
        options = {"n_resamples": 200000, "method": "BCa", "rng": rng, "batch": 10000}
        low, high = stats.bootstrap((values,), np.mean, **options).confidence_interval
        error = np.std(values, ddof=1) / np.sqrt(len(values))
        rows.append({"values": values, "low": low, "high": high, "error": error})
    return rows


def stratified():
    """The interquartile mean over all runs of three tasks; ends by rliable's rule, the percentiles."""
    rng = np.random.default_rng(11)
    strata = [rng.normal(m, 1, n).round(4).tolist() for m, n in ((60, 5), (80, 7), (85, 4))]
    drawn = np.concatenate([resampled(v, 9, s, 5000) for s, v in enumerate(strata)], axis=1)
    low, high = np.quantile(iqm(drawn), [0.025, 0.975])
    value = stats.trim_mean(np.concatenate(strata), 0.25)
    return {"strata": strata, "seed": 9, "resamples": 5000, "value": value, "low": low, "high": high}


def enumerated(differences):
    """All assignments of signs, one bit after the other."""
    sums = np.zeros(1)
    for difference in differences:
        sums = np.concatenate([sums - difference, sums + difference])
    total = abs(sum(differences))
    return np.mean(np.abs(sums) >= total - 1e-9)


def permuted(differences):
    if len(differences) < 2:
        return enumerated(differences)
    options = {"permutation_type": "samples", "n_resamples": np.inf, "alternative": "two-sided"}
    return stats.permutation_test((differences,), np.mean, vectorized=True, **options).pvalue


def sign_flips():
    """SciPy's exact test; of one difference, which it refuses, and of 20, by enumeration."""
    rng = np.random.default_rng(5)
    lists = [rng.normal(0.6, 1, n).round(3).tolist() for n in range(1, 13)]
    lists += [[1, 1, 2, -1, 3], [0, 0, 1, 2, -1, 0], [0, 0, 0], [2, -2], [1, 1, 1, 1, 1, 1]]
    lists += [[0.1, 0.2, -0.3, 0.3, 0.1, 0.2, 0.4], [0.3, 0.3, -0.1, 0.5, 0.1, 0.1, 0.1, -0.2]]
    rows = [{"differences": one, "p": permuted(one)} for one in lists]
    for one, row in zip(lists, rows):
        assert abs(row["p"] - enumerated(one)) < 1e-12, row
    long = rng.normal(0.4, 1, 20).round(3).tolist()
    return [*rows, {"differences": long, "p": enumerated(long)}]


def holms():
    rng = np.random.default_rng(3)
    lists = [[0.01, 0.04, 0.03, 0.005], [0.5, 0.5, 0.9], [0.002], [0.02, 0.02, 0.02, 0.01, 1]]
    lists += [rng.uniform(0, 0.1, 9).round(6).tolist(), [0, 0.3, 0.00390625, 0.001953125]]
    return [{"p": p, "adjusted": multipletests(p, method="holm")[1].tolist()} for p in lists]


def improvements():
    rng = np.random.default_rng(13)
    method = rng.normal(70, 2, (6, 3)).round(1)
    baseline = rng.normal(69, 2, (8, 3)).round(1)
    method[:2, 0] = baseline[:2, 0]
    tasks = []
    for x, y in zip(method.T.tolist(), baseline.T.tolist()):
        u = stats.mannwhitneyu(x, y, alternative="greater").statistic
        tasks.append({"method": x, "baseline": y, "probability": u / (len(x) * len(y))})
    mean = metrics.probability_of_improvement(method, baseline)
    pairs = [v for task in tasks for v in (task["method"], task["baseline"])]
    drawn = [resampled(v, 21, s, 500) for s, v in enumerate(pairs)]
    means = [
        metrics.probability_of_improvement(
            np.stack([x[r] for x in drawn[::2]], 1), np.stack([y[r] for y in drawn[1::2]], 1)
        )
        for r in range(500)
    ]
    low, high = np.quantile(means, [0.025, 0.975])
    return {"tasks": tasks, "mean": mean, "seed": 21, "resamples": 500, "low": low, "high": high}


def expected_maxima():
    """The mean of the best over all tuples of draws with replacement."""
    rows = []
    for scores, best in (([3, 1, 4, 1.5, 5], max), ([0.9, 0.4, 0.4, 0.7, 0.2], min), ([2, 2, 7], max)):
        tuples = [itertools.product(scores, repeat=k + 1) for k in range(len(scores))]
        means = [np.mean([best(one) for one in each]) for each in tuples]
        rows.append({"scores": scores, "isHigherBetter": best is max, "best": means})
    return rows


def powers():
    cases = [(0.5, 10, 0.05), (1, 6, 0.01), (0.2, 200, 0.05), (2, 3, 0.05), (0.8, 2, 0.05)]
    cases += [(1.5, 12, 0.05 / 9), (0.01, 100000, 0.05), (0, 8, 0.05), (1.4, 9, 0.001)]
    test = TTestPower()
    power = [[*case, test.power(*case)] for case in cases]
    needed = []
    for effect, alpha in ((0.3, 0.05), (0.5, 0.05), (0.8, 0.05 / 8), (1.1, 0.05 / 3)):
        n = test.solve_power(effect_size=effect, alpha=alpha, power=0.8)
        needed.append([effect, alpha, int(np.ceil(n))])
    return {"power": power, "needed": needed}


def plain(value):
    if isinstance(value, np.generic):
        return value.item()
    raise TypeError(type(value))


def main():
    modules = (np, scipy, statsmodels, mpmath)
    versions = {module.__name__: module.__version__ for module in modules}
    values = {
        "versions": versions,
        "summaries": summaries(),
        "normal": normals(),
        "bca": bca_intervals(),
        "bcaApart": bca_apart(),
        "stratified": stratified(),
        "signFlips": sign_flips(),
        "holm": holms(),
        "improvement": improvements(),
        "expectedMaxima": expected_maxima(),
        "student": powers(),
    }
    lines = ",\n".join(f'"{key}":{json.dumps(v, default=plain)}' for key, v in values.items())
    (HERE / "values.json").write_text(f"{{\n{lines}\n}}\n", encoding="ascii")


main()
