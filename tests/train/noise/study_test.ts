import { assert, assertAlmostEquals, assertEquals, assertNotEquals } from "@std/assert";
import type { Device } from "../../../core/device.ts";
import { seedKey, threefry } from "../../../core/random.ts";
import { measureRatios } from "../../../train/noise/attention_rows.ts";
import { measureCoverage } from "../../../train/noise/coverage.ts";
import { figuresOf } from "../../../train/noise/figures.ts";
import { fates, fatesOf, probe } from "../../../train/noise/gradients.ts";
import { estimate, meanOf } from "../../../train/noise/statistics.ts";
import {
  cleanGradients,
  largestDifference,
  maskFates,
  maskGradients,
  maskKey,
  masksAt,
  study,
} from "../../../train/noise/study.ts";
import { openSubject } from "../../../train/noise/open_subject.ts";
import { masksBatch, type Subject } from "../../../train/noise/subject.ts";
import { type Variant, variantPlan } from "../../../train/noise/variants.ts";
import { withDevice } from "../../support/with_device.ts";

const rate = 0.3;
const key = maskKey(1, rate);
const drawing = (variant: Variant) => ({ plan: variantPlan(variant, rate), key });

/** Runs a test on two examples of the demonstration. */
function withSubject(body: (device: Device, subject: Subject) => Promise<void>): Promise<void> {
  return withDevice("f32", async (device) => {
    await body(device, await openSubject(device, { batch: 2, seed: 1 }));
  });
}

Deno.test("one key drops the same keys of each head in DropKey and in both DropAttentions", () =>
  withSubject(async (device, subject) => {
    const [own, ...others] = await Promise.all(
      (["dropkey", "dropattention", "dropattention-nograd"] as const).map(async (variant) => {
        const fork = device.fork();
        using _scope = fork.scope("fork");
        return await maskFates(fork, subject, 3, drawing(variant));
      }),
    );
    assert(own!.flat().every((fate) => fate.includes(fates.dropped)));
    for (const other of others) assertEquals(other, own);
    assert(own![0]![0]!.some((fate, i) => fate !== own![0]![1]![i]), "masks differ");
    assert(own![0]![0]!.some((fate, i) => fate !== own![1]![0]![i]), "layers differ");
  }));

Deno.test("a key that is dropped at a rate may stay at a higher one: each rate draws its own masks", () =>
  withSubject(async (device, subject) => {
    const of = (rate: number) =>
      maskFates(device, subject, 3, {
        plan: variantPlan("dropkey", rate),
        key: maskKey(1, rate),
      });
    const [low, high] = [await of(0.2), await of(0.4)];
    low.forEach((masks, l) =>
      masks.forEach((fate, n) => {
        const other = high[l]![n]!;
        assert(fate.some((each, i) => each === fates.dropped && other[i] === fates.kept));
      })
    );
  }));

Deno.test("DropAttention without NoGrad has DropKey's gradient mask by mask, with it another", () =>
  withSubject(async (device, subject) => {
    const of = (variant: Variant) => maskGradients(device, subject, 4, drawing(variant));
    const [dropKey, without, withNoGrad] = [
      await of("dropkey"),
      await of("dropattention"),
      await of("dropattention-nograd"),
    ];
    assert(largestDifference(without, dropKey) <= 1e-5);
    assert(largestDifference(withNoGrad, dropKey) > 0.1);
    const rows = await study(device, subject, { rates: [rate], masks: 4, seed: 1 });
    const own = rows.find(({ variant }) => variant === "dropattention")!;
    assertEquals(own.difference, largestDifference(without, dropKey));
  }));

Deno.test("largestDifference() is over the norm of the second, and finds what is nowhere else", () => {
  const [a, b] = [[[Float32Array.of(3, 4)]], [[Float32Array.of(0, 4)]]];
  assertEquals(largestDifference(a, b), 3 / 4);
  assertEquals(largestDifference(a, a), 0);
  assertEquals(largestDifference(a, [[Float32Array.of(0, 0)]]), Infinity);
});

