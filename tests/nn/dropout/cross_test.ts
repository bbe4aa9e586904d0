// Every position, structure and setting with every other: it drops as the rule says, or is refused.
import { assert, assertEquals, assertNotEquals, assertThrows } from "@std/assert";
import type { Device } from "../../../core/device.ts";
import { OptionError } from "../../../core/errors.ts";
import { gradient } from "../../../core/gradient.ts";
import { mul } from "../../../core/ops/elementwise.ts";
import { sum } from "../../../core/ops/reduce.ts";
import { foldKey, type Key, seedKey, threefry } from "../../../core/random.ts";
import { tensor } from "../../../core/tensor.ts";
import { dropHidden } from "../../../nn/dropout/drop_hidden.ts";
import { dropoutPlan, type SiteOptions } from "../../../nn/dropout/methods.ts";
import { positions, type Site, structures } from "../../../nn/dropout/plan.ts";
import { toBatch } from "../../../nn/layers/batch.ts";
import { parameters } from "../../../nn/layers/module.ts";
import { applyLora } from "../../../nn/lora/apply.ts";
import { architectureOf } from "../../../nn/models/registry.ts";
import { assertClose, randomTensor } from "../../support/differences.ts";
import {
  type ArchitectureName,
  fillRandomly,
  randomModel,
  tinyConfig,
  tinyExamples,
} from "../../support/tiny_models.ts";
import { withDevice } from "../../support/with_device.ts";

const rate = 0.375;

/** Every site that can be written. */
const all: readonly SiteOptions[] = positions.flatMap((position) =>
  structures.flatMap((structure) =>
    [undefined, true, false].flatMap((rescale) =>
      [undefined, false].flatMap((perHead) =>
        [undefined, false].flatMap((perExample) =>
          [undefined, true, false].flatMap((hide) =>
            [undefined, "inner" as const].flatMap((point) =>
              [undefined, "attention" as const].map((start) => {
                const given = { rescale, perHead, perExample, hide, point, start };
                const set = Object.entries(given).filter(([, value]) => value !== undefined);
                return { position, structure, rate, ...Object.fromEntries(set) };
              })
            )
          )
        )
      )
    )
  )
);

/** Sites that the settings are for, by their titles `structure position`; and what errors call them. */
const readers: Readonly<Record<string, readonly [RegExp, string]>> = {
  start: [/^span hidden$/, "spans of hidden"],
  rescale: [/ (lora|rank|update|input|weights|hidden|output)$/, "anything but logits"],
  perHead: [/ (logits|weights)$/, "logits or weights"],
  perExample: [/ (lora|rank|update|input|hidden|output)$/, "anything but logits and weights"],
  point: [/ hidden$/, "hidden"],
  hide: [/^(column|span) input$/, "columns or spans of input"],
};

const titleOf = ({ position, structure }: SiteOptions) => `${structure} ${position}`;

/** Why a site is refused; undefined where it is not. */
function refusalOf(site: SiteOptions): string | undefined {
  if (/^feature (logits|weights)$/.test(titleOf(site))) {
    return "requires one of element, column, span: found";
  }
  const wrong = Object.entries(readers).filter(([name, [whose]]) =>
    name in site && !whose.test(titleOf(site))
  );
  const [name, [, words]] = wrong[0] ?? ["", [undefined, ""]];
  return wrong.length === 0
    ? undefined
    : wrong.length > 1
    ? "requires"
    : `${name} requires ${words}`;
}

const accepted = all.filter((site) => refusalOf(site) === undefined);

Deno.test("a site has the settings that it reads, and is refused with others by who reads them", () => {
  assertEquals([all.length, accepted.length], [4608, 228]);
  for (const site of all) {
    const refusal = refusalOf(site);
    const plan = () => dropoutPlan("lora", false, { site: [site] });
    if (refusal === undefined) assertEquals(plan().sites, [{ layers: "all", ...site }] as Site[]);
    else assertThrows(plan, OptionError, refusal);
  }
});

const lengths = [7, 4, 1];

