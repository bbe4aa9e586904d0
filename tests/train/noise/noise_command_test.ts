import {
  assert,
  assertAlmostEquals,
  assertEquals,
  assertNotEquals,
  assertRejects,
} from "@std/assert";
import { FileError, OptionError } from "../../../core/errors.ts";
import { noiseCommand } from "../../../train/commands/noise.ts";
import type { estimatesOf } from "../../../train/noise/figures.ts";
import { parameters } from "../../../nn/layers/module.ts";
import { type NoiseRow, study } from "../../../train/noise/study.ts";
import { openSubject } from "../../../train/noise/open_subject.ts";
import { variants } from "../../../train/noise/variants.ts";
import { withDevice } from "../../support/with_device.ts";
import { Workspace } from "../../support/workspace.ts";

const small = ["--backend", "cpu", "--batch", "2", "--masks", "4", "--rates", "0.05,0.5"];

interface Row extends Pick<NoiseRow, "variant" | "rate" | "masks" | "difference"> {
  readonly mean: ReturnType<typeof estimatesOf>;
  readonly layers: readonly ReturnType<typeof estimatesOf>[];
}

/** Runs the command and returns what it prints. */
async function printed(...args: string[]): Promise<string> {
  const lines: string[] = [];
  const log = console.log;
  console.log = (line: string) => lines.push(line);
  try {
    assertEquals(await noiseCommand.run([...small, ...args]), 0);
  } finally {
    console.log = log;
  }
  return lines.join("\n");
}

