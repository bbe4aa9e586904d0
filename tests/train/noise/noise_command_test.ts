import { assert, assertAlmostEquals, assertEquals, assertRejects } from "@std/assert";
import { FileError, OptionError } from "../../../core/errors.ts";
import { noiseCommand } from "../../../train/commands/noise.ts";
import { judge } from "../../../train/noise/claims.ts";
import { spreadOf, studentT } from "../../../train/noise/statistics.ts";
import { type NoiseRow, variants } from "../../../train/noise/study.ts";
import { numbers } from "../../support/differences.ts";

const small = ["--backend", "cpu", "--batch", "2", "--masks", "4", "--rates", "0.3,0.5"];

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
    const { rows, claims, rates, masks } = JSON.parse(await Deno.readTextFile(`${out}/noise.json`));
    assertEquals([rates, masks], [[0.3, 0.5], 4]);
    assertEquals(
      rows.map(({ variant, rate }: NoiseRow) => `${variant} ${rate}`),
      variants.flatMap((variant) => [`${variant} 0.3`, `${variant} 0.5`]),
    );
    for (const { variant, mean, layers } of rows as NoiseRow[]) {
      assertEquals(layers.length, 2);
      for (const { share, dropped, noise, signal, cosine } of [mean, ...layers]) {
        assert(noise.value === null || noise.value > 0);
        assertEquals(noise.value === null, signal.value === null);
        assert(cosine.value > -1 && cosine.value <= 1);
        assertEquals(share === undefined, variant === "hiddencut");
        if (share === undefined) continue;
        assert(dropped! > 0.1 && dropped! < 0.7, `${variant} drops ${dropped}`);
        if (variant === "dropattention-nograd") assert(share.value > 0);
        else assertEquals(share, { value: 0, error: 0, low: 0, high: 0 });
      }
    }
    assertEquals(claims.length, 5);
    for (const { sentence } of claims) assert(text.includes(sentence));
    const svg = await Deno.readTextFile(`${out}/noise.svg`);
    assert(svg.startsWith("<svg ") && !/NaN|Infinity|undefined/.test(svg));
    const names = elementsOf(svg);
    // One marker a variant in the legend, the square of the noisy variant in all three panels.
    assert(names.filter((name) => name === "polygon").length >= 3 + 2 + 2);
    for (const words of ["dropout rate p", "share of squared norm (%)", "DropKey", "HiddenCut"]) {
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

Deno.test("noise refuses rates that do not ascend in (0, 1), and half a source", async () => {
  for (const rates of ["0.1", "0.2,0.1", "0,0.1", "0.5,1", "0.1,x"]) {
    await assertRejects(() => noiseCommand.run(["--rates", rates]), OptionError, "ascending");
  }
  await assertRejects(() => noiseCommand.run(["--model", "here"]), OptionError, "together");
  await assertRejects(() => noiseCommand.run(["--batch", "300"]), OptionError, "256");
});

Deno.test("spreadOf() finds a known ratio of variance to squared mean", () => {
  const [count, size, mean] = [400, 50, 0.5];
  const gradients = Array.from(
    { length: count },
    (_, n) => Float32Array.from(numbers(n, size, -1, 1), (x) => mean + x),
  );
  // Uniform numbers in [-1, 1) have variance 1/3.
  const expected = 1 / 3 / mean ** 2;
  const { noise, signal } = spreadOf(gradients);
  assertAlmostEquals(noise.all, expected, 0.05);
  assertAlmostEquals(signal.all, 1 / Math.sqrt(expected), 0.02);
  const direct = spreadOf(gradients.slice(1)).noise.all;
  assertAlmostEquals(noise.without[0]!, direct, 1e-9);
  assertEquals(spreadOf([Float32Array.of(1, 2), Float32Array.of(1, 2)]).noise.all, 0);
});

Deno.test("studentT() agrees with tables", () => {
  for (const [degrees, t] of [[3, 3.182], [5, 2.571], [10, 2.228], [31, 2.040], [1000, 1.962]]) {
    assertAlmostEquals(studentT(degrees!), t!, 0.01);
  }
});

Deno.test("judge() follows the numbers: growth, no growth, and growth at some rates", () => {
  const at = (value: number) => ({ value, error: 0.01, low: value - 0.02, high: value + 0.02 });
  const exact = { value: 0, error: 0, low: 0, high: 0 };
  const rowsOf = (noisy: readonly number[], share: number): NoiseRow[] =>
    variants.flatMap((variant) =>
      noisy.map((noise, i): NoiseRow => {
        const own = variant === "dropattention-nograd";
        const sent = own ? at(share * (i + 1)) : exact;
        const figures = {
          ...(variant === "hiddencut" ? {} : { share: sent, dropped: 0.1 }),
          noise: at(own ? noise : 1 + i),
          signal: at(1),
          cosine: at(0.5),
        };
        return { variant, rate: 0.1 * (i + 1), masks: 8, mean: figures, layers: [figures] };
      })
    );
  const verdicts = (rows: NoiseRow[]) => judge(rows).map(({ verdict }) => verdict);
  assertEquals(verdicts(rowsOf([1, 4, 9], 0.2)), ["holds", "holds", "holds", "holds", "holds"]);
  assertEquals(verdicts(rowsOf([1, 2, 3], 0.2)).at(-1), "does not hold");
  assertEquals(verdicts(rowsOf([1, 2, 9], 0.2)).at(-1), "holds only when");
  assertEquals(verdicts(rowsOf([1, 4, 9], 0)).slice(2, 4), ["does not hold", "does not hold"]);
});