Deno.test("a mask's gradient does not depend on the masks that share its pass", () =>
  withSubject(async (device, subject) => {
    const together = await maskGradients(device, subject, 3, drawing("dropattention-nograd"));
    const alone = await probe(
      device,
      subject,
      masksBatch(device, subject, 2, 1),
      drawing("dropattention-nograd"),
    );
    assert(largestDifference(together.map((masks) => [masks[2]!]), alone.map((g) => [g])) < 1e-5);
  }));

Deno.test("figures are over the clean gradient, and shares over the mask's own", () =>
  withSubject(async (device, subject) => {
    const masks = 6;
    const rows = await study(device, subject, { rates: [rate], masks, seed: 1 });
    const clean = await cleanGradients(device, subject);
    const drawn = await maskFates(device, subject, masks, drawing("dropkey"));
    for (const variant of ["dropattention-nograd", "hiddencut"] as const) {
      const gradients = await maskGradients(device, subject, masks, drawing(variant));
      const row = rows.find((row) => row.variant === variant)!;
      clean.forEach((undropped, l) => {
        const figures = row.layers[l]!;
        const expected = direct(gradients[l]!, undropped, drawn[l]!);
        for (const name of ["variance", "bias", "mean", "cosine"] as const) {
          assertAlmostEquals(figures[name].value / expected[name], 1, 1e-6, name);
        }
        if (variant === "hiddencut") return assertEquals(figures.share, undefined);
        assertAlmostEquals(figures.share!.value / expected.share, 1, 1e-6);
        assertAlmostEquals(figures.dropped!.value / expected.dropped, 1, 1e-6);
      });
      const mean = row.layers.reduce((sum, { variance }) => sum + variance.value, 0) / clean.length;
      assertAlmostEquals(row.mean.variance.value, mean, 1e-9);
    }
  }));

/** The figures as their definitions say, from whole gradients. */
function direct(
  gradients: readonly Float32Array[],
  clean: Float32Array,
  drawn: readonly Uint8Array[],
) {
  const count = gradients.length;
  const norm = (x: ArrayLike<number>) => Array.from(x).reduce((sum, value) => sum + value ** 2, 0);
  const mean = Array.from(clean, (_, i) => gradients.reduce((sum, g) => sum + g[i]!, 0) / count);
  const spread = gradients.reduce((sum, g) => sum + norm(g.map((x, i) => x - mean[i]!)), 0);
  const variance = spread / (count - 1);
  const average = (of: (g: Float32Array, n: number) => number) =>
    gradients.reduce((sum, g, n) => sum + of(g, n), 0) / count;
  const is = (n: number, i: number) => drawn[n]![i] === fates.dropped;
  const sent = gradients.flatMap((g, n) => [...g].filter((_, i) => is(n, i)).map(Math.abs));
  const visible = drawn[0]!.filter((fate) => fate !== fates.hidden).length;
  const usual = clean.reduce((sum, x) => sum + Math.abs(x), 0) / visible;
  return {
    variance: variance / norm(clean),
    bias: (norm(mean.map((x, i) => x - clean[i]!)) - variance / count) / norm(clean),
    mean: (norm(mean) - variance / count) / norm(clean),
    cosine: average((g) =>
      g.reduce((sum, x, i) => sum + x * clean[i]!, 0) / Math.sqrt(norm(g) * norm(clean))
    ),
    share: average((g, n) => norm(g.filter((_, i) => is(n, i))) / norm(g)),
    dropped: sent.reduce((a, b) => a + b, 0) / sent.length / usual,
  };
}

Deno.test("fates leave out padding, of keys and of queries", () =>
  withSubject(async (device, subject) => {
    const batch = masksBatch(device, subject, 0, 1);
    const fate = (await fatesOf(device, subject, batch, drawing("dropkey"), 0))!;
    const { heads } = subject.config;
    const visible = fate.filter((each) => each !== fates.hidden).length;
    const squares = subject.examples.map(({ ids }) => ids.length ** 2);
    assertEquals(visible, heads * squares.reduce((a, b) => a + b));
    const share = fate.filter((each) => each === fates.dropped).length / visible;
    assert(share > 0.2 && share < 0.4, `${share}`);
    assertEquals(await fatesOf(device, subject, batch, drawing("hiddencut"), 0), undefined);
  }));