function dropoutOf(device: Device, site: Site, key: Key) {
  const words = (data: readonly number[]) => tensor(device, data, [data.length], "u32");
  const compensation = { kind: "none", weight: 1, branches: 1 } as const;
  const examples = words(lengths.map((_, b) => 2 * b + 1));
  return { plan: { sites: [site], compensation }, key, examples, lengths: words(lengths) };
}

/** Which of `[tokens, width]` a mask of an example drops, by the written rule and threefry() alone. */
function droppedOf(site: Site, key: Key, b: number, tokens: number, width: number): boolean[] {
  // The counter is 2 b + 1; with one mask for all, the pass alone.
  const draw = (place: number) =>
    threefry(key, site.perExample === false ? 1 : 2 * b + 1, place >>> 1)[place & 1]!;
  const n = lengths[b]!;
  const size = Math.max(1, Math.round(rate * n));
  const start = Math.floor((draw(0) >>> 16) * (n - size + 1) / 65536);
  return Array.from({ length: tokens * width }, (_, i) => {
    const [t, f] = [Math.floor(i / width), i % width];
    if (site.structure === "span") return t >= start && t < start + size;
    const place = { element: i, column: t, feature: f }[site.structure];
    return draw(place) < Math.floor(rate * 2 ** 32);
  });
}

const ofTokens = accepted.filter(({ position, start, point }) =>
  position !== "logits" && position !== "weights" && start === undefined && point === undefined
) as Site[];

Deno.test("every mask of hidden numbers is that of the rule, with its factor, and its gradient", () =>
  withDevice("f64", async (device) => {
    const [tokens, width] = [9, 5];
    for (const site of ofTokens.map((site): Site => ({ ...site, layers: "all" }))) {
      for (const k of [1, 2, 3]) {
        using _scope = device.scope("mask");
        const key: Key = [k, 6];
        const x = randomTensor(device, k, [3, tokens, width]);
        const weigh = randomTensor(device, 9, x.shape);
        const active = { site, key, dropout: dropoutOf(device, site, key) };
        const { result, gradients } = gradient(() => {
          const y = dropHidden(x, active);
          return { loss: sum(mul(y, weigh)), y };
        }, [x]);
        const scaled = site.rescale ?? site.structure.startsWith("element");
        const factor = lengths.flatMap((_, b) =>
          droppedOf(site, key, b, tokens, width).map((gone) => gone ? 0 : scaled ? 1.6 : 1)
        );
        const [before, weights] = [await x.read(), await weigh.read()];
        assertClose(await result.y.read(), factor.map((f, i) => f * before[i]!), 1e-15);
        assertClose(await gradients[0]!.read(), factor.map((f, i) => f * weights[i]!), 1e-15);
      }
    }
  }));

Deno.test("masks have the forms that structures are named for", () =>
  withDevice("f64", async (device) => {
    const [tokens, width] = [9, 6];
    const seen = new Map<string, Set<string>>();
    for (const site of ofTokens.map((site): Site => ({ ...site, layers: "all", rescale: false }))) {
      if (site.hide !== undefined || site.position !== "input") continue;
      for (let k = 0; k < 12; k++) {
        using _scope = device.scope("mask");
        const active = { site, key: [k, 3] as Key, dropout: dropoutOf(device, site, [k, 3]) };
        const ones = tensor(device, new Float64Array(3 * tokens * width).fill(1), [
          3,
          tokens,
          width,
        ]);
        const y = [...await dropHidden(ones, active).read()];
        const masks = lengths.map((_, b) =>
          Array.from(
            { length: tokens },
            (_, t) => y.slice((b * tokens + t) * width, (b * tokens + t + 1) * width).join(""),
          )
        );
        masks.forEach((mask, b) => {
          const [first] = mask;
          const whole = mask.every((token) => /^(0+|1+)$/.test(token));
          const lost = mask.map((token) => token[0] === "0" ? "x" : ".").join("");
          if (site.structure === "feature") assert(mask.every((token) => token === first));
          if (site.structure === "column" || site.structure === "span") assert(whole);
          // Tokens of a span: round(0.375 · 7) = 3, round(0.375 · 4) = 2, and 1 of 1; no padding.
          if (site.structure === "span") {
            assert(new RegExp(`^\\.*x{${[3, 2, 1][b]}}\\.*$`).test(lost), lost);
            assert(lost.lastIndexOf("x") < lengths[b]!, lost);
          }
        });
        const name = `${site.structure} ${site.perExample ?? true}`;
        const others = seen.get(name) ?? new Set();
        seen.set(name, others.add(masks.map(String).join("|")));
        if (site.perExample === false && site.structure !== "span") {
          assertEquals(masks[1], masks[0]);
          assertEquals(masks[2], masks[0]);
        }
        if (site.perExample === undefined && site.structure === "element") {
          assert(String(masks[1]) !== String(masks[0]));
        }
      }
    }
    assertEquals(seen.size, 8);
    for (const [name, masks] of seen) assert(masks.size > 3, name);
  }));

