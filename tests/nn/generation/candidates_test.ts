import { assert, assertAlmostEquals, assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { ShapeError } from "../../../core/errors.ts";
import type { Device } from "../../../core/device.ts";
import { tensor } from "../../../core/tensor.ts";
import { PastKeyValues } from "../../../nn/layers/past_key_values.ts";
import {
  type Candidate,
  candidates,
  type Ranking,
  type Scoring,
} from "../../../nn/generation/candidates.ts";
import { bannedTokens } from "../../../nn/generation/no_repeat_ngram.ts";
import { chunk, isChunked, topK } from "../../../core/ops/top_k.ts";
import { webGpuTest } from "../../support/webgpu_device.ts";
import { withDevice } from "../../support/with_device.ts";

/** Compares with sorting; few distinct values, so that many are equal. */
async function assertTop(device: Device, rows: number, length: number, count: number, kinds = 40) {
  using _scope = device.scope("top");
  const data = Float32Array.from({ length: rows * length }, (_, i) => {
    return Math.fround(((i * 7919 + (i % 97) * 31) % kinds) / 3 - 5);
  });
  const found = await topK(tensor(device, data, [rows, length]), count).read();
  for (let row = 0; row < rows; row++) {
    const order = Array.from({ length }, (_, column) => column).sort((a, b) => {
      return data[row * length + b]! - data[row * length + a]! || a - b;
    }).slice(0, count);
    const at = row * 2 * count;
    assertEquals([...found.slice(at, at + count)], order.map((c) => data[row * length + c]!));
    assertEquals([...found.slice(at + count, at + 2 * count)], order);
  }
}

/** Short rows, one level of chunks, and two. */
const sizes = [[3, 1, 1], [2, 97, 8], [3, 256, 20], [4, 272, 3], [2, 4480, 20], [1, 20000, 1]];

for (const float of ["f32", "f64"] as const) {
  Deno.test(`top() finds what sorting finds in ${float}`, async () => {
    await withDevice(float, async (device) => {
      for (const [rows, length, count] of sizes) await assertTop(device, rows!, length!, count!);
      await assertTop(device, 2, 4480, 20, 1e9);
    });
  });
}

webGpuTest("top() on WebGPU finds what sorting finds", async (device) => {
  for (const [rows, length, count] of sizes) await assertTop(device, rows!, length!, count!);
});

Deno.test("the sizes above reach short rows, one level of chunks and two", () => {
  assert(!isChunked(256, 8) && isChunked(272, 8) && !isChunked(640, 20) && isChunked(641, 20));
  assert(isChunked(20000 / chunk, 1));
});

/** The same from the definition. */
function expected(logits: readonly number[], scoring: Scoring, row: number): [number, number][] {
  const { banned, repeated } = scoring.corrections[row]!;
  const change = (x: readonly number[]) =>
    x.map((value, id) => {
      if (banned.includes(id)) return -Infinity;
      if (!repeated.includes(id)) return value;
      return value < 0 ? value * scoring.penalty : value / scoring.penalty;
    });
  const normal = (x: readonly number[]) => {
    const total = Math.log(x.reduce((sum, value) => sum + Math.exp(value), 0));
    return x.map((value) => value - total);
  };
  const scores = scoring.correctFirst ? normal(change(logits)) : change(normal(logits));
  return scores.map((score, id): [number, number] => [id, score])
    .filter(([, score]) => score > -Infinity)
    .sort(([a, x], [b, y]) => y - x || a - b)
    .slice(0, scoring.count);
}

function listOf(row: Ranking): Candidate[] {
  assertEquals(row.at(row.length), undefined);
  return Array.from({ length: row.length }, (_, place) => row.at(place)!);
}

async function assertCandidates(device: Device, vocabulary: number, tolerance: number) {
  using _scope = device.scope("candidates");
  const rows = Array.from({ length: 3 }, (_, row) => {
    return Array.from({ length: vocabulary }, (_, i) => 3 * Math.sin(row + i * (1 + row / 7)));
  });
  // More tokens than one program takes, none, and the best of all.
  const all = rows[2]!.map((value, id) => ({ value, id })).sort((a, b) => b.value - a.value);
  const corrections = [
    { banned: [1, 2, 3, 5, 8, 13], repeated: [2, 4] },
    { banned: [], repeated: [] },
    { banned: [all[0]!.id], repeated: all.slice(0, 6).map(({ id }) => id) },
  ];
  for (const correctFirst of [true, false]) {
    for (const penalty of [1.7, 0.6]) {
      const scoring = { corrections, penalty, correctFirst, count: 9 };
      const found = await candidates(tensor(device, rows.flat(), [3, vocabulary]), scoring);
      rows.forEach((logits, row) => {
        const wanted = expected(logits, scoring, row);
        assertEquals(listOf(found[row]!).map(({ id }) => id), wanted.map(([id]) => id));
        listOf(found[row]!).forEach(({ logProbability }, i) => {
          assertAlmostEquals(logProbability, wanted[i]![1], tolerance);
        });
      });
    }
  }
}

for (const vocabulary of [37, 1001]) {
  Deno.test(`candidates() of ${vocabulary} tokens agree with their definition`, async () => {
    await withDevice("f64", (device) => assertCandidates(device, vocabulary, 1e-12));
    await withDevice("f32", (device) => assertCandidates(device, vocabulary, 1e-5));
  });

  webGpuTest(`candidates() of ${vocabulary} tokens on WebGPU agree with their definition`, (d) => {
    return assertCandidates(d, vocabulary, 2e-5);
  });
}

Deno.test("candidates() leaves out banned tokens even where nothing else is left", async () => {
  await withDevice("f32", async (device) => {
    for (const correctFirst of [true, false]) {
      const corrections = [{ banned: [0, 1, 2], repeated: [] }, { banned: [0, 2], repeated: [] }];
      const scoring = { corrections, penalty: 1, correctFirst, count: 3 };
      const logits = tensor(device, [1, 2, 3, 1, 2, 3], [2, 3]);
      const ids = (await candidates(logits, scoring)).map((row) => listOf(row).map(({ id }) => id));
      assertEquals(ids, [[], [1]]);
    }
  });
});

Deno.test("repeatedEnds() are the tokens that would repeat a run", () => {
  assertEquals(bannedTokens([1, 2, 3, 1, 2], 3), [3]);
  assertEquals(bannedTokens([1, 2, 3, 1, 2], 2), [3]);
  assertEquals(bannedTokens([5, 5], 2), [5]);
  assertEquals(bannedTokens([1, 2], 3), []);
  const few = fc.array(fc.integer({ min: 0, max: 3 }), { maxLength: 12 });
  fc.assert(fc.property(few, fc.integer({ min: 0, max: 4 }), (ids, size) => {
    const repeats = [0, 1, 2, 3].filter((id) => {
      const run = [...ids, id].slice(-size);
      return size > 0 && run.length === size &&
        ids.some((_, at) =>
          at + size <= ids.length && ids.slice(at, at + size).join() === run.join()
        );
    });
    assertEquals(bannedTokens(ids, size).sort(), repeats);
  }));
});

Deno.test("Cache keeps what each layer was given, through moves", async () => {
  await withDevice("f32", async (device) => {
    using cache = new PastKeyValues(device, 2, 4);
    // Element: 100 · row + 10 · token + channel; one head of two channels.
    const rows = (count: number, tokens: number, add = 0) => {
      const size = count * tokens * 2;
      const data = Array.from({ length: size }, (_, i) => {
        return add + 100 * Math.floor(i / (2 * tokens)) + 10 * (Math.floor(i / 2) % tokens) + i % 2;
      });
      return tensor(device, data, [count, 1, tokens, 2]);
    };
    assertEquals(cache.extend(0, rows(2, 2), rows(2, 2, 0.5)), undefined);
    assertEquals([cache.sequences, cache.capacity, cache.slots], [2, 4, 2]);
    // Four rows of two sequences: rows 0 and 2 belong to the first.
    const grown = cache.extend(0, rows(4, 1, 1000), rows(4, 1, 2000))!;
    assertEquals(grown.key.shape, [2, 1, 1, 4, 2]);
    const keys = [[0, 1, 10, 11, 1000, 1001, 1200, 1201], [
      100,
      101,
      110,
      111,
      1100,
      1101,
      1300,
      1301,
    ]];
    assertEquals([...await grown.key.read()], keys.flat());
    assertThrows(() => cache.extend(0, rows(2, 1), rows(2, 1)), ShapeError, "4 of them used");
    // The second sequence alone, its slots 3, 0 and 1.
    cache.arrange([1], [[3, 0, 1]], 5);
    assertEquals([cache.sequences, cache.capacity, cache.slots], [1, 5, 3]);
    const { key, value } = cache.extend(0, rows(1, 1, 5000), rows(1, 1, 6000))!;
    assertEquals([...await key.read()], [1300, 1301, 100, 101, 110, 111, 5000, 5001]);
    assertEquals([...await value.read()], [2300, 2301, 100.5, 101.5, 110.5, 111.5, 6000, 6001]);
    assertThrows(() => cache.extend(0, rows(1, 2), rows(1, 2)), ShapeError, "1 rows of 2 tokens");
  });
});
