import { assert, assertEquals, assertLess, assertThrows } from "@std/assert";
import type { Device } from "../../../core/device.ts";
import { OptionError } from "../../../core/errors.ts";
import { gradient } from "../../../core/gradient.ts";
import { sum } from "../../../core/ops/reduce.ts";
import { type Key, threefry } from "../../../core/random.ts";
import { tensor } from "../../../core/tensor.ts";
import { dropHidden } from "../../../nn/dropout/drop_hidden.ts";
import type { Site } from "../../../nn/dropout/plan.ts";
import type { ActiveSite } from "../../../nn/dropout/site.ts";
import { spanStarts } from "../../../nn/dropout/span_starts.ts";
import { cpuTest } from "../../support/cpu_variants.ts";
import { numbers } from "../../support/differences.ts";
import { webGpuTest } from "../../support/webgpu_device.ts";
import { withDevice } from "../../support/with_device.ts";

const span: Site = {
  position: "hidden",
  structure: "span",
  rate: 0.25,
  layers: "all",
  start: "attention",
};

function activeOf(
  device: Device,
  key: Key,
  lengths: readonly number[],
  change: Partial<Site> = {},
): ActiveSite {
  const words = (data: readonly number[]) => tensor(device, data, [data.length], "u32");
  const site = { ...span, ...change };
  const plan = { sites: [site], compensation: { kind: "none", weight: 1, branches: 1 } } as const;
  const examples = words(lengths.map((_, b) => 2 * b + 1));
  return { site, key, dropout: { plan, key, examples, lengths: words(lengths) } };
}

/** Weights of a batch, and what decides the choice. */
interface Case {
  readonly shape: readonly [number, number, number, number, number];
  readonly lengths: readonly number[];
  /** Units of 2^-10, few of them, so that tokens tie and sums are exact. */
  readonly units: number;
}

const cases: readonly Case[] = [
  { shape: [3, 1, 2, 5, 5], lengths: [5, 2, 1], units: 3 },
  { shape: [2, 2, 2, 12, 12], lengths: [12, 9], units: 2 },
  { shape: [1, 3, 1, 70, 70], lengths: [70], units: 900 },
  { shape: [2, 1, 4, 1, 7], lengths: [7, 6], units: 1 },
];

/** Weights that are 0 at padding, by the case alone. */
function weightsOf({ shape, lengths, units }: Case): Float64Array {
  const [, heads, group, queries, keys] = shape;
  const row = heads * group * queries * keys;
  return numbers(3, shape[0] * row, 0, units + 1).map((x, i) =>
    i % keys < lengths[Math.floor(i / row)]! ? Math.floor(x) / 1024 : 0
  );
}

/** The rule by plain numbers: rank by sum, then by place; one of the first max(1, floor(0.4 n)). */
function expectedStarts(c: Case, key: Key, shared = false): number[] {
  const { shape: [, heads, group, queries, keys], lengths } = c;
  const weights = weightsOf(c);
  const rows = heads * group * queries;
  return lengths.map((length, b) => {
    const sums = Array.from({ length }, (_, k) => {
      let total = 0;
      for (let row = 0; row < rows; row++) {
        if (row % queries < length) total += weights[(b * rows + row) * keys + k]!;
      }
      return total;
    });
    const order = sums.map((_, k) => k).sort((i, j) => sums[j]! - sums[i]! || i - j);
    const candidates = order.slice(0, Math.max(1, Math.floor(0.4 * length)));
    const [word] = threefry(key, shared ? 1 : 2 * b + 1, 0);
    return candidates[Math.floor((word >>> 16) * candidates.length / 65536)]!;
  });
}

async function followTheRule(device: Device): Promise<void> {
  for (const c of cases) {
    const chosen = new Set<string>();
    for (let k = 0; k < 25; k++) {
      using _scope = device.scope("case");
      const weights = tensor(device, weightsOf(c), c.shape);
      for (const perExample of [true, false]) {
        const active = activeOf(device, [k, 7], c.lengths, { perExample });
        const starts = [...await spanStarts(weights, active).read()];
        assertEquals(starts, expectedStarts(c, [k, 7], !perExample), `${c.shape}, key ${k}`);
        chosen.add(String(starts));
      }
    }
    assert(chosen.size > 1);
  }
}

