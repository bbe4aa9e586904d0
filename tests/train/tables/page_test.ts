import {
  assert,
  assertEquals,
  assertGreater,
  assertMatch,
  assertStringIncludes,
} from "@std/assert";
import { parseXml } from "@rgrove/parse-xml";
import { themes } from "../../../train/report/palette.ts";
import { sweepFigures } from "../../../train/tables/figures.ts";
import { standaloneSvg, tablesPage } from "../../../train/tables/page.ts";
import { tablesOf } from "../../../train/tables/tables.ts";
import type { TablesVisit } from "../../browser/tables_visit.ts";
import { findProgram, outputOf } from "../../support/programs.ts";
import { type MadeArm, sweepOf, wholeSweep } from "../../support/sweep_results.ts";

const six = [0.5, 0.6, 0.7, 0.5, 0.6, 0.7];
const hostile = `<script>alert("x")</script> & '</style>' a very long name of a method`;
const course = (gain: number) =>
  Array.from({ length: 60 }, (_, i) => ({
    step: i + 1,
    loss: 1 / (i + 1) + gain,
    ...(i % 10 === 9 && { eval_accuracy: 0.5 + gain + i / 1000 }),
  }));

/** Arms of every kind of figure, one of them called as a page should not be. */
const arms: readonly MadeArm[] = [
  { method: "lora", figures: six, course: course(0) },
  ...[0.01, 0.05, 0.2].map((rate, i): MadeArm => ({
    ...{ method: hostile, varied: { rate }, figures: six.map((figure) => figure + 0.1 * i) },
    course: course(0.1 * i),
  })),
];
const hostileTables = tablesOf(sweepOf(arms));
const whole = tablesOf(wholeSweep());

Deno.test("every tag of the page is closed in its turn, and every identifier is one element's", async () => {
  for (const tables of [whole, hostileTables]) {
    const page = (await tablesPage(tables)).replace(/<style>[^]*?<\/style>/g, "");
    const open: string[] = [];
    const tag = /<(\/?)([a-z0-9]+)((?:\s+[\w:-]+(?:="[^"]*")?)*)\s*(\/?)>/gi;
    for (const [, isEnd, name, , isEmpty] of page.matchAll(tag)) {
      if (isEnd) assertEquals(open.pop(), name);
      else if (!isEmpty && name !== "meta") open.push(name!);
    }
    assertEquals(open, []);
    assert(
      !/[<>]/.test(page.replace(tag, "").replace(/^<!doctype html><!-- HiddenKey tables -->/, "")),
    );
    const ids = [...page.matchAll(/ id="([^"]*)"/g)].map(([, id]) => id!);
    assertEquals(new Set(ids).size, ids.length);
    const named = [...page.matchAll(/(?:aria-labelledby|href)="#?([^"]*)"/g)]
      .flatMap(([, list]) => list!.split(" "));
    assertGreater(named.length, 5);
    for (const id of named) assert(ids.includes(id), id);
  }
});

Deno.test("the page runs nothing, asks for nothing and shows no name as a part of itself", async () => {
  const page = await tablesPage(hostileTables);
  assertStringIncludes(page, "default-src &#39;none&#39;; script-src &#39;none&#39;;");
  const shown = page.replace(/<style>[^]*?<\/style>/g, "");
  assert(!shown.includes("<script"));
  assert(!/(?:src|action|data|xlink:href)=|https?:|url\(|@import/.test(page), "a reference");
  assertStringIncludes(shown, "&lt;script&gt;alert(&quot;x&quot;)&lt;/script&gt; &amp; &#39;");
});

Deno.test("the page says first what limits its tables", async () => {
  const page = await tablesPage(whole);
  const text = page.replace(/<style>[^]*?<\/style>/g, "").replace(/<[^>]*>/g, " ").replace(
    /\s+/g,
    " ",
  );
  const [before] = text.split(" rte: differences to lora ");
  assertMatch(
    before!,
    /Before you read on Of 48 runs, 2 failed \(dropkey \(span\) on rte, dropkey/,
  );
  assertStringIncludes(text, "hiddenkey 8 +3.70 +3.");
});

Deno.test("each kind of results has its figures", () => {
  assertEquals(sweepFigures(whole).map(({ id, section }) => [id, section]), [
    ["task-rte-forest", "task-rte"],
    ["task-mrpc-forest", "task-mrpc"],
    ["averages-forest", "averages"],
    ["rte-budget", "tuning"],
    ["mrpc-budget", "tuning"],
  ]);
  assertEquals(sweepFigures(hostileTables).map(({ id }) => id), [
    "rte-by-rate",
    "rte-loss",
    "rte-course",
    "task-rte-forest",
  ]);
});

Deno.test("a figure by itself is XML with the colours of a light page and words for it", () => {
  for (const figure of [...sweepFigures(whole), ...sweepFigures(hostileTables)]) {
    const svg = standaloneSvg(figure);
    const { root } = parseXml(svg);
    assertEquals([root!.name, root!.attributes["xmlns"]], ["svg", "http://www.w3.org/2000/svg"]);
    assert(!svg.includes("var(") && svg.includes(themes.light.text));
    assertMatch(svg, /<title id="[\w-]+">[^<]+<\/title>\s*<desc id="[\w-]+">[^<]{20,}<\/desc>/);
    assert(!svg.includes("NaN") && !svg.includes("undefined"), figure.id);
  }
});

const chromium = findProgram("chromium");

Deno.test({
  name:
    "the page fits windows of 1280 and 390 pixels in both themes, and no text is cut or covered" +
    (chromium === undefined ? " (needs chromium)" : ""),
  ignore: chromium === undefined,
  async fn() {
    const root = await Deno.makeTempDir({ prefix: "hiddenkey-" });
    try {
      const names = ["lora-dropout", "dropkey (column)", "hiddenkey- + output dropout", hostile];
      const tasks = ["rte", "mrpc"] as const;
      const many = tasks.flatMap((task): MadeArm[] => [
        ...arms.map((arm) => ({ ...arm, task })),
        ...names.map((method, i): MadeArm => ({
          ...{ task, method, figures: six.map((figure) => figure - 0.1 * i) },
        })),
      ]);
      await Deno.writeTextFile(`${root}/page.html`, await tablesPage(tablesOf(sweepOf(many))));
      const here = (path: string) => decodeURIComponent(new URL(path, import.meta.url).pathname);
      const lock = `--lock=${here("../../../deno.dev.lock")}`;
      const args = ["run", "--allow-all", "--frozen", lock, here("../../browser/tables_visit.ts")];
      const printed = await outputOf("deno", [...args, chromium!, `file://${root}/page.html`]);
      const visits = JSON.parse(printed) as TablesVisit[];
      assertEquals(visits.map(({ view }) => view), [
        "1280 light",
        "1280 dark",
        "390 light",
        "390 dark",
      ]);
      for (const { complaints, requests, overflows, misplaced, broken, ...own } of visits) {
        assertEquals([complaints, requests, overflows, misplaced, broken], [[], [], false, [], []]);
        assertGreater(own.smallest, 10);
        assertEquals(own.counts[0], 9);
      }
      const [light, dark] = visits.map(({ colours }) => colours);
      assertEquals(light![0], "rgb(246, 247, 249)");
      for (const [i, colour] of dark!.entries()) assert(colour !== light![i], colour);
    } finally {
      await Deno.remove(root, { recursive: true });
    }
  },
});
