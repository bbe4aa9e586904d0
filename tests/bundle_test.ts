import {
  assert,
  assertAlmostEquals,
  assertEquals,
  assertLess,
  assertLessOrEqual,
  assertMatch,
} from "@std/assert";
import ts from "typescript";
import metadata from "../deno.json" with { type: "json" };
import * as library from "../mod.ts";
import { drawMasks, runPage } from "./browser/probe.js";
import { everyShader } from "./browser/shaders.ts";
import type { Visit } from "./browser/visit.ts";
import { findProgram, mayRun, outputOf } from "./support/programs.ts";

const here = (path: string) => decodeURIComponent(new URL(path, import.meta.url).pathname);

const readme = await Deno.readTextFile(here("../README.md"));

/** The page that README shows. */
const page = /^```html\n([^]*?)^```$/m.exec(readme)![1]!;

/** A vocabulary of BERT's kind, a word a line. */
const vocabulary = "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\na\ncat\n";

/** A folder as a web server offers it: the bundle, the page and a model. */
let site = "";
/** What the page and the probe do here, on the CPU, with the modules that were bundled. */
let expected: Pick<Visit, "losses" | "files" | "masks">;

/** The same here with kernels of a kind: relaxed ones, which Node 20 lacks, round differently. */
async function pageHere(kernels: "auto" | "simd"): Promise<typeof expected> {
  const openCpu = () => library.openCpu({ kernels });
  const read = (path: string) => Deno.readFile(`${site}/${path}`);
  return {
    ...await runPage(page, { ...library, openWebGpu: () => undefined, openCpu }, read),
    masks: await drawMasks(library, openCpu()),
  };
}

Deno.test.beforeAll(async () => {
  site = await Deno.makeTempDir({ prefix: "hiddenkey-" });
  await outputOf("deno", ["task", "bundle", site], here(".."));
  await Deno.writeTextFile(`${site}/index.html`, page);
  await Deno.copyFile(here("browser/probe.js"), `${site}/probe.js`);
  await Deno.mkdir(`${site}/model`);
  for (const name of ["config.json", "model.safetensors"]) {
    await Deno.copyFile(here(`golden/bert-classification/base/${name}`), `${site}/model/${name}`);
  }
  expected = await pageHere("auto");
});

Deno.test.afterAll(() => Deno.remove(site, { recursive: true }));

/** Texts of the files that an entry loads at once, itself included. */
async function loadedAtOnce(entry: string): Promise<string[]> {
  const names = new Set([entry]);
  const texts: string[] = [];
  for (const name of names) {
    const text = await Deno.readTextFile(`${site}/${name}`);
    for (const [, to] of text.matchAll(/(?:from|import)\s*"\.\/([^"]+)"/g)) names.add(to!);
    texts.push(text);
  }
  return texts;
}

