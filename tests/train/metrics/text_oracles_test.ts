import { assertAlmostEquals } from "@std/assert";
import fc from "fast-check";
import { corpusBleu } from "../../../train/metrics/bleu.ts";
import { chrf } from "../../../train/metrics/chrf.ts";
import { cider } from "../../../train/metrics/cider.ts";
import { nist } from "../../../train/metrics/nist.ts";
import { rougeL } from "../../../train/metrics/rouge.ts";
import { ter } from "../../../train/metrics/ter.ts";

// The formulas of the papers, over words that every tokenisation leaves alone.

type Words = readonly string[];

/** Hypotheses, and one to three references of each. */
interface Corpus {
  readonly texts: readonly Words[];
  readonly lists: readonly (readonly Words[])[];
}

const vocabulary = ["mole", "otter", "heron", "pub", "hill"];

/** Texts of a few different words: of two, long runs occur more than once. */
const words = (least: number, size = vocabulary.length) =>
  fc.array(fc.constantFrom(...vocabulary.slice(0, size)), { minLength: least, maxLength: 9 });

const corpora = (least: number): fc.Arbitrary<Corpus> =>
  fc.constantFrom(2, 3, 5).chain((size) => {
    const text = words(least, size);
    const row = fc.tuple(text, fc.array(text, { minLength: 1, maxLength: 3 }));
    return fc.array(row, { minLength: 1, maxLength: 4 });
  }).map((rows) => ({ texts: rows.map(([text]) => text), lists: rows.map(([, list]) => list) }));

const joined = ({ texts, lists }: Corpus) =>
  [
    texts.map((text) => text.join(" ")),
    lists.map((list) => list.map((text) => text.join(" "))),
  ] as const;

/** Declares that a metric equals its formula for any corpus. */
function equals(
  name: string,
  least: number,
  metric: (...texts: ReturnType<typeof joined>) => number,
  formula: (corpus: Corpus) => number,
): void {
  Deno.test(`${name} is its formula`, () => {
    fc.assert(
      fc.property(corpora(least), (corpus) => {
        assertAlmostEquals(metric(...joined(corpus)), formula(corpus), 1e-9);
      }),
      { numRuns: 300 },
    );
  });
}

const sum = (values: readonly number[]) => values.reduce((total, x) => total + x, 0);
const mean = (values: readonly number[]) => sum(values) / values.length;

/** All runs of n parts. */
function runs(parts: readonly string[], n: number): string[] {
  return parts.flatMap((_, i) => i + n <= parts.length ? [parts.slice(i, i + n).join(" ")] : []);
}

const count = (list: readonly string[], run: string) =>
  list.filter((other) => other === run).length;

/** Matches of runs, each at most as often as the reference that has most of them. */
function matchesOf(text: readonly string[], list: readonly (readonly string[])[], n: number) {
  const own = runs(text, n);
  return [...new Set(own)].map((run) => {
    const most = Math.max(...list.map((reference) => count(runs(reference, n), run)));
    return { run, matches: Math.min(count(own, run), most) };
  });
}

equals("BLEU", 4, (...texts) => corpusBleu(...texts).score, ({ texts, lists }) => {
  let empty = 0;
  const hits = [1, 2, 3, 4].map((n) =>
    sum(texts.flatMap((text, i) => matchesOf(text, lists[i]!, n).map(({ matches }) => matches)))
  );
  if (hits[0] === 0) return 0;
  const logs = hits.map((found, i) => {
    const total = sum(texts.map((text) => text.length - i));
    // Each order without a match halves what one match would be.
    return Math.log((found > 0 ? found : 0.5 ** ++empty) / total);
  });
  const made = sum(texts.map((text) => text.length));
  const given = sum(texts.map((text, i) => {
    const sorted = lists[i]!.map((reference) => reference.length).sort((a, b) => a - b);
    return sorted.reduce((best, length) => {
      return Math.abs(length - text.length) < Math.abs(best - text.length) ? length : best;
    });
  }));
  return 100 * Math.exp(mean(logs)) * (made >= given ? 1 : Math.exp(1 - given / made));
});

equals("NIST", 1, (...texts) => nist(...texts), ({ texts, lists }) => {
  const all = (n: number) => lists.flat().flatMap((reference) => runs(reference, n));
  const total = sum(lists.flat().map((reference) => reference.length));
  const score = sum([1, 2, 3, 4, 5].map((n) => {
    const [long, short] = [all(n), all(n - 1)];
    const information = sum(
      texts.flatMap((text, i) =>
        matchesOf(text, lists[i]!, n).map(({ run, matches }) => {
          if (matches === 0) return 0;
          const prefix = run.split(" ").slice(0, -1).join(" ");
          const before = n === 1 ? total : count(short, prefix);
          return matches * Math.log2(before / count(long, run));
        })
      ),
    );
    const made = sum(texts.map((text) => Math.max(0, text.length - n + 1)));
    return made === 0 ? 0 : information / made;
  }));
  const ratio = sum(texts.map((text) => text.length)) /
    (total / (lists.flat().length / lists.length));
  const beta = Math.log(0.5) / Math.log(1.5) ** 2;
  return score * Math.exp(beta * Math.log(Math.min(1, ratio)) ** 2);
});