Deno.test("maskKey() is another for each seed and each rate", () => {
  assertEquals(maskKey(1, 0.1), maskKey(1, 0.1));
  assertNotEquals(maskKey(1, 0.1), maskKey(1, 0.2));
  assertNotEquals(maskKey(1, 0.1), maskKey(2, 0.1));
});

Deno.test("fates leave out keys behind the query of a causal model", () =>
  withSubject(async (device, subject) => {
    const batch = masksBatch(device, subject, 0, 1);
    const causal = { config: { ...subject.config, causal: true } };
    const fate = (await fatesOf(device, causal, batch, drawing("dropkey"), 0))!;
    const visible = fate.filter((each) => each !== fates.hidden).length;
    const pairs = subject.examples.map(({ ids: { length } }) => length * (length + 1) / 2);
    assertEquals(visible, subject.config.heads * pairs.reduce((a, b) => a + b));
    assert(fate.every((each, i) => {
      const [key, query] = [i % batch.width, Math.floor(i / batch.width) % batch.width];
      return key <= query || each === fates.hidden;
    }));
  }));

Deno.test("masksAt() takes more masks below 0.1, in proportion", () => {
  const taken = [0.01, 0.02, 0.05, 0.1, 0.3].map((rate) => masksAt(rate, 32));
  assertEquals(taken, [320, 160, 64, 32, 32]);
});

Deno.test("measureRatios() finds k and 1/S of the formulas on the model's rows", () =>
  withSubject(async (device, subject) => {
    const rows = await measureRatios(device, subject, key);
    assertEquals(rows.map(({ dropped }) => dropped), [1, 2, 4]);
    for (const { diagonal, offDiagonal, falling, raised } of rows) {
      assert(diagonal.count > 100 && offDiagonal.count > 1000);
      assertEquals([diagonal.holding, falling], [diagonal.count, diagonal.count]);
      assertEquals(offDiagonal.holding, offDiagonal.count);
      assert(diagonal.error < 1e-4 && offDiagonal.error < 1e-4);
      assert(raised.every(({ sum }, i) => i === 0 || sum < raised[i - 1]!.sum));
    }
  }));

Deno.test("measureRatios() raises dropped logits, which are scaled scores, by 0, 1, 2 and 3", () =>
  withSubject(async (device, subject) => {
    const rows = await measureRatios(device, subject, key);
    const batch = masksBatch(device, subject, 0, 1);
    const logits: Promise<number[]>[] = [];
    subject.model.forward({
      batch,
      onScores: (own, scale) => {
        logits.push(own.read().then((read) => Array.from(read, (x) => scale * x)));
      },
    });
    const all = await Promise.all(logits);
    const plan = variantPlan("dropkey", 0, { structure: "span", spanLength: 2 });
    const found = [0, 0, 0, 0];
    const { width } = batch;
    for (const [layer, g] of all.entries()) {
      const fate = (await fatesOf(device, subject, batch, { plan, key }, layer))!;
      for (let start = 0; start < fate.length; start += width) {
        const keys = Array.from({ length: width }, (_, i) => start + i);
        const mass = (kind: number) =>
          keys.reduce((sum, i) => fate[i] === kind ? sum + Math.exp(g[i]!) : sum, 0);
        const [kept, lost] = [mass(fates.kept), mass(fates.dropped)];
        if (keys.filter((i) => fate[i] === fates.dropped).length !== 2) continue;
        for (const own of keys.filter((_, i) => i % Math.max(1, Math.ceil(width / 8)) === 0)) {
          const part = Math.exp(g[own]!), whole = kept + lost;
          const light = Math.min(lost, part, kept - part) < 0.01 * whole;
          if (fate[own] !== fates.kept || light) continue;
          found.forEach((_, raise) => {
            found[raise]! += (1 - part / kept) / (1 - part / (kept + lost * Math.exp(raise)));
          });
        }
      }
    }
    const { raised, diagonal } = rows.find(({ dropped }) => dropped === 2)!;
    raised.forEach(({ sum }, i) => assertAlmostEquals(sum / found[i]!, 1, 1e-3));
    assert(found[3]! < 0.99 * found[0]!, `${found} of ${diagonal.count}`);
  }));

