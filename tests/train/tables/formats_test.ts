import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { parseCsv } from "../../../train/data/csv.ts";
import type { Tables } from "../../../train/tables/contents.ts";
import { latexText } from "../../../train/tables/latex.ts";
import { tablesOf } from "../../../train/tables/tables.ts";
import { tableFormats, tablesText } from "../../../train/tables/write_tables.ts";
import { sweepOf, wholeSweep } from "../../support/sweep_results.ts";

const tables = tablesOf(wholeSweep());
const hostile = 'a|b_*`<i>&amp;$%#~^\\{}"\n--"x"';
const six = [0.5, 0.6, 0.7, 0.5, 0.6, 0.7];
const strange = tablesOf(sweepOf([
  { method: "lora", figures: six },
  { method: hostile, figures: six.map((figure) => figure + 0.1) },
]));

Deno.test("JSON holds everything, with null for what is no number", async () => {
  const parsed = JSON.parse(await tablesText(tables, "json")) as Tables;
  const plain = JSON.parse(JSON.stringify(tables)) as Tables;
  assertEquals(parsed, plain);
  assertEquals(Object.keys(parsed).sort(), Object.keys(tables).sort());
  const [lora] = JSON.parse(
    await tablesText(tablesOf(sweepOf([{ method: "lora", figures: [1] }])), "json")
      .then((text) => JSON.stringify(JSON.parse(text).tasks[0].scores)),
  );
  assertEquals([lora.mean, lora.sd], [1, null]);
});

Deno.test("CSV has an arm a row, with the very numbers of JSON", async () => {
  const [names, ...rows] = parseCsv(await tablesText(tables, "csv"), "tables.csv")
    .map(({ fields }) => fields);
  const read = rows.map((row) => Object.fromEntries(row.map((field, i) => [names![i], field])));
  const scores = tables.tasks.flatMap((table) => table.scores);
  assertEquals(read.length, scores.length);
  for (const [i, score] of scores.entries()) {
    const own = tables.tasks.flatMap(({ comparisons }) => comparisons)
      .find(({ task, method }) => task === score.task && method === score.method);
    const cost = tables.costs.find(({ task, method }) =>
      task === score.task && method === score.method
    );
    const expected = {
      ...{ n: score.n, planned: score.planned, failed: score.failed, not_finite: score.notFinite },
      ...{ mean: score.mean, sd: score.sd, median: score.median, low: score.interval.low },
      ...{ high: score.interval.high, interquartile_mean: score.interquartileMean },
      ...{ pairs: own?.n, difference: own?.difference, difference_low: own?.interval.low },
      ...{ difference_high: own?.interval.high, p: own?.p, smallest_p: own?.smallestP },
      ...{ holm_p: own?.adjusted, holm_p_all_tasks: own?.adjustedOverAll },
      ...{ improvement: own?.improvement.value, seeds_needed: own?.seedsNeeded },
      ...{ seconds: cost?.seconds, relative_seconds: cost?.relativeSeconds },
      ...{ peak_bytes: cost?.peakBytes, relative_peak_bytes: cost?.relativePeakBytes },
    };
    for (const [name, value] of Object.entries(expected)) {
      const field = read[i]![name]!;
      assertEquals(field === "" ? undefined : Number(field), value, `${name} of ${score.label}`);
    }
    assertEquals([read[i]!["task"], read[i]!["method"]], [score.task, score.method]);
    assertEquals(read[i]!["verdict"], own?.verdict ?? "");
  }
});

Deno.test("CSV keeps names with commas, quotation marks and line breaks", async () => {
  const rows = parseCsv(await tablesText(strange, "csv"), "tables.csv").map(({ fields }) => fields);
  assertEquals(rows.map((row) => row.length), [34, 34, 34]);
  assertEquals(rows[2]![1], hostile);
});

Deno.test("Markdown has whole tables whatever a method is called, and bold for wins alone", async () => {
  const text = await tablesText(strange, "md");
  const lines = text.split("\n").filter((line) => line.startsWith("|"));
  for (const [i, line] of lines.entries()) {
    const columns = line.replaceAll("\\|", "").split("|").length;
    const head = lines.slice(0, i + 1).findLast((one) => /^\| (Method|Task|Model) /.test(one))!;
    assertEquals(columns, head.split("|").length, line);
  }
  const name = 'a\\|b\\_\\*\\`&lt;i&gt;&amp;amp;$%\\#\\~^\\\\{}" --"x"';
  assertStringIncludes(text, `| **${name}** | 6 | `);
  assertStringIncludes(text, "| lora | 6 | 60.00 ± 8.94 | ");
  assert(!text.includes("<i>"));
});

