import {
  assert,
  assertEquals,
  assertGreater,
  assertLess,
  assertMatch,
  assertNotEquals,
} from "@std/assert";
import ts from "typescript";
import { writeReport } from "../../../train/report/write_report.ts";
import type { ReportVisit } from "../../browser/report_visit.ts";
import { findProgram, outputOf } from "../../support/programs.ts";
import { metricLines, writeRun } from "../../support/report_runs.ts";

const here = (path: string) => decodeURIComponent(new URL(path, import.meta.url).pathname);
const script = here("../../../train/report/page.js");
const types = decodeURIComponent(
  new URL("uPlot.d.ts", import.meta.resolve("uplot-script")).pathname,
);

/** What the compiler says of scripts of a page, by the types of browsers and of uPlot. */
function faultsOf(texts: Readonly<Record<string, string>>): string[] {
  const options: ts.CompilerOptions = {
    allowJs: true,
    allowUmdGlobalAccess: true,
    checkJs: true,
    exactOptionalPropertyTypes: true,
    lib: ["lib.esnext.d.ts", "lib.dom.d.ts", "lib.dom.iterable.d.ts"],
    module: ts.ModuleKind.ESNext,
    moduleDetection: ts.ModuleDetectionKind.Force,
    noEmit: true,
    skipDefaultLibCheck: true,
    skipLibCheck: true,
    noUncheckedIndexedAccess: true,
    strict: true,
    target: ts.ScriptTarget.ESNext,
    types: [],
  };
  const host = ts.createCompilerHost(options);
  const { fileExists, readFile } = host;
  host.fileExists = (name) => Object.hasOwn(texts, name) || fileExists.call(host, name);
  host.readFile = (name) => texts[name] ?? readFile.call(host, name);
  const program = ts.createProgram([...Object.keys(texts), types], options, host);
  return ts.getPreEmitDiagnostics(program).map(({ file, messageText }) =>
    `${file?.fileName}: ${ts.flattenDiagnosticMessageText(messageText, "\n")}`
  );
}

Deno.test("the page's script keeps the types of browsers and of uPlot", async () => {
  const text = await Deno.readTextFile(script);
  const wrong = text.replace("plot.setSeries(", "plot.setSeriez(");
  const [fault, ...others] = faultsOf({ "/page.js": text, "/wrong.js": wrong });
  assertEquals(others, []);
  assertMatch(fault!, /^\/wrong\.js: .*'setSeriez'/);
});

const chromium = findProgram("chromium");

Deno.test({
  name: "a report opens from its file in Chromium, draws its curves and follows the keyboard" +
    (chromium === undefined ? " (needs chromium)" : ""),
  ignore: chromium === undefined,
  async fn() {
    const root = await Deno.makeTempDir({ prefix: "hiddenkey-" });
    try {
      const run = await writeRun(root, "seen");
      const other = await writeRun(root, "other", { "metrics.jsonl": metricLines(20) });
      const paths = [
        await writeReport([run]),
        await writeReport([run, other], `${root}/both.html`),
      ];
      // Playwright reads below /proc, which Deno grants with all permissions alone.
      const lock = `--lock=${here("../../../deno.dev.lock")}`;
      const script = here("../../browser/report_visit.ts");
      const args = ["run", "--allow-all", "--frozen", lock, script, chromium!];
      const printed = await outputOf("deno", [...args, ...paths.map((path) => `file://${path}`)]);
      const [found, both] = JSON.parse(printed) as [ReportVisit, ReportVisit];
      assertEquals([found.complaints, found.requests, found.overflows], [[], [], false]);
      assertGreater(found.narrow.length, 5);
      for (const pixels of found.narrow) assertGreater(pixels, 300);
      assertEquals(found.drawn.length, 5);
      for (const pixels of found.drawn) assertGreater(pixels, 1000);
      assertLess(found.hidden, found.drawn[0]!);
      assert(found.values[0]!.includes("training, each step 10.2"), found.values[0]);
      assert(found.values[1]!.includes("dev 0.1750"), found.values[1]);
      assertMatch(found.spoken[0]!, /^40\.00: training, each step .*, dev 0\.1750$/);
      assertMatch(found.spoken[1]!, /^4\.000: .*, dev 0\.1750$/);
      assertNotEquals(found.colours[0], found.colours[1]);
      assertEquals(found.colours[0], "Dark theme,rgb(246, 247, 249),#3367c3");
      assertMatch(found.colours[1]!, /^Light theme,/);
      assertEquals(found.order, [
        "skip",
        "theme",
        ...["Figures", "Curves", "Dropout", "Predictions", "Settings"],
        "step",
        "logarithmic loss",
        "plot",
      ]);
      assertEquals([both.complaints, both.requests, both.overflows], [[], [], false]);
      // One run less is one curve of the learning rate less.
      assertLess(both.toggled, both.drawn.at(-1)!);
      assertGreater(both.toggled, 1000);
    } finally {
      await Deno.remove(root, { recursive: true });
    }
  },
});