Deno.test("the bundle has the exports of mod.ts in at most 232 kB, and nothing of a host", async () => {
  const texts = await loadedAtOnce("hiddenkey.js");
  const bytes = texts.map((text) => new TextEncoder().encode(text).length);
  const total = bytes.reduce((sum, length) => sum + length);
  assertLessOrEqual(total, 232_000);
  const told = /loads\s(\d+)\skB at once/.exec(readme)![1]!;
  assertAlmostEquals(total / 1000, Number(told), 2);
  for (const text of texts) {
    const imported = ts.preProcessFile(text, true, true).importedFiles;
    assertEquals(imported.filter(({ fileName }) => !fileName.startsWith("./")), []);
    assertEquals(text.match(/\b(?:Deno|process|Buffer|require)[.(]/g), null);
  }
  const bundled = await import(`file://${site}/hiddenkey.js`);
  assertEquals(Object.keys(bundled).sort(), Object.keys(library).sort());
});

Deno.test("a strict TypeScript project compiles against the bundle's declarations", async () => {
  const consumer = `${site}/consumer.ts`;
  await Deno.writeTextFile(
    consumer,
    `import { Device, FileError, openCpu, sum, tensor, type ModelConfig } from "./hiddenkey.js";
export async function total(config: ModelConfig): Promise<number> {
  await using device = new Device(openCpu());
  // @ts-expect-error A width is no text.
  const width: string = config.hiddenSize;
  // @ts-expect-error A tensor needs a device.
  tensor([width]);
  if (width === "") throw new FileError("Cannot", "here", 3);
  return await sum(tensor(device, [1, 2, 3])).item();
}
`,
  );
  const program = ts.createProgram([consumer], {
    exactOptionalPropertyTypes: true,
    lib: ["lib.es2022.d.ts", "lib.dom.d.ts"],
    module: ts.ModuleKind.ESNext,
    moduleResolution: ts.ModuleResolutionKind.Bundler,
    noEmit: true,
    strict: true,
    target: ts.ScriptTarget.ES2022,
    types: [],
  });
  const found = ts.getPreEmitDiagnostics(program).map(({ file, messageText }) =>
    `${file?.fileName}: ${ts.flattenDiagnosticMessageText(messageText, "\n")}`
  );
  assertEquals(found, []);
});

Deno.test("README's page trains on a model whose losses are finite and not all the same", () => {
  assertEquals(expected.losses.length, 10);
  assert(expected.losses.every(Number.isFinite));
  assert(new Set(expected.losses).size === 10);
  assert(Object.values(expected.masks).every((mask) => /^[01]*(01|10)[01]*$/.test(mask)));
});

Deno.test({
  name: "the bundle trains and draws masks in Node, bit for bit as here" +
    (mayRun("node") ? "" : " (needs node and --allow-run=node)"),
  ignore: !mayRun("node"),
  async fn() {
    const script = `
      import { readFile } from "node:fs/promises";
      import * as library from "./hiddenkey.js";
      import { drawMasks, runPage } from "./probe.js";
      const openCpu = () => library.openCpu({ kernels: "simd" });
      const cpuAlone = { ...library, openWebGpu: () => undefined, openCpu };
      const page = await runPage(await readFile("index.html", "utf8"), cpuAlone, readFile);
      const masks = await drawMasks(library, await library.openWebGpu() ?? library.openCpu());
      console.log(JSON.stringify({ ...page, masks }));`;
    const printed = await outputOf("node", ["--input-type=module", "--eval", script], site);
    assertEquals(JSON.parse(printed), await pageHere("simd"));
  },
});

Deno.test({
  name: "the bundle opens a tokenizer in Node, and its errors are the bundle's own" +
    (mayRun("node") ? "" : " (needs node and --allow-run=node)"),
  ignore: !mayRun("node"),
  async fn() {
    const script = `
      import { FileError, openTokenizer } from "./hiddenkey.js";
      const files = { "vocab.txt": ${JSON.stringify(vocabulary)} };
      const { ids } = (await openTokenizer(files)).encode("a cat");
      const error = await openTokenizer({ "tokenizer.json": {} }, "here").catch((error) => error);
      console.log(JSON.stringify([ids, error instanceof FileError]));`;
    const printed = await outputOf("node", ["--input-type=module", "--eval", script], site);
    const expected = (await library.openTokenizer({ "vocab.txt": vocabulary })).encode("a cat").ids;
    assertEquals(expected, [2, 5, 6, 3]);
    assertEquals(JSON.parse(printed), [expected, true]);
  },
});

Deno.test({
  name: "the npm package's entries share their modules, in Node" +
    (mayRun("node") ? "" : " (needs node and --allow-run=node)"),
  ignore: !mayRun("node"),
  async fn() {
    const { version, exports } = JSON.parse(await Deno.readTextFile(`${site}/package.json`));
    assertEquals(version, metadata.version);
    assertMatch(version, /^\d+\.\d+\.\d+$/);
    assertEquals(Object.keys(exports), [".", "./ops", "./backend"]);
    for (const entry of Object.values(exports) as { types: string; default: string }[]) {
      for (const path of Object.values(entry)) await Deno.stat(`${site}/${path}`);
    }
    const script = `
      import { Device, gradient, openCpu, sum, tensor } from "${exports["."].default}";
      import { apply, elementwise } from "${exports["./ops"].default}";
      const op = elementwise("softplus", 1, (x) => x.unary("exp").add(1).unary("log"));
      const device = new Device(openCpu());
      const x = tensor(device, [0]);
      const { gradients } = gradient(() => sum(apply(op, [x], {})[0]), [x]);
      console.log(await gradients[0].item());
      await device[Symbol.asyncDispose]();`;
    const args = ["--input-type=module", "--eval", script];
    assertEquals(Number(await outputOf("node", args, site)), 0.5);
  },
});

Deno.test({
  name: "the bundle's threads work in Node, end with the process and change no result" +
    (mayRun("node") ? "" : " (needs node and --allow-run=node)"),
  ignore: !mayRun("node"),
  async fn() {
    const script = `
      import { Device, matmul, openCpu, tensor } from "./hiddenkey.js";
      const numbers = Array.from({ length: 2 ** 18 }, (_, i) => Math.sin(i));
      const results = [];
      for (const threads of [1, 4]) {
        const backend = openCpu({ kernels: "simd", threads });
        const x = tensor(new Device(backend), numbers, [512, 512]);
        results.push(String(await matmul(x, x).read()));
        console.log(backend.description);
      }
      console.log(results[0] === results[1]);`;
    const printed = await outputOf("node", ["--input-type=module", "--eval", script], site);
    const cpu = "CPU, WebAssembly SIMD";
    assertEquals(printed.trim().split("\n"), [`${cpu}, 1 thread`, `${cpu}, 4 threads`, "true"]);
  },
});

Deno.test({
  name: "an uncaught error of the bundle prints little of its code in Node" +
    (mayRun("node") ? "" : " (needs node and --allow-run=node)"),
  ignore: !mayRun("node"),
  async fn() {
    const script = `
      import { Device, openCpu, tensor } from "./hiddenkey.js";
      tensor(new Device(openCpu()), [1, 2, 3], [2]);`;
    const args = ["--input-type=module", "--eval", script];
    const { success, stderr } = await new Deno.Command("node", { args, cwd: site }).output();
    const printed = new TextDecoder().decode(stderr);
    assertEquals(success, false);
    assertMatch(printed, /ShapeError/);
    assertLess(printed.length, 2000);
    for (const text of await loadedAtOnce("hiddenkey.js")) {
      assertLess(Math.max(...text.split("\n").map((line) => line.length)), 1000);
    }
  },
});

const chromium = findProgram("chromium");

Deno.test({
  name: "README's page trains in Chromium on the CPU bit for bit as here, on WebGPU to 1e-5" +
    (chromium === undefined ? " (needs chromium)" : ""),
  ignore: chromium === undefined,
  async fn() {
    await Deno.writeTextFile(`${site}/shaders.json`, JSON.stringify(await everyShader()));
    // Playwright reads below /proc, which Deno grants with all permissions alone.
    const flags = ["--allow-all", "--frozen", `--lock=${here("../deno.dev.lock")}`];
    const args = ["run", ...flags, here("browser/visit.ts"), chromium!, site];
    const [cpu, gpu] = JSON.parse(await outputOf("deno", args)) as [Visit, Visit];
    assertEquals([...cpu.complaints, ...gpu.complaints], []);
    assertEquals(cpu, { ...expected, complaints: [] });
    assertEquals(gpu.masks, expected.masks);
    gpu.losses.forEach((loss, step) => {
      const error = Math.abs(loss / expected.losses[step]! - 1);
      assertLessOrEqual(error, 1e-5, `step ${step} on ${gpu.adapter ?? "the CPU"}: ${loss}`);
    });
  },
});