cpuTest((variant) => `spanStarts() follows its rule in ${variant}`, followTheRule);
webGpuTest("spanStarts() follows its rule on WebGPU", followTheRule);
Deno.test("spanStarts() follows its rule in f64", () => withDevice("f64", followTheRule));

/** Starts for weights of any size, whose sums round in f32. */
async function startsOfAny(device: Device): Promise<number[][]> {
  const found: number[][] = [];
  for (const [queries, scale] of [[33, 1], [40, 1e-3], [300, 1e-4]] as const) {
    using _scope = device.scope("starts");
    const shape = [2, 2, 1, queries, 50];
    const data = Float32Array.from(numbers(queries, 4 * queries * 50, 0, scale));
    for (let k = 0; k < 8; k++) {
      const active = activeOf(device, [k, 8], [50, 31]);
      found.push([...await spanStarts(tensor(device, data, shape), active).read()]);
    }
  }
  return found;
}

let first: number[][] | undefined;
const startAlike = async (device: Device) => assertEquals(await startsOfAny(device), first!);
Deno.test.beforeAll(() =>
  withDevice("f32", async (device) => {
    first = await startsOfAny(device);
  })
);
cpuTest((variant) => `spanStarts() of any weights is one choice, in ${variant} too`, startAlike);
webGpuTest("spanStarts() of any weights is one choice, on WebGPU too", startAlike);
Deno.test("spanStarts() of any weights is one choice, in f64 too", () =>
  withDevice("f64", startAlike));

Deno.test("spanStarts() draws each candidate equally often, and no other token", () =>
  withDevice("f32", async (device) => {
    // Token k gets 10 - k: the candidates are the first floor(0.4 · 10) = 4.
    const weights = tensor(device, Array.from({ length: 10 }, (_, k) => 10 - k), [1, 1, 1, 1, 10]);
    const counts = new Array<number>(10).fill(0);
    const draws = 2000;
    for (let k = 0; k < draws; k++) {
      using _scope = device.scope("draw");
      const [start] = await spanStarts(weights, activeOf(device, [k, 9], [10])).read();
      counts[start!]!++;
    }
    assertEquals(counts.slice(4), [0, 0, 0, 0, 0, 0]);
    // Five deviations of a count.
    const deviation = Math.sqrt(draws * 0.25 * 0.75);
    for (const count of counts.slice(0, 4)) assertLess(Math.abs(count - 500), 5 * deviation);
  }));

Deno.test("a span from a given token ends with the text, is zero, and rescales nothing", () =>
  withDevice("f64", async (device) => {
    const active = activeOf(device, [1, 2], [8, 8, 5]);
    const starts = tensor(device, [2, 7, 4], [3], "u32");
    const x = tensor(device, new Float64Array(3 * 9 * 2).fill(3), [3, 9, 2]);
    // round(0.25 · 8) = 2 tokens, of which one lies behind the second text; round(0.25 · 5) = 1.
    const dropped = [[2, 3], [7], [4]];
    const expected = dropped.flatMap((tokens) =>
      Array.from({ length: 18 }, (_, i) => tokens.includes(i >> 1) ? 0 : 3)
    );
    const { result, gradients } = gradient(() => {
      const y = dropHidden(x, active, starts);
      return { loss: sum(y), y };
    }, [x]);
    assertEquals([...await result.y.read()], expected);
    assertEquals([...await gradients[0]!.read()], expected.map((y) => y / 3));
    const scaled = { ...active, site: { ...active.site, rescale: true } };
    assertEquals([...await dropHidden(x, scaled, starts).read()], expected.map((y) => y / 0.75));
    assertThrows(() => dropHidden(x, active), OptionError, "first tokens are required: found none");
  }));