/** A tiny model with LoRA whose numbers are all random, and what its passes come to. */
function subjectOf(device: Device, architecture: ArchitectureName) {
  const config = tinyConfig(architecture);
  const model = randomModel(device, config, "classifier");
  applyLora(model, { targets: architectureOf(config).targets, rank: 2, alpha: 4 });
  fillRandomly(model, device);
  const batch = toBatch(device, tinyExamples(lengths));
  const tensors = [...parameters(model)].filter(([path]) => path.includes("lora_")).map(([, p]) =>
    p.value
  );
  const run = async (site?: Site, visible = batch) => {
    using _scope = device.scope("run");
    const dropout = site && dropoutOf(device, site, seedKey(4));
    const { result, gradients } = gradient(() => {
      const { logits } = model.forward({ batch: visible, ...(dropout && { dropout }) });
      return { loss: sum(mul(logits, logits)), logits };
    }, tensors);
    const slopes = await Promise.all(gradients.map(async (g) => g ? [...await g.read()] : []));
    return { logits: [...await result.logits.read()], slopes: slopes.flat() };
  };
  return { batch, run };
}

for (const architecture of ["bert", "llama"] as const) {
  Deno.test(`every site acts in ${architecture}, with finite logits and gradients`, () =>
    withDevice("f64", async (device) => {
      const { run } = subjectOf(device, architecture);
      const plain = await run();
      const same = new Map<string, string>();
      for (const site of accepted) {
        const whole = dropoutPlan("lora", false, { site: [site] }).sites[0]!;
        const { logits, slopes } = await run(whole);
        assert([...logits, ...slopes].every(Number.isFinite), JSON.stringify(site));
        assert(slopes.some((slope) => slope !== 0), JSON.stringify(site));
        // BERT's output is one row an example, which columns and spans may leave as it is.
        const none = /^(column|span) output$/.test(titleOf(site)) && architecture === "bert";
        if (!none) assert(String(logits) !== String(plain.logits), JSON.stringify(site));
        // The factor of survivors is one of 1 / (1 - rate) and 1, and not the same.
        const { rescale: _, ...rest } = site;
        const name = JSON.stringify(rest);
        if (site.rescale === true) same.set(name, String(logits));
        if (site.rescale === false) assert(same.get(name) !== String(logits), name);
      }
    }));

  Deno.test(`hidden input is attended to in no layer of ${architecture}`, () =>
    withDevice("f64", async (device) => {
      const { batch, run } = subjectOf(device, architecture);
      for (const structure of ["column", "span"] as const) {
        for (const perExample of [true, false]) {
          const site: Site = { position: "input", structure, rate, layers: "all", perExample };
          const key = foldKey(seedKey(4), "embeddings/input");
          const mask = lengths.flatMap((length, b) =>
            droppedOf(site, key, b, batch.width, 1).map((gone, t) => gone || t >= length ? 0 : 1)
          );
          assert(mask.includes(0) && mask.includes(1));
          const words = tensor(device, mask, [3, batch.width], "u32");
          const masked = await run({ ...site, hide: false }, { ...batch, mask: words });
          assertEquals(await run(site), masked);
          assertEquals(await run({ ...site, hide: true }), masked);
          assertNotEquals(await run({ ...site, hide: false }), masked);
        }
      }
    }));
}