equals("CIDEr", 1, (...texts) => cider(...texts), ({ texts, lists }) => {
  const scores = [1, 2, 3, 4].map((n) => {
    const weight = (run: string) => {
      const holders = lists.filter((list) => list.some((text) => runs(text, n).includes(run)));
      return Math.log(lists.length / Math.max(1, holders.length));
    };
    const vector = (text: Words, run: string) => count(runs(text, n), run) * weight(run);
    const norm = (text: Words) =>
      Math.hypot(...[...new Set(runs(text, n))].map((run) => vector(text, run)));
    return mean(texts.map((text, i) =>
      mean(lists[i]!.map((reference) => {
        const product = sum([...new Set(runs(text, n))].map((run) => {
          return Math.min(vector(text, run), vector(reference, run)) * vector(reference, run);
        }));
        const nearness = Math.exp(-((text.length - reference.length) ** 2) / (2 * 6 ** 2));
        return product === 0 ? 0 : nearness * product / norm(text) / norm(reference);
      }))
    ));
  });
  return 10 * mean(scores);
});

/** Longest common subsequence, by trying both ways. */
function common(a: Words, b: Words): number {
  if (a.length === 0 || b.length === 0) return 0;
  if (a[0] === b[0]) return 1 + common(a.slice(1), b.slice(1));
  return Math.max(common(a.slice(1), b), common(a, b.slice(1)));
}

equals(
  "ROUGE-L",
  1,
  (...texts) => rougeL(...texts),
  ({ texts, lists }) =>
    mean(texts.map((text, i) => {
      const lengths = lists[i]!.map((reference) => common(text, reference));
      const p = Math.max(...lengths) / text.length;
      const r = Math.max(...lengths.map((length, j) => length / lists[i]![j]!.length));
      return p === 0 ? 0 : (1 + 1.2 ** 2) * p * r / (r + 1.2 ** 2 * p);
    })),
);

for (const wordOrder of [0, 2]) {
  const settings = { characterOrder: 3, wordOrder };
  // Texts of two words have every order, so that no order is left out.
  equals(`chrF of ${wordOrder} orders of words`, 2, (...texts) => {
    return chrf(...texts, settings).score;
  }, ({ texts, lists }) => {
    const orders = [
      ...[1, 2, 3].map((n) => (text: Words) => runs([...text.join("")], n)),
      ...[1, 2].slice(0, wordOrder).map((n) => (text: Words) => runs(text, n)),
    ];
    const counts = (text: Words, reference: Words) =>
      orders.map((of) => {
        const [own, other] = [of(text), of(reference)];
        const shared = sum(
          [...new Set(own)].map((run) => Math.min(count(own, run), count(other, run))),
        );
        return [own.length, other.length, shared] as const;
      });
    const score = (rows: readonly (readonly number[])[]) => {
      const p = mean(rows.map(([own, , shared]) => shared! / own!));
      const r = mean(rows.map(([, other, shared]) => shared! / other!));
      return p + r === 0 ? 0 : 100 * 5 * p * r / (4 * p + r);
    };
    const best = texts.map((text, i) => {
      const all = lists[i]!.map((reference) => counts(text, reference));
      return all.reduce((a, b) => score(b) > score(a) ? b : a);
    });
    return score(
      orders.map((_, n) => [0, 1, 2].map((part) => sum(best.map((rows) => rows[n]![part]!)))),
    );
  });
}

Deno.test("TER counts each insertion, removal and change, over the mean length of the references", () => {
  const text = words(1);
  fc.assert(
    fc.property(text, fc.array(text, { minLength: 1, maxLength: 3 }), (own, list) => {
      // Texts of one word repeated have no shift that helps.
      const one = (length: number) => new Array(length).fill("Pub").join(" ");
      const hypothesis = one(own.length).toLowerCase();
      const { score } = ter([hypothesis], [list.map((reference) => one(reference.length))]);
      const edits = Math.min(...list.map(({ length }) => Math.abs(length - own.length)));
      assertAlmostEquals(score, edits / mean(list.map(({ length }) => length)), 1e-12);
    }),
  );
});
