import { assert, assertEquals } from "@std/assert";
import { drawPanel } from "../../../train/noise/panel.ts";

const frame = { left: 60, top: 20, width: 240, height: 190 };

/** Texts of a panel over these values. */
function texts(values: readonly number[], logarithmic: boolean): string[] {
  const points = values.map((y, i) => ({ x: 0.1 + i / 10, y, low: y, high: y }));
  const style = { colour: "#000", dash: "none", marker: "circle" } as const;
  const svg = drawPanel({
    title: "a",
    label: "b",
    logarithmic,
    span: [],
    lines: [{ style, points }],
    rates: points.map(({ x }) => x),
  }, frame);
  return [...svg.matchAll(/<text[^>]*>([^<]*)</g)].map((match) => match[1]!);
}

Deno.test("ticks are short: powers of ten by exponent where they have many digits, and 0 is 0", () => {
  const decades = texts([2e-6, 3e4], true);
  for (const tick of ["10⁻⁶", "10⁻³", "0.01", "1", "1000", "10⁵"]) {
    assert(decades.includes(tick), `${tick} of ${decades}`);
  }
  const linear = texts([0, 50], false);
  assertEquals(linear.slice(1, 7), ["0", "10", "20", "30", "40", "50"]);
  assertEquals(texts([-0.4, 0.4], false)[1], "−0.4");
});

Deno.test("a logarithmic panel leaves out what is not above 0", () => {
  assertEquals(texts([-1, 0, 10], true).includes("10"), true);
  assert(!texts([-1, 0, 10], true).some((text) => /NaN|Infinity/.test(text)));
});