Deno.test("measureCoverage() holds a population's own figures for true", () =>
  withSubject(async (device, subject) => {
    const settings = { rates: [rate], masks: 8, seed: 1, population: 60, studies: 200 };
    const rows = await measureCoverage(device, subject, settings);
    const gradients = await maskGradients(device, subject, 60, drawing("dropkey"));
    const [clean] = await cleanGradients(device, subject);
    const norm = (x: Float32Array) => x.reduce((sum, value) => sum + value ** 2, 0);
    const mean = clean!.map((_, i) => gradients[0]!.reduce((sum, g) => sum + g[i]! / 60, 0));
    const off = mean.map((x, i) => x - clean![i]!);
    const row = (figure: string) =>
      rows.find((row) => row.of === "dropkey" && row.figure === figure)!;
    assertAlmostEquals(row("bias").truth[0]!, norm(off) / norm(clean!), 1e-5);
    assertAlmostEquals(row("mean").truth[0]!, norm(mean) / norm(clean!), 1e-4);
    const spread = gradients[0]!.map((g) => norm(g.map((x, i) => x - mean[i]!)));
    const variance = spread.reduce((sum, x) => sum + x / 60, 0);
    assertAlmostEquals(row("variance").truth[0]!, variance / norm(clean!), 1e-4);
    // A study draws 8 of the 60 masks, with replacement.
    const studies = Array.from({ length: 200 }, (_, s) => {
      const drawn = Array.from({ length: 8 }, (_, n) => threefry(seedKey(s), n, 0)[0] % 60);
      const own = { gradients: drawn.map((n) => gradients[0]![n]!), fates: undefined };
      return figuresOf({ ...own, clean: clean!, examples: 2 });
    });
    for (const name of ["variance", "bias", "mean", "cosine"] as const) {
      const [truth] = row(name).truth;
      const held = studies.map((figures) => estimate(figures[name]))
        .filter(({ low, high }) => low <= truth! && truth! <= high);
      assertEquals(row(name).coverage[0], held.length / 200, name);
    }
    for (const { of, figure, coverage, truth } of rows) {
      assertEquals(coverage.length, 3);
      assert(coverage.every((share) => share > 0.5), `${of} ${figure}: ${coverage}`);
      // What is exactly 0 is held by every interval, which is a point.
      if (of === "dropkey" && figure === "share") assertEquals([coverage[0], truth[0]], [1, 0]);
    }
    // Of a share, a mean over masks: studies of 8 masks each, and how many of them hold the truth.
    const noisy = await maskGradients(device, subject, 60, drawing("dropattention-nograd"));
    const [dropped] = await maskFates(device, subject, 60, drawing("dropkey"));
    const shares = noisy[0]!.map((g, n) =>
      norm(g.filter((_, i) => dropped![n]![i] === fates.dropped)) / norm(g)
    );
    const truth = shares.reduce((sum, x) => sum + x, 0) / 60;
    const ends = Array.from({ length: settings.studies }, (_, s) => {
      const drawn = Array.from({ length: 8 }, (_, n) => threefry(seedKey(s), n, 0)[0] % 60);
      return estimate(meanOf(drawn.map((n) => shares[n]!)));
    });
    const below = ends.filter(({ high }) => high < truth).length;
    const above = ends.filter(({ low }) => low > truth).length;
    assert(below > 0, `${below} below, ${above} above`);
    const own = rows.find(({ of, figure }) => of === "dropattention-nograd" && figure === "share")!;
    assertEquals(own.coverage[0], (settings.studies - below - above) / settings.studies);
  }));