Deno.test("what the adjusted test does not support is not bold, in any format", async () => {
  const undecided = tablesOf(sweepOf([
    { method: "lora", figures: six },
    { method: "hiddenkey", figures: six.map((figure) => figure + 0.1) },
    { method: "dropkey", figures: six.map((figure) => figure + 0.1) },
    { method: "dropattention", figures: six.map((figure) => figure - 0.1) },
  ]));
  const worse = tablesOf(sweepOf([
    { method: "lora", figures: six },
    { method: "dropattention", figures: six.map((figure) => figure - 0.1) },
  ]));
  assertEquals(worse.tasks[0]!.comparisons[0]!.verdict, "worse");
  for (const one of [undecided, worse]) {
    assert(!(await tablesText(one, "md")).replaceAll("- **Note**", "").includes("**"));
    assert(!(await tablesText(one, "latex")).includes("\\textbf"));
    assert(!/class="[^"]*best|<strong>(?!Before)/.test(await tablesText(one, "html")));
  }
  const marks = await Promise.all([
    tablesText(tables, "md").then((text) => text.match(/\*\*better\*\*/g)),
    tablesText(tables, "latex").then((text) => text.match(/\\textbf\{better\}/g)),
    tablesText(tables, "html").then((text) => text.match(/<td class="best">better</g)),
  ]);
  // Of two tasks and their average.
  assertEquals(marks.map((found) => found?.length), [3, 3, 3]);
});

Deno.test("figures are written to what their intervals support, with failures beside n", async () => {
  const text = await tablesText(tables, "md");
  assertMatch(text, /\| dropkey \(span\) \| 7 of 8 \(1 failed\) \| \d\d\.\d ± \d\.\d \| /);
  assertMatch(
    text,
    /\| \*\*hiddenkey\*\* \| 8 \| \*\*\+3\.70\*\* \| \+3\.\d\d to \+4\.\d\d \| 0\.0078 \| /,
  );
  assertStringIncludes(text, "| rte | hiddenkey | 2 | 4 | 0 | lr 0.001\\* |");
  assertStringIncludes(text, "| rte | hiddenkey | 8 | 1 min 30 s | 1.50 × | 400 | 1.00 × |");
});

Deno.test("LaTeX sets every character that it reads as something else", () => {
  assertEquals(
    latexText(hostile),
    "a\\textbar{}b\\_{*}\\textasciigrave{}\\textless{}i\\textgreater{}\\&amp;\\$\\%\\#" +
      "\\textasciitilde{}\\textasciicircum{}\\textbackslash{}\\{\\}{\\char34} -{}-" +
      "{\\char34}x{\\char34}",
  );
  assertEquals(latexText("[a] Holm's"), "{[}a] Holm's");
  assertEquals(
    latexText("84.48 ± 0.98 − 1 × 2 ≤ 3 – …"),
    "84.48 $\\pm$ 0.98 $-$ 1 $\\times$ 2 $\\le$ 3 \\textendash{} \\dots{}",
  );
});

Deno.test("LaTeX's tables have as many cells in each row as columns, and close what they open", async () => {
  for (const one of [tables, strange]) {
    const text = await tablesText(one, "latex");
    const body = text.split("\n").filter((line) => !line.startsWith("%")).join("\n");
    for (const part of body.matchAll(/\\begin\{tabular\}\{([lr]+)\}([^]*?)\\end\{tabular\}/g)) {
      const rows = part[2]!.split("\n").filter((line) => line.endsWith("\\\\"));
      assert(rows.length >= 2);
      for (const row of rows) {
        assertEquals(row.replaceAll("\\&", "").split("&").length, part[1]!.length, row);
      }
    }
    const bare = body.replace(/\\[{}]/g, "");
    let depth = 0;
    for (const character of bare) {
      depth += Number(character === "{") - Number(character === "}");
      assert(depth >= 0);
    }
    assertEquals(depth, 0);
    assertEquals(bare.match(/\\begin/g)!.length, bare.match(/\\end/g)!.length);
    // deno-lint-ignore no-control-regex
    assert(!/[^\x00-\x7f]/.test(body), body.match(/[^\x00-\x7f]/)?.[0]);
    assertEquals(
      (body.match(/\\label\{(.*?)\}/g) ?? []).length,
      new Set(body.match(/\\label\{(.*?)\}/g)).size,
    );
  }
});

Deno.test("a sweep of which nothing is done has tables in every format", async () => {
  const left = { figures: [undefined, undefined], status: "left" } as const;
  const empty = [
    tablesOf(sweepOf([])),
    tablesOf(sweepOf([{ method: "lora", ...left }, { method: "hiddenkey", ...left }])),
  ];
  for (const format of tableFormats) {
    const texts = await Promise.all(empty.map((one) => tablesText(one, format)));
    for (const text of texts) assert(!/NaN|undefined|Infinity/.test(text), text);
    assert(texts[1]!.length > texts[0]!.length || format === "csv");
  }
  const [names, ...rows] = parseCsv(await tablesText(empty[0]!, "csv"), "tables.csv");
  assertEquals([names!.fields.length, rows], [34, []]);
  assertStringIncludes(
    await tablesText(empty[1]!, "md"),
    "| hiddenkey | 0 of 2 (2 unfinished) | – | –",
  );
});