async function inTemporary(body: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    await body(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** Names of all elements, in order; fails where tags do not nest or an ampersand is bare. */
function elementsOf(xml: string): string[] {
  const open: string[] = [];
  const names: string[] = [];
  const rest = xml.replace(/<(\/?)([a-z]+)((?:\s[\w:-]+="[^"<]*")*)\s*(\/?)>/g, (...match) => {
    const [, closing, name, , empty] = match as string[];
    if (closing) assertEquals(open.pop(), name);
    else {
      names.push(name!);
      if (!empty) open.push(name!);
    }
    return "";
  });
  assertEquals(open, []);
  assert(!/[<>]|&(?!amp;|lt;)/.test(rest), rest);
  return names;
}

Deno.test("noise writes every figure and a well-formed chart", async () => {
  await inTemporary(async (folder) => {
    const out = `${folder}/new`;
    const text = await printed("--out", out);
    const { rows, claims, rates, masks, ratios } = JSON.parse(
      await Deno.readTextFile(`${out}/noise.json`),
    );
    assertEquals([rates, masks], [[0.05, 0.5], 4]);
    assertEquals(
      rows.map(({ variant, rate, masks }: Row) => `${variant} ${rate} ${masks}`),
      variants.flatMap((variant) => [
        `${variant} 0.05 ${variant === "dropattention" ? 4 : 8}`,
        `${variant} 0.5 4`,
      ]),
    );
    for (const { variant, mean, layers, difference } of rows as Row[]) {
      assertEquals(layers.length, 2);
      assertEquals(difference !== undefined, variant === "dropattention");
      for (const figures of [mean, ...layers]) {
        const { share, dropped, variance, cosine, ...rest } = figures;
        assertEquals(Object.keys(rest), ["bias", "mean"]);
        assert(variance!.value > 0 && variance!.low < variance!.value);
        assert(variance!.high > variance!.value && variance!.error > 0);
        assert(cosine!.value > -1 && cosine!.value <= 1);
        assertEquals([share === undefined, dropped === undefined], [
          variant === "hiddencut",
          variant === "hiddencut",
        ]);
        if (variant === "hiddencut") continue;
        if (variant === "dropattention-nograd") assert(share!.value > 0 && dropped!.value > 0);
        else assertEquals(share, { value: 0, error: 0, low: 0, high: 0 });
      }
    }
    assertEquals(ratios.map(({ dropped }: { dropped: number }) => dropped), [1, 2, 4]);
    assertEquals(claims.length, 13);
    for (const { sentence } of claims) assert(text.includes(sentence));
    const svg = await Deno.readTextFile(`${out}/noise.svg`);
    assert(svg.startsWith("<svg ") && !/NaN|Infinity|undefined/.test(svg));
    const names = elementsOf(svg);
    // One marker a variant in the legend, the square of the noisy variant in all six panels.
    assert(names.filter((name) => name === "polygon").length >= 3 + 6 * 2);
    for (const words of ["dropout rate p", "E|dL/dg_m|", "Variance over masks", "HiddenCut"]) {
      assert(svg.includes(words), words);
    }
    await assertRejects(() => noiseCommand.run([...small, "--out", out]), FileError, "noise.");
  });
});

Deno.test("noise is a function of its seed, and --json prints what --out saves", async () => {
  const [once, again] = [await printed("--json"), await printed("--json")];
  assertEquals(once, again);
  assert(once !== await printed("--json", "--seed", "2"));
  assertEquals(JSON.parse(once).batch, 2);
});

Deno.test("noise cuts texts where --max-length says, and its seed draws the masks", async () => {
  const flags = ["--json", "--max-length", "6", "--seed", "2"];
  const { tokens, rows } = JSON.parse(await printed(...flags));
  assertEquals(tokens, 6);
  await withDevice("f32", async (device) => {
    const subject = await openSubject(device, { batch: 2, maxLength: 6, seed: 2 });
    const figuresBy = async (seed: number) => {
      const settings = { rates: [0.05, 0.5], masks: 4, seed };
      return (await study(device, subject, settings)).map(({ mean }) => mean.variance.value);
    };
    const found = rows.map(({ mean }: Row) => mean.variance!.value);
    const [own, other] = [await figuresBy(2), await figuresBy(1)];
    found.forEach((x: number, i: number) => {
      assertAlmostEquals(x / own[i]!, 1, 1e-3);
      assert(Math.abs(x / other[i]! - 1) > 1e-3);
    });
  });
});

Deno.test("the seed draws the head of a subject, and which examples of the data it has", async () => {
  await using workspace = await Workspace.open();
  const source = {
    task: "rte",
    data: workspace.data("rte"),
    model: workspace.model("bert"),
  } as const;
  for (const options of [{}, { source }]) {
    await withDevice("f32", async (device) => {
      const read = async (seed: number) => {
        using _scope = device.scope(`seed ${seed}`);
        const { model, examples } = await openSubject(device, { ...options, batch: 4, seed });
        const found = new Map(parameters(model));
        const head = await found.get("classifier.weight")!.value.read();
        const word = found.get("bert.embeddings.word_embeddings.weight")!;
        return { ids: examples.map(({ ids }) => ids), head, words: await word.value.read() };
      };
      const [first, again, second] = [await read(1), await read(1), await read(2)];
      assertEquals(first, again);
      assertEquals(first.words, second.words);
      assertNotEquals(first.head, second.head);
      assertNotEquals(first.ids, second.ids);
    });
  }
});

Deno.test("noise --coverage tries the intervals, of each figure by layer", async () => {
  const text = await printed("--coverage", "100");
  const lines = text.split("\n");
  assert(/^of +figure +truth +layer 0 +layer 1 +mean +width$/.test(lines[0]!), lines[0]);
  const counts = ["DropKey", "DropAttention with NoGrad", "HiddenCut", "NoGrad minus DropKey"].map(
    (of) => lines.filter((line) => line.startsWith(`${of} `)).length,
  );
  assertEquals(counts, [6, 6, 4, 6]);
});

Deno.test("noise refuses rates that do not ascend in (0, 1), and half a source", async () => {
  for (const rates of ["0.1", "0.2,0.1", "0,0.1", "0.5,1", "0.1,x"]) {
    await assertRejects(() => noiseCommand.run(["--rates", rates]), OptionError, "ascending");
  }
  await assertRejects(() => noiseCommand.run(["--model", "here"]), OptionError, "together");
  await assertRejects(() => noiseCommand.run(["--batch", "300"]), OptionError, "256");
});
